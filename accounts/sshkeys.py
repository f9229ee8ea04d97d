"""SSH public keys as people paste them: which ones we take, and why not the others.

A key is one line as OpenSSH writes it, "type base64 comment". What is kept goes into VMs' authorized_keys: nothing
that reads as a second line, as options or as anything but a key may pass.
"""

import base64
import binascii
import dataclasses
import hashlib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_public_key
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import deeds, outbox, profiles
from accounts.models import SshPublicKey, UserProfile

MAX_TEXT = 64 * 1024  # bytes of a paste and a file together
MAX_COMMENT = 255  # the column's
MIN_RSA_BITS, MAX_RSA_BITS = 2048, 16384  # what OpenSSH reads at most

PLAIN_TYPES = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa")
SECURITY_KEY_TYPES = ("sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com")
TYPES = (*PLAIN_TYPES, *SECURITY_KEY_TYPES)

_LINE_BREAK = re.compile(r"\r\n|\n|\r")
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_TYPE_FURTHER_ON = re.compile(r"[\s,](?:ssh-|ecdsa-|sk-)[\w@.-]+\s+AAAA")
# What begins and ends formats of several lines. PuTTY's ends with a checksum.
_BLOCKS = (
    (re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY"), re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY")),
    (re.compile(r"PuTTY-User-Key-File"), re.compile(r"^\s*Private-(?:MAC|Hash):")),
    (re.compile(r"---- BEGIN SSH2 PUBLIC KEY"), re.compile(r"---- END SSH2 PUBLIC KEY")),
    (re.compile(r"-----BEGIN "), re.compile(r"-----END ")),
)
_SECRET = re.compile(r"-----(?:BEGIN|END) [A-Z0-9 ]{0,40}PRIVATE KEY|PuTTY-User-Key-File")


@dataclass(frozen=True, slots=True)
class Key:
    """A key that can be kept; the fingerprints are those of `ssh-keygen -l`."""

    key_type: str
    key: str  # base64
    comment: str
    fingerprint: str  # "SHA256:..."
    fingerprint_md5: str  # "aa:bb:..."


@dataclass(frozen=True, slots=True)
class Refusal:
    """Lines that are no key for us, and why, as a sentence."""

    number: int  # of the first line, from 1
    reason: str
    is_secret: bool = False  # a private key: it must not be shown again


@dataclass(frozen=True, slots=True)
class Parsed:
    keys: list[Key]
    refusals: list[Refusal]
    rest: str  # the text without keys and without secrets


class _Unacceptable(Exception):
    """Says why, in a sentence."""


def parse(text: str) -> Parsed:
    """What stands in `text`, line by line. Empty lines and lines that begin with # are nobody's business."""
    keys, refusals, rest = [], [], []
    for number, lines in _pieces(text):
        whole = "\n".join(lines)
        is_secret = _SECRET.search(whole) is not None
        try:
            if not _is_remark(whole):
                keys.append(_key(whole))
                continue
        except _Unacceptable as why:
            refusals.append(Refusal(number, str(why), is_secret))
        if not is_secret:
            rest.append(whole)
    return Parsed(keys, refusals, "\n".join(rest))


def without_secrets(text: str) -> str:
    """`text` as it may be shown again."""
    pieces = ("\n".join(lines) for _number, lines in _pieces(text))
    return "\n".join(piece for piece in pieces if not _SECRET.search(piece))


def text_of(content: bytes) -> str:
    """The text of a file, in one of the encodings in which editors of all systems write."""
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig")):
        if content.startswith(mark):
            return content.decode(encoding, errors="replace")
    return content.decode(errors="replace")


# ---- pieces of a text ----------------------------------------------------------------------------------


def _pieces(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each line with its number; what belongs to a format of several lines comes in one piece."""
    lines = _LINE_BREAK.split(text)
    at = 0
    while at < len(lines):
        end = next((end for begin, end in _BLOCKS if begin.search(lines[at])), None)
        last = at
        while end and not end.search(lines[last]) and last + 1 < len(lines):
            last += 1
        yield at + 1, lines[at : last + 1]
        at = last + 1


def _is_remark(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


# ---- one key ----------------------------------------------------------------------------------------------


def _key(line: str) -> Key:
    key_type, body, comment = [*re.split(r"[ \t]+", line.strip(" \t"), maxsplit=2), "", ""][:3]
    _check_format(line, key_type, body)
    blob = _blob(key_type, body)
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    md5 = hashlib.md5(blob, usedforsecurity=False).hexdigest()
    pairs = ":".join(md5[at : at + 2] for at in range(0, len(md5), 2))
    return Key(key_type, base64.b64encode(blob).decode(), _tidy(comment), f"SHA256:{digest}", pairs)


def _check_format(line: str, key_type: str, body: str) -> None:
    """Raises _Unacceptable for whatever does not look like a key that we take."""
    if _SECRET.search(line):
        raise _Unacceptable(
            _(
                "This is a private key. Never paste it anywhere: who has it can sign in as you. We have not kept it. "
                "If others may have seen it, make a new one. The public key is in the file that ends with .pub; "
                "PuTTYgen shows it under “Public key for pasting into OpenSSH authorized_keys file”."
            )
        )
    if "BEGIN SSH2 PUBLIC KEY" in line:
        raise _Unacceptable(_("This is PuTTY's format (RFC 4716). Convert the file first: ssh-keygen -i -f FILE"))
    if "-----BEGIN" in line:
        raise _Unacceptable(
            _("This is PEM, not OpenSSH's format. Convert the file first: ssh-keygen -i -m PKCS8 -f FILE")
        )
    if "-cert-v01@" in key_type:
        raise _Unacceptable(_("This is a certificate. We take the key itself, without a signature."))
    if key_type == "ssh-dss":
        raise _Unacceptable(_("This is a DSA key. They are too weak, and OpenSSH no longer accepts them."))
    if key_type in TYPES:
        if not body:
            raise _Unacceptable(_("Only the type is here, the key itself is missing."))
        return
    if _TYPE_FURTHER_ON.search(line):
        raise _Unacceptable(
            _("There is something in front of the key, such as options (from=…, command=…). We take the key alone.")
        )
    if len(line) >= 20 and _BASE64.fullmatch(line.strip()):
        raise _Unacceptable(
            _("This looks like a part of a key. A key is one line and begins with its type, such as ssh-ed25519.")
        )
    if body.startswith("AAAA"):
        raise _Unacceptable(_("We do not know this type of key. We take ed25519, ECDSA, security keys and RSA."))
    raise _Unacceptable(_("This is no SSH public key. One begins with its type, such as ssh-ed25519 or ssh-rsa."))


def _blob(key_type: str, body: str) -> bytes:
    """The key as bytes, after it was read and found to be what its type says."""
    broken = _Unacceptable(_("This key is damaged. Perhaps it was cut off, or broken into several lines."))
    if not _BASE64.fullmatch(body):
        raise broken
    try:
        blob = base64.b64decode(body, validate=True)
        public = load_ssh_public_key(f"{key_type} {body}".encode())
    except (ValueError, TypeError, OverflowError, NotImplementedError, UnsupportedAlgorithm, binascii.Error) as error:
        raise broken from error
    if isinstance(public, rsa.RSAPublicKey):
        _check_rsa(public)
    if key_type in PLAIN_TYPES and not _is_spelt_as_usual(public, key_type, blob):
        raise broken
    return blob


def _check_rsa(public: rsa.RSAPublicKey) -> None:
    bits = public.key_size
    if bits < MIN_RSA_BITS:
        raise _Unacceptable(
            _("This RSA key has %(bits)s bits, which is too weak. It needs %(least)s, or make an ed25519 key.")
            % {"bits": bits, "least": MIN_RSA_BITS}
        )
    if bits > MAX_RSA_BITS:
        raise _Unacceptable(
            _("This RSA key has %(bits)s bits. OpenSSH takes %(most)s at most.") % {"bits": bits, "most": MAX_RSA_BITS}
        )


def _is_spelt_as_usual(public: object, key_type: str, blob: bytes) -> bool:
    """Whether OpenSSH would write this key so, too: in other spellings one key would have several fingerprints."""
    if not isinstance(public, rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey):
        return False
    usual = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return usual == f"{key_type} {base64.b64encode(blob).decode()}"


def _tidy(comment: str) -> str:
    """A comment in one line, without what nobody sees or what turns the direction of writing."""
    seen = "".join(" " if unicodedata.category(char) in ("Cc", "Zl", "Zp") else char for char in comment)
    kept = "".join(char for char in seen if unicodedata.category(char) not in ("Cf", "Cs"))
    return " ".join(kept.split())[:MAX_COMMENT].rstrip()


# ---- keeping them -------------------------------------------------------------------------------------------


class TooMany(Exception):
    """More keys than SSH_KEYS_PER_PERSON; says so in a sentence. None was added."""


@transaction.atomic
def add(request: HttpRequest, keys: list[Key]) -> tuple[list[Key], list[str]]:
    """Gives the request's user those that are new, and says so; these, and the names of those that were known."""
    user: Any = request.user
    UserProfile.objects.select_for_update().get(pk=profiles.of(user).pk)  # of two pastes at once one waits
    known = {row.fingerprint: row.comment for row in user.ssh_keys.all()}
    fresh: dict[str, Key] = {}
    names = []
    for key in keys:
        if key.fingerprint in known:
            names.append(known[key.fingerprint] or key.fingerprint)
        else:
            fresh[key.fingerprint] = key
            known[key.fingerprint] = key.comment
    if fresh and len(known) > settings.SSH_KEYS_PER_PERSON:
        raise TooMany(
            _("You can have %(most)s keys, and these would make it %(n)s. Remove some first.")
            % {"most": settings.SSH_KEYS_PER_PERSON, "n": len(known)}
        )
    _keep(request, list(fresh.values()))
    return list(fresh.values()), names


def _keep(request: HttpRequest, keys: list[Key]) -> None:
    user: Any = request.user
    for key in keys:
        SshPublicKey.objects.create(owner=user, **dataclasses.asdict(key))
        deeds.tell(deeds.SSH_KEY_ADDED, request, about=user, detail=_described(key))
    if keys:
        page = outbox.absolute(reverse("profile") + "#keys", request)
        outbox.post("ssh_key_added", user, {"name": user.get_username(), "keys": keys, "page": page})


@transaction.atomic
def remove(request: HttpRequest, number: int) -> SshPublicKey | None:
    """Takes a key from the request's user and says so; None where it is not theirs, or no more."""
    user: Any = request.user
    key = user.ssh_keys.filter(pk=number).first()
    if key is not None and key.delete()[0]:
        deeds.tell(deeds.SSH_KEY_REMOVED, request, about=user, detail=_described(key))
        return key
    return None


def _described(key: Key | SshPublicKey) -> str:
    return f"{key.fingerprint} {key.comment}".strip()
