"""The settings of a ganetimgr 2.x as a settings.py of ours. The old file is read and never run: it is a stranger's
Python. Plain values are taken; what is computed is copied as a remark, for somebody to look at."""

import ast
import pprint
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ganetimgr import fates
from ganetimgr.fates import DEFAULT, GONE, RENAMED, Unusable, fate_of

MARKS = ("_", "gettext", "gettext_noop", "gettext_lazy", "ugettext", "ugettext_lazy")
LONGEST_PRODUCT = 10**12

HEAD = '''"""The settings of this site, from those of a ganetimgr 2.x: look through what is remarked, then put it beside
manage.py. What each name means, and all others, are in ganetimgr/defaults.py and settings.py.dist.
"""
'''
SPELLING = """\
# Owners stay written as ganetimgr:user:NAME in the tags, for older tools beside this one; both forms are read
GANETI_TAG_SPELLING = "singular"
"""
DATABASE = """# The new, empty database: “manage.py migrate”, then “manage.py adopt --database {old}”.
# Without one it is SQLite in var/.
# DATABASES = {{
#     "default": {{
#         "ENGINE": "django.db.backends.mysql",
#         "NAME": "ganetimgr3",
#         "USER": "ganetimgr",
#         "PASSWORD": "",
#         "HOST": "127.0.0.1",
#     }}
# }}
"""


class NoPython(Exception):
    """The file cannot be read; says why."""


class Computed(Exception):
    """The value is no plain one."""


@dataclass
class Setting:
    """An assignment of the old file; `value` counts where it is plain."""

    name: str
    source: str
    is_plain: bool
    value: Any = None


@dataclass
class Converted:
    text: str
    to_look_at: list[str] = field(default_factory=list)  # sentences


# ---- reading -----------------------------------------------------------------------------------------------------


def read(content: bytes) -> list[Setting]:
    """The old settings in the order of the file; of those that are set twice the last one."""
    try:
        tree = ast.parse(content)
        text = content.decode("utf-8", errors="replace")
    except SyntaxError as error:
        raise NoPython(
            f"Line {error.lineno} is no Python 3 ({error.msg}). Where it is Python 2, write it so that both read it."
        ) from error
    except (ValueError, RecursionError) as error:
        raise NoPython(f"This is no Python: {error}.") from error
    known: dict[str, Any] = {}
    found: dict[str, Setting] = {}
    for statement in tree.body:
        for setting in _settings(statement, text, known):
            found.pop(setting.name, None)
            found[setting.name] = setting
            known.pop(setting.name, None)
            if setting.is_plain:
                known[setting.name] = setting.value
    return [setting for setting in found.values() if setting.name.isupper()]


def _settings(statement: ast.stmt, text: str, known: dict[str, Any]) -> Iterator[Setting]:
    source = ast.get_source_segment(text, statement) or ""
    if isinstance(statement, ast.Assign):
        targets, value = statement.targets, statement.value
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        targets, value = [statement.target], statement.value
    else:
        # Conditions, loops, X += ..., X["a"] = ...: whatever is set in there is computed
        yield from (Setting(name, source, False) for name in dict.fromkeys(_names_set_in(statement)))
        return
    for target in targets:
        if isinstance(target, ast.Name):
            try:
                yield Setting(target.id, source, True, _plain(value, known))
            except (Computed, RecursionError):
                yield Setting(target.id, source, False)
        else:
            yield from (Setting(name, source, False) for name in dict.fromkeys(_names_in(target)))


def _names_set_in(statement: ast.stmt) -> Iterator[str]:
    for node in ast.walk(statement):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                yield from _names_in(target)
        elif isinstance(node, ast.AugAssign | ast.AnnAssign):
            yield from _names_in(node.target)


def _names_in(target: ast.expr) -> Iterator[str]:
    """X for X, X["a"], X.y; all of a tuple."""
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, ast.Subscript | ast.Attribute | ast.Starred):
        yield from _names_in(target.value)
    elif isinstance(target, ast.Tuple | ast.List):
        for part in target.elts:
            yield from _names_in(part)


def _plain(node: ast.expr, known: dict[str, Any]) -> Any:
    """The value of what is written out, or named further up in the file; raises Computed for everything else."""
    if isinstance(node, ast.Constant) and not isinstance(node.value, bytes | complex | type(...)):
        return node.value
    if isinstance(node, ast.Tuple | ast.List):
        parts = [_plain(part, known) for part in node.elts]
        return tuple(parts) if isinstance(node, ast.Tuple) else parts
    if isinstance(node, ast.Dict) and None not in node.keys:
        return _dictionary(node, known)
    if isinstance(node, ast.Name) and node.id in known:
        return known[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_number(_plain(node.operand, known))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        product = _number(_plain(node.left, known)) * _number(_plain(node.right, known))
        if abs(product) <= LONGEST_PRODUCT:
            return product
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKS and len(node.args) == 1:
        return _plain(node.args[0], known)  # a text marked for translation
    raise Computed


def _dictionary(node: ast.Dict, known: dict[str, Any]) -> dict[Any, Any]:
    try:
        pairs = [(_plain(key, known), value) for key, value in zip(node.keys, node.values, strict=True) if key]
        return {key: _plain(value, known) for key, value in pairs}
    except TypeError as error:  # a key that is a list
        raise Computed from error


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > LONGEST_PRODUCT:
        raise Computed
    return value


# ---- writing ------------------------------------------------------------------------------------------------------


def convert(content: bytes) -> Converted:
    """The new file, with a remark on each name, and what somebody should look at. Raises NoPython."""
    settings = read(content)
    done = Converted(HEAD)
    pieces = [SPELLING, DATABASE.format(old=_address(settings))]
    pieces += [_piece(setting, done.to_look_at) for setting in settings if setting.name != "GANETI_TAG_SPELLING"]
    done.text = "\n".join([HEAD, *pieces])
    if any(setting.name == "USE_X_FORWARDED_HOST" for setting in settings):
        done.text += '\n# Whose X-Forwarded-For and -Proto count\n# TRUSTED_PROXIES = ["127.0.0.1"]\n'
    done.text += (
        '\n# What links in mails begin with; “adopt” says what it was\n# SITE_URL = "https://vps.example.org"\n'
    )
    return done


def _piece(setting: Setting, to_look_at: list[str]) -> str:
    fate = fate_of(setting.name)
    if fate is None:
        to_look_at.append(f"{setting.name} is not known here.")
        return f"# {setting.name}: not known here, and not read. It was:\n{_remarked(setting.source)}"
    if fate.became in (GONE, DEFAULT):
        return f"# {setting.name}: {fate.became}; {fate.why}\n"
    name = fate.new or setting.name
    because = f"; {fate.why}" if fate.why else ""
    became = f"{fate.became} as {name}" if fate.became == RENAMED else fate.became
    if not setting.is_plain:
        to_look_at.append(f"{setting.name} was computed: write {name} by hand.")
        return f"# {setting.name}: {became}{because}. It was computed, write it by hand:\n{_remarked(setting.source)}"
    try:
        value = fate.value(setting.value)
    except Unusable as why:
        return f"# {setting.name}: {became}{because}. Not taken: {why}\n"
    if name in vars(fates.defaults) and value == vars(fates.defaults)[name]:
        return f"# {setting.name}: {became}{because}. Its value is the default.\n"
    return f"# {setting.name}: {became}{because}\n{name} = {pprint.pformat(value, width=110, sort_dicts=False)}\n"


def _remarked(source: str) -> str:
    return "".join(f"#     {line}\n" for line in source.splitlines())


def _address(settings: list[Setting]) -> str:
    """The old database as “adopt” takes it, without its password."""
    value = next((one.value for one in settings if one.name == "DATABASES" and one.is_plain), None)
    database = value.get("default") if isinstance(value, dict) else None
    if not isinstance(database, dict):
        return "URL"
    name, user, host = (" ".join(str(database.get(key) or "").split()) for key in ("NAME", "USER", "HOST"))
    if str(database.get("ENGINE", "")).endswith("sqlite3"):
        return f"sqlite:///{name}"
    port = "".join(digit for digit in str(database.get("PORT") or 3306) if digit.isdigit())
    if host.startswith("/"):
        return f"mysql://{user}@localhost/{name}?socket={host} --password-file FILE"
    return f"mysql://{user}@{host or 'localhost'}:{port}/{name} --password-file FILE"
