"""A text column that is encrypted in the database."""

import base64
import hashlib
import logging
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models

log = logging.getLogger(__name__)


class Unreadable(str):
    """Stands, empty, for a secret that none of our keys opens."""

    __slots__ = ()


class EncryptedTextField(models.TextField):
    """Text that is stored as a Fernet token; the key comes from FIELD_KEY_FILE, else from SECRET_KEY.

    What cannot be read with any key (SECRET_KEY_FALLBACKS count) is read as an empty `Unreadable`,
    so that a lost key costs the passwords and not the pages.
    """

    def get_prep_value(self, value: Any) -> Any:
        text = super().get_prep_value(value)
        return cipher().encrypt(text.encode()).decode() if text else text

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        if not value:
            return value
        try:
            return cipher().decrypt(value.encode()).decode()
        except InvalidToken:
            log.error("A stored secret in %s cannot be read with the present keys.", self)
            return Unreadable()


def cipher() -> MultiFernet:
    return _cipher(settings.FIELD_KEY_FILE, settings.SECRET_KEY, tuple(settings.SECRET_KEY_FALLBACKS))


@lru_cache(maxsize=4)
def _cipher(key_file: str, secret_key: str, fallbacks: tuple[str, ...]) -> MultiFernet:
    sources = [_read(key_file)] if key_file else []
    sources += [secret_key, *fallbacks]
    return MultiFernet([Fernet(_key(source)) for source in sources])


def _read(key_file: str) -> str:
    try:
        text = Path(key_file).read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(f"FIELD_KEY_FILE: {key_file} cannot be read: {error.strerror}.") from error
    if len(text) < 20:
        raise ImproperlyConfigured(f"FIELD_KEY_FILE: {key_file} holds fewer than 20 characters.")
    return text


def _key(source: str) -> bytes:
    """32 bytes for Fernet, bound to this use, so that the same SECRET_KEY elsewhere is another key."""
    digest = hashlib.blake2b(source.encode(), digest_size=32, person=b"ganetimgr-field").digest()
    return base64.urlsafe_b64encode(digest)
