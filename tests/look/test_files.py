"""What ships to the browser: vendored files as they came, icons that exist, nothing inline in any template."""

import hashlib
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "static"
VENDORED = json.loads((STATIC / "vendor" / "VENDORED.json").read_text())
# Mails carry their style in themselves: no policy of ours and no file of ours reaches a mailbox.
TEMPLATES = sorted(path for path in (ROOT / "templates").rglob("*.html") if path.parent.name != "mail")
SOURCES = TEMPLATES + [path for room in ("accounts", "apps") for path in sorted((ROOT / room).rglob("*.py"))]
URL_NAMES = (
    *("user-instances", "instance-detail", "user-list", "group-list", "application-mine", "application-list"),
    "cluster-get-nodes-graphs",
)
SYMBOLS = set(re.findall(r'<symbol id="i-([a-z0-9-]+)"', (STATIC / "icons.svg").read_text()))


def vendored_files() -> list[tuple[Path, str]]:
    files = [
        (STATIC / "vendor" / entry["to"], entry["sha256"]) for each in VENDORED["packages"] for entry in each["files"]
    ]
    return [*files, (STATIC / VENDORED["icons"]["to"], VENDORED["icons"]["sha256"])]


@pytest.mark.parametrize(("path", "expected"), vendored_files(), ids=lambda value: getattr(value, "name", ""))
def test_a_vendored_file_is_as_its_maker_published_it(path: Path, expected: str) -> None:
    assert hashlib.sha256(path.read_bytes()).hexdigest() == expected


def test_nothing_is_vendored_without_being_listed() -> None:
    listed = {path for path, _hash in vendored_files()} | {STATIC / "vendor" / "VENDORED.json"}
    assert {path for path in (STATIC / "vendor").rglob("*") if path.is_file()} <= listed


def test_every_vendored_package_comes_with_its_licence() -> None:
    for package in VENDORED["packages"]:
        assert package["licence"]
        assert any("LICENSE" in entry["from"] for entry in package["files"])


def test_the_sprite_holds_exactly_the_icons_listed() -> None:
    assert set(VENDORED["icons"]["names"]) == SYMBOLS


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_icon_named_is_drawn(path: Path) -> None:
    text = path.read_text()
    if path.suffix == ".html":
        named = re.findall(r'{% icon "([a-z0-9-]+)"', text) + re.findall(r'\bicon="([a-z0-9-]+)"', text)
    else:
        named = re.findall(r'\b(?:Status|Entry)\((?:[^()]|\([^()]*\))*?"([a-z0-9]+(?:-[a-z0-9]+)+)", "', text)
        named += re.findall(r'"icon": "([a-z0-9-]+)"', text)
        named = [name for name in named if name not in URL_NAMES]
    assert set(named) <= SYMBOLS


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_template_has_nothing_inline(path: Path) -> None:
    """The Content-Security-Policy refuses inline code and styles; a template with some would be silently broken."""
    text = path.read_text()
    assert not re.search(r"<style\b", text)
    assert not re.search(r"<[^>]*\sstyle\s*=", text)
    assert not re.search(r"<[^>]*\son[a-z]+\s*=", text)
    assert not re.search(r"<[^>]*\shx-on", text)
    assert all("src=" in tag for tag in re.findall(r"<script\b[^>]*>", text))
    assert "javascript:" not in text


@pytest.mark.parametrize("path", sorted((STATIC / "js").glob("*.js")), ids=lambda path: path.name)
def test_a_script_evaluates_nothing_and_imports_what_exists(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"\beval\(|new Function|innerHTML|insertAdjacentHTML|setTimeout\(\s*[\"']", text)
    for name in re.findall(r'from "\./([\w.]+)"|import "\./([\w.]+)"', text):
        assert (path.parent / "".join(name)).is_file()


def test_every_class_of_a_colour_family_is_styled() -> None:
    css = (STATIC / "css" / "app.css").read_text()
    for family in ("ok", "idle", "work", "warn", "bad", "hold"):
        assert f".icon-{family} {{" in css
        assert family == "idle" or f".status-{family} {{" in css  # idle is what .status looks like anyway
        assert family == "idle" or f".tag-{family} {{" in css
