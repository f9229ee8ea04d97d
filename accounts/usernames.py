"""Which user names there can be: what Ganeti's tags can carry, and what pretends to be nobody else."""

import re

from django.conf import settings
from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from accounts import ownership
from ganeti import tags

# Narrower than the alphabet of Ganeti's tags: a colon, a slash or an asterisk mean something in tags and addresses of
# pages, a leading dot or hyphen in paths and commands, and who is named like an address may be taken for its owner.
_SHAPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")


def problem_with(name: str) -> str:
    """Why nobody can have this user name, as a sentence; empty for a good one."""
    if not _SHAPE.fullmatch(name):
        return _("A user name has Latin letters, digits and . _ + - only, and begins with a letter or a digit.")
    if len(name) > longest():
        return _("A user name has at most %(n)s characters.") % {"n": longest()}
    if name.casefold() in {reserved.casefold() for reserved in settings.RESERVED_USERNAMES}:
        return _("This user name is reserved. Please take another one.")
    return ""


def longest() -> int:
    """How many characters fit, both into a tag and into the database."""
    field = User._meta.get_field("username").max_length or 0
    return min(field, tags.MAX_LENGTH - len(f"{settings.GANETI_TAG_PREFIX}:users:"))


def is_taken(name: str, besides: User | None = None) -> bool:
    """Whether somebody (`besides` one) has this name, in whatever capital letters."""
    others = User.objects.exclude(pk=besides.pk) if besides else User.objects.all()
    return others.filter(username__iexact=name).exists()


def why_kept(name: str) -> str:
    """The sentence for who comes by a name whose VMs are just getting another one; empty for others."""
    if ownership.is_kept(ownership.USER, name):
        return _("Somebody had this user name until just now. Try again later.")
    return ""


def is_in_tags(name: str) -> bool:
    """Whether VMs carry this name: who registered it would own them. Also where nobody can say that they do not."""
    try:
        return ownership.is_owner_somewhere(ownership.USER, name)
    except ownership.NotKnown:
        return True
