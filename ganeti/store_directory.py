"""Snapshots in a directory: the store that needs no server, for the processes of one machine.

    heads/SLUG                  the head
    news/SLUG                   its size is the number of bumps: appending a byte needs no lock and loses none
    snapshots/SLUG/GENERATION.body, .facts, .index
    jobs/SLUG                   the list of its newest jobs
    watched/SLUG, claims/NAME   empty; the time of modification says until when
    hurry                       empty; the time of modification says when somebody asked for a look at all clusters
    new/                        what is being written
    lock                        held for the moment in which a head is compared and replaced

Files are written in `new/` and moved to their place, so that a reader sees all of a file or none.
Nothing is forced to the disk: after a power cut the clusters are asked again.
"""

import fcntl
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote, unquote

from ganeti.inventory import Head, StoreDown
from ganeti.store_base import RememberingStore
from ganeti.store_format import Packed, ranges_of
from ganeti.tags import DEFAULT_PREFIX

ABANDONED = 3600.0  # seconds after which a file in `new/` has lost its writer
FOLDERS = ("heads", "news", "snapshots", "jobs", "watched", "claims", "new")


class DirectoryStore(RememberingStore):
    """A `Store` in the directory `path`, which is made where it is missing."""

    def __init__(self, path: Path | str, tag_prefix: str = DEFAULT_PREFIX, *, format_number: int | None = None) -> None:
        super().__init__(tag_prefix, **({} if format_number is None else {"format_number": format_number}))
        self.path = Path(path)
        self._indexes: dict[str, tuple[int, dict[str, str]]] = {}
        with suppress(StoreDown), self._or_down():  # as with a server: whoever asks something hears that it is away
            self._make_folders()
            self._remove_abandoned()

    def is_there(self) -> bool:
        return os.access(self.path / "new", os.W_OK | os.X_OK)

    def bump(self, slug: str) -> None:
        with self._or_down(), (self.path / "news" / _file_name(slug)).open("ab") as file:
            file.write(b".")

    def hurry(self, now: float) -> None:
        with self._or_down():
            _touch(self.path / "hurry", now)

    def hurried_at(self) -> float:
        with self._or_down():
            return _until(self.path / "hurry")

    def claim(self, name: str, seconds: float) -> bool:
        path = self.path / "claims" / _file_name(name)
        with self._or_down(), self._locked():
            if _until(path) > time.time():
                return False
            _touch(path, time.time() + seconds)
            return True

    def _read_heads(self) -> dict[str, tuple[bytes, int]]:
        with self._or_down():
            news = {name: stat.st_size for name, stat in _stats(self.path / "news")}
            blobs = {entry.name: _content(entry.path) for entry in os.scandir(self.path / "heads")}
        return {unquote(name): (blob, news.get(name, 0)) for name, blob in blobs.items() if blob is not None}

    def _read_head(self, slug: str) -> tuple[bytes | None, int]:
        with self._or_down():
            return _content(self._head_of(slug)), _size(self.path / "news" / _file_name(slug))

    def _write_head(self, slug: str, blob: bytes, generation: int) -> None:
        with self._or_down(), self._locked():
            if self._published(slug) <= generation:
                self._write(self._head_of(slug), blob)

    def _publish(self, slug: str, packed: Packed, at_least: int, head: Callable[[int], bytes]) -> int:
        folder = self._folder_of(slug)
        index = self._format.seal(packed.owners)
        with self._or_down():
            parts = [("body", packed.body), ("facts", packed.facts), ("index", index)]
            written = {part: self._new(content) for part, content in parts}
            with self._locked():
                folder.mkdir(exist_ok=True)
                there = _generations(folder)
                generation = max(at_least, self._published(slug) + 1, *(number + 1 for number in there))
                for part, path in written.items():
                    path.replace(self._part(slug, generation, part))
                self._write(self._head_of(slug), head(generation))
                # the last one stays for readers that hold its head; those before it go
                for number in sorted(there)[:-1]:
                    for part in written:
                        self._part(slug, number, part).unlink(missing_ok=True)
        return generation

    def _read(self, slug: str, generation: int, part: str) -> bytes | None:
        with self._or_down():
            return _content(self._part(slug, generation, part))

    def _read_owned(self, generations: Mapping[str, int], owners: frozenset[str]) -> dict[str, list[bytes] | None]:
        return {slug: self._cut_out(slug, generation, owners) for slug, generation in generations.items()}

    def _cut_out(self, slug: str, generation: int, owners: frozenset[str]) -> list[bytes] | None:
        index = self._index(slug, generation)
        if index is None:
            return None
        ranges = [pair for owner in owners for pair in ranges_of(index.get(owner, ""))]
        if not ranges:
            return []
        with self._or_down():
            try:
                with self._part(slug, generation, "body").open("rb") as file:
                    return [_range(file.fileno(), first, last) for first, last in ranges]
            except FileNotFoundError:
                return None

    def _index(self, slug: str, generation: int) -> dict[str, str] | None:
        """Where each owner's instances lie; read once for each generation."""
        remembered = self._indexes.get(slug)
        if remembered and remembered[0] == generation:
            return remembered[1]
        index = self._format.open(self._read(slug, generation, "index"), dict[str, str])
        if index is not None:
            self._indexes[slug] = (generation, index)
        return index

    def _drop(self, slug: str, generation: int | None) -> None:
        with self._or_down(), self._locked():
            if generation is not None and self._published(slug) != generation:
                return
            self._head_of(slug).unlink(missing_ok=True)
            if generation is None:
                (self.path / "news" / _file_name(slug)).unlink(missing_ok=True)
                (self.path / "jobs" / _file_name(slug)).unlink(missing_ok=True)
            shutil.rmtree(self._folder_of(slug), ignore_errors=True)
        self._indexes.pop(slug, None)

    def _write_jobs(self, slug: str, blob: bytes) -> None:
        with self._or_down():
            self._write(self.path / "jobs" / _file_name(slug), blob)

    def _read_jobs(self, slugs: list[str]) -> dict[str, bytes | None]:
        with self._or_down():
            return {slug: _content(self.path / "jobs" / _file_name(slug)) for slug in slugs}

    def _mark(self, slugs: list[str], until: float) -> None:
        with self._or_down():
            for slug in slugs:
                path = self.path / "watched" / _file_name(slug)
                if _until(path) < until:
                    _touch(path, until)

    def _marks(self, now: float) -> set[str]:
        with self._or_down():
            return {unquote(name) for name, stat in _stats(self.path / "watched") if stat.st_mtime > now}

    # -- files --

    def _head_of(self, slug: str) -> Path:
        return self.path / "heads" / _file_name(slug)

    def _folder_of(self, slug: str) -> Path:
        return self.path / "snapshots" / _file_name(slug)

    def _part(self, slug: str, generation: int, part: str) -> Path:
        return self._folder_of(slug) / f"{generation}.{part}"

    def _published(self, slug: str) -> int:
        head = self._format.open(_content(self._head_of(slug)), Head)
        return head.generation if head else 0

    def _new(self, content: bytes) -> Path:
        path = self.path / "new" / uuid.uuid4().hex
        path.write_bytes(content)
        return path

    def _write(self, path: Path, content: bytes) -> None:
        self._new(content).replace(path)

    @contextmanager
    def _or_down(self) -> Iterator[None]:
        """Trouble with files is a store that is down. (Where a missing file is an answer, it is asked for in here.)

        Folders that somebody removed are made anew, for the next question.
        """
        try:
            yield
        except OSError as error:
            if isinstance(error, FileNotFoundError):
                with suppress(OSError):
                    self._make_folders()
            raise StoreDown(f"The inventory's directory fails: {error}") from error

    def _make_folders(self) -> None:
        for folder in FOLDERS:
            (self.path / folder).mkdir(parents=True, exist_ok=True)

    def _remove_abandoned(self) -> None:
        for path in (self.path / "new").iterdir():
            if 0 < _until(path) < time.time() - ABANDONED:
                path.unlink(missing_ok=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Alone among all processes, threads and greenlets. Nothing slow belongs in here: green threads all wait."""
        with (self.path / "lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _file_name(name: str) -> str:
    """A file name for any text, never "." or ".."."""
    return quote(name, safe="", errors="replace").replace(".", "%2E")


def _content(path: Path | str) -> bytes | None:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a thousand times per page: Path costs more than the file
            return file.read()
    except FileNotFoundError:
        return None


def _range(descriptor: int, first: int, last: int) -> bytes:
    return os.pread(descriptor, max(last - first + 1, 0), first)


def _stats(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """The files in `folder` by name, without those that vanish meanwhile."""
    with os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                yield entry.name, entry.stat()


def _generations(folder: Path) -> set[int]:
    """Those that have a file in `folder`."""
    stems = (name.partition(".")[0] for name in os.listdir(folder))  # noqa: PTH208 - names are all that counts
    return {int(stem) for stem in stems if stem.isascii() and stem.isdigit()}


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _until(path: Path) -> float:
    """When the file was changed, or what it says of the future; 0 where there is none."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _touch(path: Path, when: float) -> None:
    path.touch()
    os.utime(path, (when, when))
