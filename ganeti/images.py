"""The operating systems that a VM can be made with, gathered from all kinds of places that sites keep them.

Four kinds: a dictionary in the settings; listings of archives for ganeti-instance-image, described by a `.dsc` beside
each; listings of disk dumps for snf-image; and listings of `.meta` files, JSON that says everything about an image.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, unquote, urljoin, urlsplit

import gevent
import msgspec
from gevent.pool import Pool

from ganeti.download import CannotFetch, Document, fetch
from ganeti.objects import Value

MAX_LISTING = 4 * 2**20  # bytes of a listing
MAX_META = 2**16  # bytes of a description
MAX_IMAGES = 500  # of one listing
MAX_TEXT = 255
MAX_PARAMETERS = 64
MAX_OSPARAMS = 8192  # bytes of all of them, as JSON
MAX_DEPTH = 8  # of what is nested in them
MAX_LINKS = 20_000  # of a listing
AT_ONCE = 8
PIECE = 2**16  # characters of a page that are read at a time
WITHIN = 10.0  # seconds for a document
WITHIN_ALL = 60.0  # seconds for a listing and all its descriptions

NONE = "none"  # the image of a VM without an operating system
ARCHIVES, SNF, META = "archives", "snf", "meta"

_FORMATS = ((".tar.gz", "tarball"), (".img", "qemu"), ("-root.dump", "dump"))
_ARCHITECTURE = re.compile(r"-(x86_|amd|i386)")

Fetch = Callable[..., Document]


class Image(Value, frozen=True):
    """An operating system: what people read, and what Ganeti is told. `osparams` may hold passwords."""

    id: str
    description: str
    provider: str
    osparams: dict[str, Any] = msgspec.field(default_factory=dict)
    ssh_key_param: str = ""  # the OS parameter that takes the address of the owner's keys
    ssh_key_users: str = ""  # "user[:group[:path]] ...": whose authorized_keys are written through img_personality

    @property
    def takes_keys(self) -> bool:
        """Whether the owner's SSH keys end up in the VM."""
        return bool(self.ssh_key_param or self.ssh_key_users)

    def __repr__(self) -> str:
        return f"<Image {self.id!r}>"  # without osparams: a representation ends up in logs


class Source(Value, frozen=True):
    """A listing, and what all images of it have in common."""

    kind: str  # ARCHIVES, SNF or META
    url: str
    provider: str = ""
    ssh_key_param: str = ""
    suffix: str = ".meta"
    extra: dict[str, Any] = msgspec.field(default_factory=dict)  # OS parameters added to each image


# ---- the whole catalogue ------------------------------------------------------------------------------------


def sorted_catalogue(images: Iterable[Image]) -> dict[str, Image]:
    """Images by id, the one without a system first, the others by description; the first of equal ids wins."""
    found: dict[str, Image] = {}
    for image in images:
        found.setdefault(image.id, image)
    ordered = sorted(found.values(), key=lambda image: (image.id != NONE, image.description.casefold(), image.id))
    return {image.id: image for image in ordered}


def from_dictionary(entries: Mapping[str, Any]) -> list[Image]:
    """The images of the setting OPERATING_SYSTEMS; an entry without a provider is none."""
    return [
        image
        for name, entry in entries.items()
        if isinstance(entry, Mapping) and (image := _image(str(name), entry)) is not None
    ]


def from_source(source: Source, get: Fetch = fetch) -> list[Image]:
    """The images of a listing as they are now, MAX_IMAGES at most.

    Raises CannotFetch when the listing does not come. A description that does not come costs only itself:
    an archive is then called by its name, and a `.meta` file is left out.
    """
    listing = get(source.url, within=WITHIN, max_bytes=MAX_LISTING, accept="application/json, text/html;q=0.9")
    links = links_of(listing)
    if source.kind == META:
        wanted = [link for link in links if link.endswith(source.suffix)][:MAX_IMAGES]
        found = _described(wanted, lambda link: _from_meta(get(link, within=WITHIN, max_bytes=MAX_META)))
    else:
        make = _from_dump if source.kind == SNF else _from_archive
        described = {link for link in links if link.endswith(".dsc")}
        wanted = [link for link in links if make(source, link, "") is not None][:MAX_IMAGES]
        found = _described(wanted, lambda link: make(source, link, _description(link, described, get)))
    return list(sorted_catalogue(image for image in found if image is not None).values())


def _described(links: list[str], make: Callable[[str], Image | None]) -> list[Image | None]:
    """`make` of each link, some at once; what is not there in time is None."""

    def one(link: str) -> Image | None:
        try:
            return make(link)
        except CannotFetch:
            return None

    pool = Pool(AT_ONCE)
    try:
        waiting = [pool.spawn(one, link) for link in links]
        pool.join(timeout=WITHIN_ALL)
    finally:
        pool.kill()
    return [greenlet.value if isinstance(greenlet.value, Image) else None for greenlet in waiting]


def _description(link: str, described: set[str], get: Fetch) -> str:
    if f"{link}.dsc" not in described:
        return ""
    try:
        return get(f"{link}.dsc", within=WITHIN, max_bytes=MAX_META).text
    except CannotFetch:
        return ""


# ---- one image -------------------------------------------------------------------------------------------------


def _from_archive(source: Source, link: str, description: str) -> Image | None:
    name = file_name(link)
    for ending, kind in _FORMATS:
        if name.endswith(ending):
            image_id = _ARCHITECTURE.split(name.removesuffix(ending))[0]
            osparams = {"img_id": image_id, "img_format": kind}
            if image_id.startswith("nomount-"):
                osparams["img_nomount"] = "yes"
            return _image(
                image_id,
                {
                    "description": description or image_id,
                    "provider": source.provider,
                    "osparams": {**osparams, **source.extra},
                    "ssh_key_param": source.ssh_key_param,
                },
            )
    return None


def _from_dump(source: Source, link: str, description: str) -> Image | None:
    name = file_name(link)
    if not name.endswith(".img"):
        return None
    parts = urlsplit(link)
    return _image(
        parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl(),  # people read it: without a password
        {
            "description": description or name.removesuffix(".img"),
            "provider": source.provider or "snf-image+default",
            "osparams": {"img_id": link, "img_format": "diskdump", **source.extra},
            "ssh_key_users": "root",
        },
    )


def _from_meta(document: Document) -> Image | None:
    try:
        entry = json.loads(document.body)
        return _image(str(entry["osparams"]["img_id"]), entry)
    except (ValueError, LookupError, TypeError, RecursionError):
        return None


def _image(image_id: str, entry: Mapping[str, Any]) -> Image | None:
    """What `entry` says, tidied; None where it lacks a provider or an id, or where Ganeti could not be told."""
    provider, osparams = _line(entry.get("provider")), entry.get("osparams") or {}
    if not provider or not image_id or _line(image_id) != image_id:
        return None
    if not isinstance(osparams, Mapping) or len(osparams) > MAX_PARAMETERS or not _can_be_kept(osparams):
        return None
    return Image(
        id=image_id,
        description=_line(entry.get("description")) or image_id,
        provider=provider,
        osparams={str(key): value for key, value in osparams.items()},
        ssh_key_param=_line(entry.get("ssh_key_param")),
        ssh_key_users=_line(entry.get("ssh_key_users")),
    )


def _can_be_kept(osparams: Mapping[str, Any]) -> bool:
    """Whether parameters are small, flat and of letters that exist: deeper ones break whoever reads them later."""
    level: list[Any] = [osparams]
    for _ in range(MAX_DEPTH):
        containers = [item for item in level if isinstance(item, Mapping | list)]
        level = [part for item in containers for part in (item.values() if isinstance(item, Mapping) else item)]
        if not level:
            break
    else:
        return False
    try:
        return len(msgspec.json.encode(osparams)) <= MAX_OSPARAMS
    except (ValueError, TypeError, OverflowError):  # half a letter, a key that is no text, a number without end
        return False


def _line(value: Any) -> str:
    """A text on one line, without what cannot be seen; empty for what is no text."""
    if not isinstance(value, str):
        return ""
    visible = "".join(sign for sign in value[: 4 * MAX_TEXT] if sign.isprintable() or sign.isspace())
    return " ".join(visible.split())[:MAX_TEXT]


# ---- listings ----------------------------------------------------------------------------------------------------


def links_of(listing: Document) -> list[str]:
    """The addresses of the files directly in a listed directory, each once: Apache's, nginx's and lighttpd's pages,
    and nginx's JSON. What lies elsewhere is no part of the listing."""
    directory = listing.url.partition("#")[0].partition("?")[0].rpartition("/")[0] + "/"
    found = (_joined(directory, name) for name in _names(listing)[:MAX_LINKS])
    return list(dict.fromkeys(link for link in found if _is_in(directory, link)))


def _joined(directory: str, name: str) -> str:
    try:
        return urljoin(directory, name).partition("#")[0].partition("?")[0]
    except ValueError:  # "//[" and its like are no addresses
        return ""


def file_name(link: str) -> str:
    """The last part of an address, as a person would write it."""
    return unquote(urlsplit(link).path.rpartition("/")[2])


def _names(listing: Document) -> list[str]:
    if "json" in listing.content_type or listing.body[:1] == b"[":
        try:
            rows = json.loads(listing.body)
        except (ValueError, RecursionError):
            return []
        rows = rows if isinstance(rows, list) else []
        files = [row for row in rows if isinstance(row, Mapping) and row.get("type", "file") == "file"]
        return [quote(row["name"], safe="", errors="replace") for row in files if isinstance(row.get("name"), str)]
    parser, page = _Links(), listing.text
    for begin in range(0, len(page), PIECE):
        parser.feed(page[begin : begin + PIECE])
        if len(parser.found) > MAX_LINKS:
            break
        gevent.sleep(0)  # a long page holds up nobody
    return parser.found


def _is_in(directory: str, link: str) -> bool:
    rest = link.removeprefix(directory)
    return rest != link and bool(rest) and "/" not in rest and rest not in (".", "..")


class _Links(HTMLParser):
    """The targets of all links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]
