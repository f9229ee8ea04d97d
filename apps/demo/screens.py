"""The screens of simulated VMs: a VNC server (RFB 3.8) for each, that shows the VM's name and what is typed.

One thread listens for all VMs of a cluster, one serves each viewer. A VM that does not run has no screen. Where the
screen is says the VM's `network_port` on 127.0.0.1, as on a real cluster's nodes.
"""

import contextlib
import functools
import select
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from apps.demo import letters
from apps.demo.world import SimulatedCluster

HOST = "127.0.0.1"
COLUMNS, LINES = 53, 25
SIZE = (640, LINES * letters.HEIGHT)
VIEWERS = 64  # of a cluster, at once
_STEP = 0.2  # seconds between two looks at what has changed
_PATIENCE = 10.0
_MOST = 64 * 1024  # bytes of a message that nobody needs
_LIT, _DARK = (0xDB, 0xE4, 0xEA), (0x10, 0x16, 0x1B)
_VNC = ("kvm", "xen-hvm")
_RETURN, _BACKSPACE, _DELETE = (0xFF0D, 0xFF8D), 0xFF08, (0xFFFF, 0xFF9F)
_CONTROL, _ALT = (0xFFE3, 0xFFE4), (0xFFE9, 0xFFEA)


class Terminal:
    """What one VM shows, and does with keys."""

    def __init__(self, name: str, about: str) -> None:
        self.name = name
        self.about = about
        self.typed = ""
        self.said: list[str] = []
        self._held: set[int] = set()

    def lines(self) -> list[str]:
        """The whole screen, as it is now."""
        head = [self.name, self.about, "", time.strftime("%Y-%m-%d %H:%M:%S"), "", "This screen is simulated."]
        rest = LINES - len(head) - 2
        shown = [*head, "It shows the keys that arrive.", *self.said[-rest:], f"> {self.typed[-(COLUMNS - 4) :]}_"]
        return [line[:COLUMNS].ljust(COLUMNS) for line in [*shown, *[""] * LINES][:LINES]]

    def key(self, keysym: int, is_down: bool) -> None:
        (self._held.add if is_down else self._held.discard)(keysym)
        if not is_down:
            return
        if keysym in _RETURN:
            self.said = [*self.said[-LINES:], f"> {self.typed}"]
            self.typed = ""
        elif keysym == _BACKSPACE:
            self.typed = self.typed[:-1]
        elif keysym in _DELETE and self._held.intersection(_CONTROL) and self._held.intersection(_ALT):
            self.said = [*self.said[-LINES:], "Ctrl-Alt-Del"]
        elif letters.FIRST <= keysym <= letters.LAST and len(self.typed) < 1000:
            self.typed += chr(keysym)


class Screens:
    """The screens of one cluster's VMs, while a `with` block lasts."""

    def __init__(self, world: SimulatedCluster) -> None:
        self.world = world
        self.terminals: dict[str, Terminal] = {}
        self._listeners: dict[str, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._stopping = threading.Event()
        self._turns = threading.BoundedSemaphore(VIEWERS)
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listens, unless it does already."""
        if self._thread is not None:
            return
        with self.world.lock:
            for node in self.world.nodes.values():
                node.address = HOST
        self._keep_up()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        for name in list(self._listeners):
            self._forget(name)
        self._selector.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # ---- listening ---------------------------------------------------------------------------------

    def _listen(self) -> None:
        while not self._stopping.is_set():
            for key, _ in self._selector.select(_STEP):
                with contextlib.suppress(OSError):
                    viewer, _peer = key.fileobj.accept()  # type: ignore[union-attr]
                    self._begin(viewer, key.data)
            self._keep_up()

    def _keep_up(self) -> None:
        """Listens for every VM that there is; one whose port is taken by another gets a free one."""
        with self.world.lock:
            for name in self._listeners.keys() - self.world.instances.keys():
                self._forget(name)
            for name, instance in self.world.instances.items():
                if instance.hypervisor not in _VNC or name in self._listeners:
                    continue
                listener = _listener(instance.network_port or 0)
                instance.network_port = listener.getsockname()[1]
                self._listeners[name] = listener
                self._selector.register(listener, selectors.EVENT_READ, name)

    def _forget(self, name: str) -> None:
        listener = self._listeners.pop(name)
        self.terminals.pop(name, None)
        self._selector.unregister(listener)
        listener.close()

    def _begin(self, viewer: socket.socket, name: str) -> None:
        if not self._runs(name) or not self._turns.acquire(blocking=False):
            viewer.close()
            return
        threading.Thread(target=self._serve, args=(viewer, name), daemon=True).start()

    def _serve(self, viewer: socket.socket, name: str) -> None:
        try:
            with viewer, contextlib.suppress(OSError, ValueError):
                viewer.settimeout(_PATIENCE)
                _Viewer(viewer, self.terminal(name)).show(lambda: self._runs(name) and not self._stopping.is_set())
        finally:
            self._turns.release()

    def terminal(self, name: str) -> Terminal:
        """What a VM shows, to all who look."""
        with self.world.lock:
            instance = self.world.instances[name]
            about = f"{instance.osparams.get('img_id', instance.os)} on {instance.pnode}"
            return self.terminals.setdefault(name, Terminal(name, about))

    def _runs(self, name: str) -> bool:
        with self.world.lock:
            instance = self.world.instances.get(name)
            if instance is not None and not instance.running_on:
                self.terminals.pop(name, None)  # it starts afresh
            return instance is not None and bool(instance.running_on)


def _listener(port: int) -> socket.socket:
    listener = socket.socket()
    try:
        listener.bind((HOST, port))
    except OSError:
        listener.bind((HOST, 0))
    listener.listen(16)
    return listener


class _Viewer:
    """One connection: its pixel format, and the lines that it has seen."""

    def __init__(self, connection: socket.socket, terminal: Terminal) -> None:
        self.connection = connection
        self.terminal = terminal
        self.seen = [""] * LINES
        self.wants_more = False
        self.lit, self.dark = _pixels(struct.pack(">BBBBHHHBBBxxx", 32, 24, 0, 1, 255, 255, 255, 16, 8, 0))

    def show(self, goes_on: Callable[[], bool]) -> None:
        self._greet()
        while goes_on():
            if _has_something(self.connection, _STEP):
                self._heed()
            if self.wants_more:
                self._tell_changes()

    def _greet(self) -> None:
        self.connection.sendall(b"RFB 003.008\n")
        self._read(12)
        self.connection.sendall(b"\x01\x01")
        self._read(1)
        self.connection.sendall(bytes(4))
        self._read(1)
        name = self.terminal.name.encode()
        pixels = struct.pack(">BBBBHHHBBBxxx", 32, 24, 0, 1, 255, 255, 255, 16, 8, 0)
        self.connection.sendall(struct.pack(">HH", *SIZE) + pixels + struct.pack(">I", len(name)) + name)

    def _heed(self) -> None:
        kind = self._read(1)[0]
        if kind == 0:
            self.lit, self.dark = _pixels(self._read(19)[3:])
        elif kind == 2:
            self._read(4 * struct.unpack(">xH", self._read(3))[0])
        elif kind == 3:
            is_incremental = self._read(9)[0]
            self.seen = self.seen if is_incremental else [""] * LINES
            self.wants_more = True
        elif kind == 4:
            is_down, keysym = struct.unpack(">BxxI", self._read(7))
            self.terminal.key(keysym, bool(is_down))
        elif kind == 5:
            self._read(5)
        elif kind == 6:
            length = struct.unpack(">xxxi", self._read(7))[0]
            if not 0 <= length <= _MOST:
                raise ValueError("too much")
            self._read(length)
        else:
            raise ValueError("unknown message")

    def _tell_changes(self) -> None:
        now = self.terminal.lines()
        changed = [number for number, line in enumerate(now) if line != self.seen[number]]
        if not changed:
            return
        self.seen, self.wants_more = now, False
        parts = [struct.pack(">BxH", 0, len(changed))]
        for number in changed:
            top = number * letters.HEIGHT
            parts += [struct.pack(">HHHHi", 0, top, SIZE[0], letters.HEIGHT, 0), self._drawn(now[number])]
        self.connection.sendall(b"".join(parts))

    def _drawn(self, line: str) -> bytes:
        edge = self.dark * (SIZE[0] - COLUMNS * letters.WIDTH)
        glyphs = [_glyph(character, self.lit, self.dark) for character in line]
        return b"".join(b"".join(glyph[row] for glyph in glyphs) + edge for row in range(letters.HEIGHT))

    def _read(self, count: int) -> bytes:
        content = b""
        while len(content) < count:
            part = self.connection.recv(count - len(content))
            if not part:
                raise OSError("the viewer left")
            content += part
        return content


def _has_something(connection: socket.socket, seconds: float) -> bool:
    """Whether something can be read within so many seconds."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


@functools.lru_cache(maxsize=1024)
def _glyph(character: str, lit: bytes, dark: bytes) -> list[bytes]:
    return [b"".join(lit if dot else dark for dot in row) for row in letters.rows(character)]


def _pixels(wanted: bytes) -> tuple[bytes, bytes]:
    """A lit and a dark pixel as this viewer wants them; ValueError for what nobody has today."""
    bits, _, is_big, is_true, *rest = struct.unpack(">BBBBHHHBBBxxx", wanted)
    if bits != 32 or not is_true or rest[:3] != [255, 255, 255] or max(rest[3:]) > 24:
        raise ValueError("only 32 bits of true colour")

    def pixel(colour: tuple[int, int, int]) -> bytes:
        value = sum(part << shift for part, shift in zip(colour, rest[3:], strict=True))
        return value.to_bytes(4, "big" if is_big else "little")

    return pixel(_LIT), pixel(_DARK)
