"""A site's own words: where it is, and how its processes are ended and started."""

import dataclasses
import tomllib
from pathlib import Path
from typing import Any


class SiteError(Exception):
    """Says in a sentence what is wrong with a site's file."""


@dataclasses.dataclass(frozen=True)
class Site:
    """What site.toml says; site.toml.dist explains each."""

    repository: str
    home: str
    python: str = "python3"
    extras: tuple[str, ...] = ()
    environment: str = ""
    control: str = "sudo systemctl"
    web: tuple[str, ...] = ("ganetimgr-web",)
    others: tuple[str, ...] = ("ganetimgr-console", "ganetimgr-watcher@1", "ganetimgr-watcher@2")
    address: str = "http://127.0.0.1:8088"
    host: str = "localhost"
    patience: int = 90

    @classmethod
    def read(cls, path: Path) -> "Site":
        try:
            words = tomllib.loads(path.read_text())
        except OSError as error:
            raise SiteError(f"{path} cannot be read ({error.strerror}): copy site.toml.dist there.") from error
        except tomllib.TOMLDecodeError as error:
            raise SiteError(f"{path} is no TOML: {error}.") from error
        known = {field.name for field in dataclasses.fields(cls)}
        if unknown := sorted(set(words) - known):
            raise SiteError(f"{path} says {', '.join(unknown)}, which means nothing.")
        if missing := sorted({"repository", "home"} - set(words)):
            raise SiteError(f"{path} does not say {', '.join(missing)}.")
        if not str(words["home"]).startswith("/"):
            raise SiteError(f"{path}: home is {words['home']!r}; it has to begin with a slash.")
        return cls(**{name: _plain(value) for name, value in words.items()})

    @property
    def processes(self) -> tuple[str, ...]:
        return (*self.web, *self.others)


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
