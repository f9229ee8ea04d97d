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
class Group:
    """Settings of ganetimgr/defaults.py that one comment is about, or a single one."""

    words: str  # of the comment above
    source: str  # as it is written there, with the comments beside
    names: list[str]
    examples: list[str]  # of settings.py.dist

    @property
    def is_explained(self) -> bool:
        return bool(self.words) or "  # " in self.source or bool(self.examples)


@dataclass
class Section:
    title: str
    groups: list[Group] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        return [name for group in self.groups for name in group.names]


def sections() -> list[Section]:
    """All settings in the order of defaults.py, below its headings."""
    source = DEFAULTS.read_text()
    lines = source.splitlines()
    shown = examples()
    found: list[Section] = []
    last = 0
    for node in ast.parse(source).body:
        name = _name_of(node)
        if name is None:
            last = node.end_lineno or 0
            continue
        between = lines[last : node.lineno - 1]
        found += [Section(heading["title"].strip()) for line in between if (heading := SECTION.match(line))]
        last = node.end_lineno or node.lineno
        text = "\n".join(lines[node.lineno - 1 : last])
        example = [shown[name]] if _code(shown.get(name, "")) not in ("", _code(text)) else []
        groups = found[-1].groups
        if not between and groups and groups[-1].words:  # the comment above is about this one, too
            groups[-1].source += f"\n{text}"
            groups[-1].names.append(name)
            groups[-1].examples += [one for one in example if one not in groups[-1].examples]
        else:
            groups.append(Group(_prose(between), text, [name], example))
    return found


def _name_of(node: ast.stmt) -> str | None:
    match node:
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name if name.isupper() and name not in ("BASE_DIR", "VAR_DIR") else None
    return None


def _code(text: str) -> str:
    """Without the comment beside it and the names of types."""
    return re.sub(r": [\w\[\], ]+ = ", " = ", text.split("  # ")[0].rstrip())


def _prose(lines: list[str]) -> str:
    """The comment right above, as running text."""
    words: list[str] = []
    for line in lines:
        if not line.startswith("#") or SECTION.match(line):
            words = []
        else:
            words.append(line.lstrip("# ").rstrip())
    return " ".join(words)


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
        parts.append(", ".join(f"`{name}`" for name in section.names))
        return "\n\n".join(parts)
    for group in section.groups:
        targets = "\n".join(f"(setting-{name})=" for name in group.names)
        parts.append(f"{targets}\n### {', '.join(f'`{name}`' for name in group.names)}")
        if group.words or not group.is_explained:
            parts.append(_sentence(group.words) or _elsewhere(group.names[0]))
        parts.append(f"```python\n{group.source}\n```")
        if group.examples:
            text = "\n".join(group.examples)
            parts.append(f"As in `settings.py.dist`:\n\n```python\n{text}\n```")
    return "\n\n".join(parts)


def _elsewhere(name: str) -> str:
    return f"A setting of {'django-axes' if name.startswith('AXES_') else 'Django'}, explained in its documentation."


def _sentence(words: str) -> str:
    words = words.strip().replace("*", r"\*").replace("<", r"\<")
    return words and f"{words[0].upper()}{words[1:]}{'' if words[-1] in '.:' else '.'}"


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


# ---- links ----------------------------------------------------------------------------------------------------

OUTWARD = re.compile(r"\[(?P<text>[^\]]+)\]\(\.\./(?P<path>[^)\s#]+)\)")


def with_names_for_files(text: str) -> str:
    """Links that lead out of docs/, to files of the checkout, as these files' names: built pages lie anywhere."""

    def named(match: re.Match[str]) -> str:
        path = match["path"].removesuffix("/README.md")
        return f"`{path}`" if match["text"].strip("`") == path else f"{match['text']} (`{path}`)"

    return OUTWARD.sub(named, text)


def _name_files(app: Any, page: str, source: list[str]) -> None:
    source[0] = with_names_for_files(source[0])


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
    app.connect("source-read", _name_files)
    return {"parallel_read_safe": True}


def _sources_of_commands() -> Iterator[Path]:
    for folder in ("apps", "accounts", "ganetimgr"):
        yield from (ROOT / folder).rglob("management/commands/*.py")
    yield from (ROOT / "ganetimgr" / name for name in ("watching.py", "consoling.py", "processes.py"))
