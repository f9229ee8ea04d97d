"""What people may write about themselves, wherever they write it."""

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

# Line breaks and other control characters, what turns the direction of writing, and what makes addresses and HTML
_NOT_IN_NAMES = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069<>@:/\\|]")
_TELEPHONE = re.compile(r"[0-9+()./; -]*")


def check_name(name: str) -> None:
    """Raises ValidationError for what is no name or surname: it stands in headers of mails."""
    if _NOT_IN_NAMES.search(name):
        raise ValidationError(_("A name has no line breaks and none of < > @ : / \\ |"), code="invalid")


def check_telephone(number: str) -> None:
    """Raises ValidationError for what is no telephone number; how long one is differs too much from place to place."""
    if not _TELEPHONE.fullmatch(number):
        raise ValidationError(_("A telephone number has digits, blanks and + ( ) . ; / - only."), code="invalid")
