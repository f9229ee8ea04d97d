"""What a site's settings file and settings.py.dist have to say to each other: what is new, and what nothing knows."""

import ast
import difflib
import re
from pathlib import Path
from typing import NamedTuple

# settings.py.dist shows settings as they are written, mostly behind a "# "
_SHOWN = re.compile(r"^(?:# ?)?([A-Z][A-Z0-9_]*(?:, [A-Z][A-Z0-9_]*)*) *= *(.*)$", re.MULTILINE)
_WORD = re.compile(r"\b[A-Z][A-Z0-9_]{2,}\b")
# What libraries read that is in no list of ours
OF_LIBRARIES = (
    *("AUTH_LDAP_", "AXES_", "CORS_", "CSP_", "DJANGO_REDIS_", "NORECAPTCHA_", "OAUTH2_", "OTP_"),
    *("RECAPTCHA_", "REGISTRATION_", "SILENCED_", "WHITENOISE_", "CONTENT_SECURITY_POLICY"),
)


class Difference(NamedTuple):
    """Names with a line each; empty where there is nothing to say."""

    new: dict[str, str]
    changed: dict[str, str]
    unknown: dict[str, str]


def compare(site: str, shown: str, known: set[str], shown_before: str | None = None) -> Difference:
    """What the site's file does not know of what `shown` shows, and what is in the site's file that nothing reads.

    With what was `shown_before`, only what came since is new, and changed examples are told.
    """
    now = settings_in(shown)
    mentioned = set(_WORD.findall(site))
    if shown_before is None:
        return Difference(
            {name: line for name, line in now.items() if name not in mentioned}, {}, _unknown(site, known)
        )
    before = settings_in(shown_before)
    new = {name: line for name, line in now.items() if name not in before and name not in mentioned}
    changed = {name: line for name, line in now.items() if before.get(name, line) != line}
    return Difference(new, changed, _unknown(site, known | set(now)))


def settings_in(shown: str) -> dict[str, str]:
    """The settings that a settings.py.dist shows, each with its line."""
    return {
        name: found[0].removeprefix("#").strip() for found in _SHOWN.finditer(shown) for name in found[1].split(", ")
    }


def _unknown(site: str, known: set[str]) -> dict[str, str]:
    """What the site's file sets that nothing reads, with what it may have meant."""
    tree = ast.parse(site)
    read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    return {
        name: next(iter(difflib.get_close_matches(name, sorted(known), 1, 0.8)), "")
        for name in sorted(_set_in(tree) - read - known)
        if not name.startswith(OF_LIBRARIES)
    }


def _set_in(tree: ast.Module) -> set[str]:
    """Names of settings that the file gives a value, also below an `if`; what it imports is its own business."""
    stored = (node for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    return {node.id for node in stored if node.id.isupper()}


def text_of(path: Path) -> str:
    return path.read_text() if path.is_file() else ""
