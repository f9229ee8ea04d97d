"""The operating systems of this site: what the settings name and what listings hold, kept by the watcher."""

import hashlib
import logging
from collections.abc import Iterable
from functools import lru_cache

import msgspec
from django.conf import settings
from django.utils import timezone

from apps.applications.models import ImageListing
from ganeti import images
from ganeti.download import CannotFetch
from ganeti.images import Image, Source

log = logging.getLogger(__name__)


def catalogue() -> dict[str, Image]:
    """Every image by id, in the order in which people choose. Costs one small query; nothing is fetched here."""
    rows = ImageListing.objects.filter(fetched_at__isnull=False).values_list("pk", "kind", "address_hash", "fetched_at")
    wanted = [_key(source) for source in sources()]
    known = {(kind, address): (pk, fetched) for pk, kind, address, fetched in rows}
    present = tuple(known[key] for key in wanted if key in known)
    return images.sorted_catalogue([*images.from_dictionary(settings.OPERATING_SYSTEMS), *_stored(present)])


def choices() -> list[tuple[str, str]]:
    """(id, description) of each image: all that people ever see of one."""
    return [(image.id, image.description) for image in catalogue().values()]


def sources() -> list[Source]:
    """The listings that the settings name."""
    dumps = {"img_properties": settings.SNF_IMG_PROPERTIES, "img_passwd": settings.SNF_IMG_PASSWD}
    extra = {name: value for name, value in dumps.items() if value}
    return [
        *(_archives(url) for url in settings.OPERATING_SYSTEMS_URLS),
        *(Source(images.SNF, url, extra=extra) for url in settings.SNF_OPERATING_SYSTEMS_URLS),
        *(Source(images.META, url, suffix=settings.IMG_META_SFX) for url in settings.IMAGES_URL),
    ]


def _archives(url: str) -> Source:
    provider, key_param = settings.OPERATING_SYSTEMS_PROVIDER, settings.OPERATING_SYSTEMS_SSH_KEY_PARAM
    return Source(images.ARCHIVES, url, provider=provider, ssh_key_param=key_param)


def refresh(listings: Iterable[Source] | None = None) -> None:
    """Fetches every listing and keeps what it holds; of one that does not answer, what it held before.

    A chore of the watcher; outside of any transaction.
    """
    for source in sources() if listings is None else listings:
        kind, address_hash = _key(source)
        now = timezone.now()
        row = {"address": source.url, "tried_at": now}
        try:
            found = images.from_source(source)
            content = msgspec.json.encode(found).decode()
        except CannotFetch as error:
            log.warning("Images of the kind %s could not be listed: %s.", source.kind, error)
            row["error"] = str(error)
        except (ValueError, TypeError, RecursionError, LookupError):  # one listing's contents must not cost the others
            log.exception("A listing of the kind %s could not be read.", source.kind)
            row["error"] = "its contents cannot be read"
        else:
            row |= {"images": content, "count": len(found), "fetched_at": now, "error": ""}
        ImageListing.objects.update_or_create(kind=kind, address_hash=address_hash, defaults=row)
    _forget_others()


def _forget_others() -> None:
    wanted = {_key(source) for source in sources()}
    gone = [
        pk
        for pk, kind, address in ImageListing.objects.values_list("pk", "kind", "address_hash")
        if (kind, address) not in wanted
    ]
    ImageListing.objects.filter(pk__in=gone).delete()


def _key(source: Source) -> tuple[str, str]:
    """What a listing is known by; other common parameters make it another one."""
    common = msgspec.json.encode([source.url, source.provider, source.ssh_key_param, source.suffix, source.extra])
    return source.kind, hashlib.sha256(common).hexdigest()


@lru_cache(maxsize=2)
def _stored(present: tuple[tuple[int, object], ...]) -> list[Image]:
    """The images of these rows as of then, in this order; decoded once."""
    bodies = dict(ImageListing.objects.filter(pk__in=[pk for pk, _ in present]).values_list("pk", "images"))
    found: list[Image] = []
    for pk, _ in present:
        body = bodies.get(pk)
        if body:
            try:
                found += msgspec.json.decode(body, type=list[Image])
            except (msgspec.MsgspecError, RecursionError):
                log.error("What is kept of the listing %s cannot be read.", pk)
    return found
