"""The documentation tells the truth: what it names exists, what it generates is complete, its pictures are the demo's.

A page under docs/ that names a command, an option, a setting, an address, a permission, a file or a make target that is
not there fails here, with the page's name and the word.
"""

import argparse
import ast
import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import django
import pytest
from django.apps import apps
from django.conf import global_settings
from django.core.management import get_commands
from django.urls import Resolver404, resolve

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.glob("*.md")), *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md"))]
# Told in the past tense, or of other versions: what these name need not be there any more.
OF_THE_PAST = ("CHANGELOG.md", "upgrade.md", "bench.md")

FENCE = re.compile(r"^```(?P<kind>[^\n]*)\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`([^`\n]+(?:\n[^`\n]+)?)`(?!`)")


def loaded(path: Path) -> Any:
    """A program of ours that is no module of the product."""
    spec = importlib.util.spec_from_file_location(path.stem.replace("-", "_"), path)
    if spec is None:  # no .py at the end
        from importlib.machinery import SourceFileLoader

        spec = importlib.util.spec_from_loader(
            path.name.replace("-", "_"), SourceFileLoader(path.name.replace("-", "_"), str(path))
        )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


facts = loaded(DOCS / "facts.py")


def id_of(path: Path) -> str:
    return path.name


def codes(page: Path) -> list[str]:
    """What a page shows as code: blocks line by line, lines that go on joined, and words in backticks."""
    text = page.read_text()
    blocks = [match["text"].replace("\\\n", " ") for match in FENCE.finditer(text) if "{" not in match["kind"]]
    inline = [" ".join(word.split()) for word in INLINE.findall(FENCE.sub("", text))]
    return [*(line.split(" #")[0].strip() for block in blocks for line in block.splitlines()), *inline]


def words(page: Path) -> list[str]:
    """The words in backticks of a page's text."""
    return [" ".join(word.split()) for word in INLINE.findall(FENCE.sub("", page.read_text()))]


# ---- commands ------------------------------------------------------------------------------------------


@cache
def parser_of(command: str) -> argparse.ArgumentParser:
    parsers = facts.parsers_of_processes()
    return parsers[command] if command in parsers else facts.parser_of(command)


def options_of(command: str, rest: list[str]) -> set[str]:
    """Every option of a command, with those of its verb."""
    parser = parser_of(command)
    found = set(parser._option_string_actions)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for verb in set(rest) & set(action.choices):
                found |= set(action.choices[verb]._option_string_actions)
    return found


def wrong_calls(page: Path) -> Iterator[str]:
    for code in codes(page):
        for call in re.finditer(r"(?:manage\.py ([a-z][a-z_-]*)|((?:watcher|console)\.py))((?: [^|&;`)]*)?)", code):
            command, rest = call[1] or call[2], call[3].split()
            if call[1] and command not in get_commands():
                yield f"there is no command `manage.py {command}`"
                continue
            known = options_of(command, rest)
            yield from (
                f"`{command}` has no option {word}"
                for word in (word.split("=")[0] for word in rest)
                if word.startswith("--") and word not in known
            )
            verbs = [action.choices for action in parser_of(command)._actions if action.dest == "verb"]
            if verbs and rest and re.fullmatch("[a-z]+", rest[0]) and rest[0] not in verbs[0]:
                yield f"`manage.py {command}` knows no {rest[0]}"


@pytest.mark.parametrize("page", PAGES, ids=id_of)
def test_every_command_and_option_that_a_page_names_exists(page: Path) -> None:
    assert list(wrong_calls(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=id_of)
def test_every_make_target_that_a_page_names_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {word for code in codes(page) for word in re.findall(r"(?:^|\s)make ([a-z][a-z-]+)", code)}
    assert named - targets == set()


# ---- settings --------------------------------------------------------------------------------------------

# Names in capitals that are no settings: of the environment, of MySQL and Ganeti, placeholders
ELSEWHERE = {
    *(
        "GANETIMGR_SETTINGS",
        "SENTRY_DSN",
        "GANETI_INSTANCE_TAGS",
        "PLURAL_FORMS",
        "MERGED_KEY_BY_KEY",
        "PYTEST_ADDOPTS",
    ),
    *("NOTIFY_SOCKET", "WATCHDOG_USEC", "REMOTE_ADDR"),
}


def known_settings() -> set[str]:
    groups = [group for section in facts.sections() for group in section.groups]
    ours = {name for group in groups for name in group.names}
    keys = {key for group in groups if "BRANDING" in group.names for key in re.findall(r'"([A-Z_]+)"', group.source)}
    return ours | keys | set(facts.examples()) | set(dir(global_settings)) | ELSEWHERE | {"BASE_DIR", "VAR_DIR"}


@pytest.mark.parametrize("page", [page for page in PAGES if page.name not in OF_THE_PAST], ids=id_of)
def test_every_setting_that_a_page_names_exists(page: Path) -> None:
    named = {match[1] for word in words(page) if (match := re.match(r"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b", word))}
    named |= {match[1] for code in codes(page) if (match := re.match(r"([A-Z][A-Z0-9]*_[A-Z0-9_]+) = ", code))}
    named = {name for name in named if not name.startswith("AUTH_LDAP_")}
    assert {name for name in named if name not in known_settings()} == set()


def test_the_page_of_settings_has_every_setting_with_its_default() -> None:
    page = facts.settings_as_markdown()
    tree = ast.parse((ROOT / "ganetimgr" / "defaults.py").read_text())
    targets = [
        node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
    ]
    names = [
        target.id for target in targets if isinstance(target, ast.Name) and target.id not in ("BASE_DIR", "VAR_DIR")
    ]
    assert len(names) > 150
    assert [name for name in names if f"`{name}`" not in page] == []
    assert "CONSOLES_PER_PERSON = 10" in page
    assert "### `REGISTRATION_OPEN`\n\n```python\nREGISTRATION_OPEN = True  # False: no form" in page


def test_every_setting_of_ours_is_explained() -> None:
    """By a comment above, beside, or in the examples; Django's own are by Django."""
    groups = [group for section in facts.sections() for group in section.groups if section.title != facts.INSIDE]
    silent = [name for group in groups if not group.is_explained for name in group.names]
    assert [name for name in silent if not hasattr(global_settings, name) and not name.startswith("AXES_")] == []


# ---- addresses and rights ------------------------------------------------------------------------------

FILES = ("/etc/", "/opt/", "/var/", "/run/", "/usr/", "/srv/", "/tmp/", "/dev/", "/proc/", "/home/", "/root/", "/lib/")
OTHERS = ("/2/", "/console/", "/static/", "/version", "/.well-known/acme-challenge/")  # Ganeti, console, files, nginx
SAMPLES = ("north", "1", "en")


def is_an_address(word: str) -> bool:
    path = word.partition("?")[0]
    return bool(re.fullmatch(r"/[\w./<>:-]*", path)) and not f"{path}/".startswith((*FILES, *OTHERS)) and path != "/"


def leads_somewhere(word: str) -> bool:
    """With something in the place of what is written in capitals or <so>."""
    path = word.partition("?")[0]
    for sample in SAMPLES:
        filled = re.sub(r"<[^>]+>|(?<=/)[A-Z][A-Z_]*(?=/|$)", sample, path)
        try:
            resolve(filled)
        except Resolver404:
            continue
        return True
    return False


@pytest.mark.parametrize("page", [page for page in PAGES if page.name not in OF_THE_PAST], ids=id_of)
def test_every_address_of_the_site_that_a_page_names_leads_somewhere(page: Path) -> None:
    named = {word.split()[-1] for word in words(page)}
    assert {word for word in named if is_an_address(word) and not leads_somewhere(word)} == set()


def permissions() -> set[str]:
    found = set()
    for model in apps.get_models():
        options = model._meta
        found |= {f"{options.app_label}.{action}_{options.model_name}" for action in options.default_permissions}
        found |= {f"{options.app_label}.{code}" for code, _ in options.permissions}
    return found


@pytest.mark.parametrize("page", PAGES, ids=id_of)
def test_every_permission_that_a_page_names_exists(page: Path) -> None:
    labels = "|".join(config.label for config in apps.get_app_configs())
    named = {
        word
        for word in words(page)
        if re.fullmatch(rf"(?:{labels})\.(?:add|approve|can|change|delete|view)_[a-z_]+", word)
    }
    assert named - permissions() == set()


# ---- files ------------------------------------------------------------------------------------------------

TOPS = "accounts|apps|contrib|docs|ganeti|ganetimgr|locale|requirements|static|templates|tests"


def is_there(word: str) -> bool:
    pattern = re.sub(r"\b[A-Z]{4,}\b", "*", word).rstrip("/")  # apps/ROOM/views/
    return (ROOT / pattern).exists() or next(ROOT.glob(pattern), None) is not None


@pytest.mark.parametrize("page", [page for page in PAGES if page.name not in OF_THE_PAST], ids=id_of)
def test_every_file_of_ours_that_a_page_names_exists(page: Path) -> None:
    told = [code for code in codes(page) if "::" not in code]  # names of tests, of which another test takes care
    named = {word for code in told for word in re.findall(rf"(?<![\w./-])(?:{TOPS})/[\w./*@-]+", code)}
    assert {word for word in named if not is_there(word.rstrip(".,"))} == set()


@pytest.mark.parametrize("page", PAGES, ids=id_of)
def test_every_page_and_picture_that_is_linked_exists(page: Path) -> None:
    linked = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", FENCE.sub("", page.read_text()))
    missing = [link for link in linked if "://" not in link and not link.startswith("mailto:")]
    assert [link for link in missing if not (page.parent / link).exists()] == []


# ---- pictures ------------------------------------------------------------------------------------------------

PICTURES = sorted((DOCS / "pictures").glob("*.png"))


def shown() -> dict[str, str]:
    """The pictures that pages show, with what stands for them where they cannot be seen."""
    found = {}
    for page in PAGES:
        for words_instead, path in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", page.read_text()):
            if path.endswith(".png"):
                found[Path(path).name] = words_instead
    return found


def test_every_picture_is_shown_and_made_by_the_script() -> None:
    script = loaded(ROOT / "contrib" / "take-pictures")
    assert {path.name for path in PICTURES} == set(shown()) == {f"{picture.name}.png" for picture in script.ALL}


def test_every_picture_says_what_is_on_it_in_words() -> None:
    assert {name for name, instead in shown().items() if len(instead) < 20} == set()


@pytest.mark.parametrize("picture", PICTURES, ids=id_of)
def test_no_picture_is_heavy(picture: Path) -> None:
    assert picture.stat().st_size < 150_000


# ---- what is generated ------------------------------------------------------------------------------------------


def test_the_page_of_commands_has_all_of_ours_and_their_options() -> None:
    page = facts.commands_as_markdown()
    assert [name for name in facts.own_commands() if f"### `manage.py {name}`" not in page] == []
    for told in (
        "manage.py cluster add",
        "--fingerprint",
        "--dry-run",
        "watcher.py",
        "--workers",
        "console.py",
        "--bind",
    ):
        assert told in page
    assert "--no-color" not in page


def test_a_link_to_a_file_of_the_checkout_is_its_name_on_a_built_page() -> None:
    for link, shown_as in (
        ("[contrib/soak](../contrib/soak)", "`contrib/soak`"),
        ("[a script](../contrib/soak)", "a script (`contrib/soak`)"),
        ("[contrib/deploy](../contrib/deploy/README.md)", "`contrib/deploy`"),
        ("[Figures](bench.md)", "[Figures](bench.md)"),
    ):
        assert facts.with_names_for_files(link) == shown_as


def test_the_page_of_events_has_all_of_them() -> None:
    from apps.audit import events

    page = facts.events_as_markdown()
    assert [event for event in events.WORDS if f"| `{event}` |" not in page] == []


# ---- licences ------------------------------------------------------------------------------------------------------


def third_party(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "contrib" / "third-party"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_notices_are_up_to_date_and_every_licence_goes_with_ours() -> None:
    done = third_party("--check")
    assert (done.returncode, done.stderr) == (0, "")


class TestLicences:
    @pytest.fixture
    def script(self) -> Any:
        return loaded(ROOT / "contrib" / "third-party")

    def test_a_package_that_nobody_looked_at_is_named(self, script: Any) -> None:
        del script.PACKAGES["greenstalk"]
        assert [sentence.partition(":")[0] for sentence in script.complaints()] == ["greenstalk"]

    def test_a_licence_that_is_not_what_the_package_says_is_named(self, script: Any) -> None:
        script.PACKAGES["greenstalk"] = "BSD-3-Clause"
        assert [sentence.partition(":")[0] for sentence in script.complaints()] == ["greenstalk"]

    def test_one_that_does_not_go_with_ours_is_named(self, script: Any) -> None:
        script.PACKAGES["greenstalk"] = "MIT AND Proprietary"
        assert any("does not go with" in sentence for sentence in script.complaints())

    def test_of_several_to_choose_from_one_is_enough(self, script: Any) -> None:
        script.PACKAGES["greenstalk"] = "Proprietary OR MIT"
        assert list(script.complaints()) == []

    def test_every_file_of_others_is_listed_with_its_hash(self, script: Any) -> None:
        page = (ROOT / "THIRD-PARTY.md").read_text()
        files = [path for path in (ROOT / "static" / "vendor").rglob("*") if path.is_file()]
        assert len(files) > 20
        listed = [f"`{path.relative_to(ROOT)}`" for path in files if path.name != "VENDORED.json"]
        assert [path for path in listed if path not in page] == []

    def test_ours_is_the_whole_text_of_version_3(self) -> None:
        text = (ROOT / "LICENSE").read_text()
        assert text.lstrip().startswith("GNU GENERAL PUBLIC LICENSE")
        assert "Version 3, 29 June 2007" in text
        assert "END OF TERMS AND CONDITIONS" in text
        assert 'license = "GPL-3.0-or-later"' in (ROOT / "pyproject.toml").read_text()


def test_the_documentation_is_for_the_version_of_django_that_is_required() -> None:
    assert f"/en/{django.VERSION[0]}.{django.VERSION[1]}/" in (DOCS / "settings.md").read_text()
