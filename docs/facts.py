"""What the documentation does not tell in its own words but reads: settings, commands, and the audit log's events.

As a Sphinx extension: ```{settings}```, ```{commands}``` and ```{events}``` in a page. The functions return Markdown.
"""

import argparse
import ast
import importlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DEFAULTS = ROOT / "ganetimgr" / "defaults.py"
EXAMPLES = ROOT / "settings.py.dist"
SECTION = re.compile(r"# -{4} (?P<title>.+?) -+")
INSIDE = "how it is put together"  # the section whose values a site has no reason to touch


# ---- settings ------------------------------------------------------------------------------------------


@dataclass
class Setting:
    """A setting of ganetimgr/defaults.py."""

    name: str
    default: str  # as it is written there
    words: str  # the comments above and beside it
    example: str = ""  # of settings.py.dist


@dataclass
class Section:
    title: str
    settings: list[Setting] = field(default_factory=list)


def sections() -> list[Section]:
    """All settings in the order of defaults.py, below its headings."""
    source = DEFAULTS.read_text()
    lines = source.splitlines()
    shown = examples()
    found: list[Section] = []
    above, last = "", 0
    for node in ast.parse(source).body:
        name = _name_of(node)
        if name is None:
            last = node.end_lineno or 0
            continue
        between = lines[last : node.lineno - 1]
        for line in between:
            heading = SECTION.match(line)
            if heading:
                found.append(Section(heading["title"].strip()))
        if between:  # a comment holds for all that follow without a blank line or another comment
            above = _prose(between)
        last = node.end_lineno or node.lineno
        value = ast.get_source_segment(source, node.value) or ""
        beside = _beside(lines[last - 1]) if node.lineno == last else ""
        found[-1].settings.append(
            Setting(name, value, " ".join(part for part in (above, beside) if part), shown.pop(name, ""))
        )
    return found


def _name_of(node: ast.stmt) -> str | None:
    match node:
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name if name.isupper() and name not in ("BASE_DIR", "VAR_DIR") else None
    return None


def _prose(lines: list[str]) -> str:
    """The comment right above, as running text."""
    words: list[str] = []
    for line in lines:
        if not line.startswith("#") or SECTION.match(line):
            words = []
        else:
            words.append(line.lstrip("# ").rstrip())
    return " ".join(words)


def _beside(line: str) -> str:
    return line.rpartition("  # ")[2] if "  # " in line else ""


def examples() -> dict[str, str]:
    """The lines of settings.py.dist that show a setting, by its name, with the comments beside them."""
    found: dict[str, str] = {}
    lines = iter(EXAMPLES.read_text().splitlines())
    for line in lines:
        match = re.match(r"# (?P<text>(?P<name>[A-Z][A-Z0-9_]+)(?:, [A-Z_]+)* = .*)", line)
        if not match:
            continue
        block = [match["text"]]
        while not _is_complete("\n".join(block)):
            block.append(next(lines).removeprefix("# "))
        for name in re.findall(r"[A-Z][A-Z0-9_]+", match["text"].partition(" = ")[0]):
            found.setdefault(name, "\n".join(block))
    return found


def _is_complete(text: str) -> bool:
    try:
        compile(text, "example", "exec")
    except SyntaxError:
        return False
    return True


def settings_as_markdown() -> str:
    """Each setting with its default, what the code says of it, and an example."""
    return "\n\n".join(_section_as_markdown(section) for section in sections())


def _section_as_markdown(section: Section) -> str:
    parts = [f"## {section.title[0].upper()}{section.title[1:]}"]
    if section.title == INSIDE:
        parts.append("Values that belong to the program itself. A site has no reason to change them.")
        parts.append(", ".join(f"`{setting.name}`" for setting in section.settings))
        return "\n\n".join(parts)
    for setting in section.settings:
        parts.append(f"(setting-{setting.name})=\n### `{setting.name}`")
        parts.append(_sentence(setting.words) or "A setting of Django's, explained in its documentation.")
        parts.append(f"Default:\n\n```python\n{_dedented(setting.default)}\n```")
        if setting.example:
            parts.append(f"As in `settings.py.dist`:\n\n```python\n{setting.example}\n```")
    return "\n\n".join(parts)


def _sentence(words: str) -> str:
    words = words.strip().replace("*", r"\*").replace("<", r"\<")
    return words and f"{words[0].upper()}{words[1:]}{'' if words[-1] in '.:' else '.'}"


def _dedented(source: str) -> str:
    return source.rstrip()


# ---- commands -----------------------------------------------------------------------------------------------


def own_commands() -> dict[str, str]:
    """Our management commands, by name, with the app that each lives in."""
    from django.core.management import get_commands

    return {name: app for name, app in sorted(get_commands().items()) if app.startswith(("apps.", "accounts", "gan"))}


def parser_of(name: str) -> argparse.ArgumentParser:
    """The parser of a management command, ours or not."""
    from django.core.management import get_commands, load_command_class

    app = get_commands()[name]
    command = load_command_class(app, name) if isinstance(app, str) else app
    return command.create_parser("manage.py", name)


def parsers_of_processes() -> dict[str, argparse.ArgumentParser]:
    """Those of our own programs beside manage.py."""
    found = {}
    for program, module in (("watcher.py", "ganetimgr.watching"), ("console.py", "ganetimgr.consoling")):
        found[program] = importlib.import_module(module).parser()
        found[program].prog = program
    return found


def commands_as_markdown() -> str:
    """Every command of ours with its help, first those that a site uses."""
    of_the_demo = [name for name, app in own_commands().items() if app == "apps.demo"]
    parts = ["## `manage.py`"]
    parts += [_command(name) for name in own_commands() if name not in of_the_demo]
    parts.append("## Processes")
    parts += [f"### `{name}`\n\n{_help(parser)}" for name, parser in parsers_of_processes().items()]
    parts.append("## For the demo")
    parts.append("`make demo` starts these; they serve simulated clusters and are nothing for a real site.")
    parts += [_command(name) for name in of_the_demo]
    return "\n\n".join(parts)


def _command(name: str) -> str:
    parser = parser_of(name)
    parts = [f"### `manage.py {name}`", _help(parser)]
    for action in parser._subparsers._group_actions if parser._subparsers else ():
        for verb, below in (action.choices or {}).items():
            parts.append(f"#### `manage.py {name} {verb}`\n\n{_help(below)}")
    return "\n\n".join(parts)


def _help(parser: argparse.ArgumentParser) -> str:
    """The parser's help, without the options that all of Django's commands have."""
    own = argparse.ArgumentParser(
        prog=parser.prog, description=parser.description, formatter_class=_Wide, add_help=False
    )
    for action in parser._actions:
        if not set(action.option_strings) & OF_DJANGO:
            own._add_action(action)
    return f"```text\n{own.format_help().rstrip()}\n```"


OF_DJANGO = {
    *("-h", "--version", "--verbosity", "--settings", "--pythonpath", "--traceback"),
    *("--no-color", "--force-color", "--skip-checks"),
}


class _Wide(argparse.HelpFormatter):
    """The same whatever the terminal is."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=96, max_help_position=28)


# ---- events ---------------------------------------------------------------------------------------------------


def events_as_markdown() -> str:
    """What the audit log can tell: the stored name, as it stands in exports, and the words on the page."""
    from django.utils.translation import override

    from apps.audit import events

    with override("en"):
        rows = [f"| `{event}` | {words} |" for event, words in sorted(events.WORDS.items())]
    return "\n".join(["| stored as | read as |", "|---|---|", *rows])


# ---- Sphinx ------------------------------------------------------------------------------------------------------


def setup(app: Any) -> dict[str, bool]:
    from sphinx.util.docutils import SphinxDirective

    def directive(write: Callable[[], str], *sources: Path) -> type:
        class Facts(SphinxDirective):
            def run(self) -> list[Any]:
                for source in sources:
                    self.env.note_dependency(str(source))
                return self.parse_text_to_nodes(write(), allow_section_headings=True)

        return Facts

    app.add_directive("settings", directive(settings_as_markdown, DEFAULTS, EXAMPLES))
    app.add_directive("commands", directive(commands_as_markdown, *_sources_of_commands()))
    app.add_directive("events", directive(events_as_markdown, ROOT / "apps" / "audit" / "events.py"))
    return {"parallel_read_safe": True}


def _sources_of_commands() -> Iterator[Path]:
    for folder in ("apps", "accounts", "ganetimgr"):
        yield from (ROOT / folder).rglob("management/commands/*.py")
    yield from (ROOT / "ganetimgr" / name for name in ("watching.py", "consoling.py", "processes.py"))
