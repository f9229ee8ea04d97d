"""The grammar of the tags that ganetimgr keeps on Ganeti's objects.

Ganeti allows the characters `[\\w.+*/:@-]`, at most 128 of them, and 4096 tags per object
(Ganeti's lib/constants.py, TAG_RE and MAX_TAGS_PER_OBJ).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

DEFAULT_PREFIX = "ganetimgr"
MAX_LENGTH = 128
MAX_PER_OBJECT = 4096
LOCKED_GROUP = "locked"  # on a node group: maintenance, owners wait

_ALLOWED = re.compile(r"[\w.+*/:@-]+", re.ASCII)
_SPELLINGS = {"user": "user", "users": "user", "group": "group", "groups": "group"}
_FLAGS = frozenset({"adminlock", "isolate", "needsreboot"})


@dataclass(frozen=True, slots=True)
class InstanceTags:
    """What an instance's tags say; `other` holds the tags that are not ours, in their order."""

    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    organization: str = ""
    application: int | None = None
    services: tuple[str, ...] = ()
    volume_group: str = ""
    whitelist: tuple[str, ...] = ()
    adminlock: bool = False
    isolate: bool = False
    needsreboot: bool = False
    other: tuple[str, ...] = ()


def parse(tags: Iterable[str], prefix: str = DEFAULT_PREFIX) -> InstanceTags:
    """What `tags` say about an instance. Both spellings of owners count; a tag without a meaning is kept in `other`."""
    users: dict[str, None] = {}
    groups: dict[str, None] = {}
    kinds = ("org", "application", "service", "vg", "whitelist_ip", "other")
    found: dict[str, list[str]] = {kind: [] for kind in kinds}
    flags: set[str] = set()
    for tag in tags:
        kind, value = split(tag, prefix)
        if kind == "user":
            users[value] = None
        elif kind == "group":
            groups[value] = None
        elif kind in _FLAGS and not value:
            flags.add(kind)
        elif kind == "application" and not _is_number(value):
            found["other"].append(tag)
        elif kind in found and kind != "other" and value:
            found[kind].append(value)
        else:
            found["other"].append(tag)
    return InstanceTags(
        users=tuple(users),
        groups=tuple(groups),
        organization=found["org"][0] if found["org"] else "",
        application=int(found["application"][0]) if found["application"] else None,
        services=tuple(found["service"]),
        volume_group=found["vg"][0] if found["vg"] else "",
        whitelist=tuple(found["whitelist_ip"]),
        adminlock="adminlock" in flags,
        isolate="isolate" in flags,
        needsreboot="needsreboot" in flags,
        other=tuple(found["other"]),
    )


def _is_number(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) < 19  # what a database's integer holds


def split(tag: str, prefix: str = DEFAULT_PREFIX) -> tuple[str, str]:
    """A tag of ours as (kind, value), with one spelling for owners; ("", "") for a stranger's tag."""
    head, _, rest = tag.partition(":")
    if head != prefix or not rest:
        return "", ""
    kind, _, value = rest.partition(":")
    if kind in _SPELLINGS:
        return (_SPELLINGS[kind], value) if value else ("", "")  # an owner without a name is nobody
    return kind, value


def owners(tags: Iterable[str], prefix: str = DEFAULT_PREFIX) -> set[str]:
    """The owners named in `tags`, as "user:NAME" and "group:NAME": the keys of the owner index."""
    pairs = (split(tag, prefix) for tag in tags)
    return {f"{kind}:{value}" for kind, value in pairs if kind in ("user", "group")}


def owner_tag(kind: str, name: str, prefix: str = DEFAULT_PREFIX, *, singular: bool = False) -> str:
    """The tag that makes user or group `name` an owner (`kind` is "user" or "group").

    Raises ValueError with a sentence where Ganeti could not carry it.
    """
    return checked(f"{prefix}:{kind}{'' if singular else 's'}:{name}")


def owner_tags(kind: str, name: str, prefix: str = DEFAULT_PREFIX) -> tuple[str, str]:
    """Both spellings of an owner's tag, for taking it away."""
    return f"{prefix}:{kind}s:{name}", f"{prefix}:{kind}:{name}"


def checked(tag: str) -> str:
    """`tag` itself, if Ganeti can carry it; else ValueError with a sentence."""
    if len(tag) > MAX_LENGTH:
        raise ValueError(f"Ganeti's tags have at most {MAX_LENGTH} characters, this one has {len(tag)}.")
    if not _ALLOWED.fullmatch(tag):
        wrong = "".join(sorted({character for character in tag if not _ALLOWED.fullmatch(character)}))
        raise ValueError(f"Ganeti's tags cannot carry these characters: {wrong!r}.")
    return tag
