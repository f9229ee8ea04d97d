"""A grapher of simulated load: it speaks the addresses of a real one, and can be slow, huge, wrong or gone.

It draws what never happened, but the same for the same instance and time, whoever asks and over whatever span.
"""

import hashlib
import math
import re
import threading
import time
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from apps.demo.drawing import FIRST, LEFT, RIGHT, SECOND, Curve, chart

COLUMNS = RIGHT - LEFT
FAULTS = ("slow", "drips", "huge", "broken", "not an image", "elsewhere", "error", "nothing", "hangs up")
LONGEST = 30.0  # seconds that a slow answer takes, unless the grapher ends before

_ADDRESS = re.compile(
    r"/(?P<instance>[^/]+)/(?P<kind>cpu-ts|net-ts)\.png/(?P<start>[^/,]+),(?P<end>[^/,]+)(?:/(?P<nic>eth[0-9]+))?"
)
_AGO = re.compile(r"-([0-9]+)(s|min|h|d|w)")
_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_STEPS = [600, 1200, 1800, 3600, 7200, 14400, 28800, 43200]
_DAYS = [1, 2, 5, 10, 20, 30, 60, 120, 240]


# ---- what is drawn ----------------------------------------------------------------------------------------


@lru_cache(maxsize=20_000)
def _chance(seed: str, number: int) -> float:
    """From 0 to 1, always the same for the same seed and number."""
    return int.from_bytes(hashlib.blake2b(f"{seed} {number}".encode(), digest_size=4).digest()) / 2**32


def _noise(seed: str, moment: float, step: float) -> float:
    """From 0 to 1, changing gently in `step` seconds."""
    place = moment / step
    number = math.floor(place)
    share = (1 - math.cos((place - number) * math.pi)) / 2
    return _chance(seed, number) * (1 - share) + _chance(seed, number + 1) * share


def load(instance: str, what: str, moment: float, step: float = 0.0) -> float:
    """From 0 to 1: busier by day, with a job at night that takes a while. What is shorter than `step` is left out."""
    seed = f"{instance} {what}"
    usual = 0.08 + 0.22 * _chance(seed, 0)
    by_day = 0.5 - 0.5 * math.cos((moment / 86400 - 0.1 * _chance(seed, 1)) * 2 * math.pi)
    waves = sum(
        weight * (_noise(f"{seed} {length}", moment, length) - 0.5)
        for length, weight in ((86400, 0.14), (14400, 0.14), (3600, 0.12), (600, 0.07), (120, 0.05))
        if length > step
    )
    since_job = (moment / 3600 - 2 - 3 * _chance(seed, 2)) % 24
    job = math.exp(-(((since_job - 0.7) / 0.45) ** 2)) * (0.25 + 0.35 * _chance(seed, 3))
    return min(max(usual + 0.15 * by_day * _chance(seed, 4) + waves + job, 0.01), 1.0)


def drawn(instance: str, kind: str, since: float, until: float, nic: str = "") -> bytes:
    """The picture of that kind over that span."""
    step = (until - since) / COLUMNS
    moments = [since + step * column for column in range(COLUMNS)]

    def values(what: str, scale: float) -> list[float]:
        return [scale * load(instance, what, moment, 2 * step) for moment in moments]

    times = _times(since, until)
    if kind == "cpu-ts":
        return chart(
            [Curve("CPU", values("cpu", 100), FIRST, True)], 100, [(0, "0"), (50, "50 %"), (100, "100 %")], times
        )
    scale = 10 ** (5.5 + 1.5 * _chance(f"{instance} {nic}", 5))
    incoming, outgoing = values(f"in {nic}", scale), values(f"out {nic}", scale / 3)
    top = _round_above(max(*incoming, *outgoing))
    marks = [(top * share, _bits(top * share)) for share in (0.0, 0.5, 1.0)]
    return chart([Curve("BIT/S IN", incoming, FIRST, True), Curve("OUT", outgoing, SECOND, False)], top, marks, times)


def _round_above(value: float) -> float:
    power = 10 ** math.floor(math.log10(value))
    return next(power * step for step in (1, 2, 4, 6, 8, 10) if power * step >= value)


def _bits(value: float) -> str:
    for unit, size in (("G", 1e9), ("M", 1e6), ("K", 1e3)):
        if value >= size:
            return f"{value / size:g} {unit}"
    return f"{value:g}"


def _times(since: float, until: float) -> list[tuple[float, str]]:
    """Where on the axis which time is written: at most eight, at round times of the site's zone."""
    length = until - since
    step = next((step for step in _STEPS if length / step <= 8), 0)
    format_, step = ("%H:%M", step) if step else ("%d %b", 86400 * next(d for d in _DAYS if length / d / 86400 <= 8))
    offset = time.localtime(until).tm_gmtoff
    moment = since + (-(since + offset)) % step
    found = []
    while moment <= until:
        share = (moment - since) / length
        if 0.03 < share < 0.97:
            found.append((share, time.strftime(format_, time.localtime(moment))))
        moment += step
    return found


# ---- who is asked for it ----------------------------------------------------------------------------------


class Grapher:
    """Listens on the loopback interface. `fault` is one of FAULTS or empty; `requests` are the paths asked for."""

    def __init__(self, port: int = 0) -> None:
        self.fault = ""
        self.requests: list[str] = []
        self.ended = threading.Event()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.grapher = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="grapher", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Grapher":
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    grapher: Grapher


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.server.grapher.requests.append(self.path)
        try:
            self._answer(self.server.grapher.fault)
        except OSError:  # whoever asked has gone
            self.close_connection = True

    def _answer(self, fault: str) -> None:
        if fault == "error":
            self._say(500, b"It broke.", "text/plain")
        elif fault == "nothing":
            self._say(404, b"There is no such instance.", "text/plain")
        elif fault == "elsewhere":
            self._say(302, b"", "text/plain", Location="/www.example.org/cpu-ts.png/-1d,-20s")
        elif fault == "not an image":
            self._say(200, b"<html>Sign in</html>", "text/html")
        elif fault == "broken":
            self._say(200, b"no PNG at all", "image/png")
        elif fault == "huge":
            self._say(200, b"\x89PNG\r\n\x1a\n" + bytes(2**20), "image/png")
        elif fault == "slow":
            self.server.grapher.ended.wait(LONGEST)
        elif fault == "drips":
            self._drip()
        elif fault != "hangs up":
            self._draw()

    def _draw(self) -> None:
        wanted = _ADDRESS.fullmatch(unquote(self.path))
        span = (_moment(wanted["start"]), _moment(wanted["end"])) if wanted else (0.0, 0.0)
        if not wanted or span[0] >= span[1]:
            return self._say(404, b"There is no such graph.", "text/plain")
        picture = drawn(wanted["instance"], wanted["kind"], *span, wanted["nic"] or "")
        return self._say(200, picture, "image/png")

    def _drip(self) -> None:
        """A beginning, and then a byte now and then."""
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.end_headers()
        self.wfile.write(b"\x89PNG\r\n\x1a\n")
        ends_at = time.monotonic() + LONGEST
        while time.monotonic() < ends_at and not self.server.grapher.ended.wait(0.05):
            self.wfile.write(b".")

    def _say(self, status: int, body: bytes, kind: str, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Nobody reads it."""


def _moment(text: str) -> float:
    """Seconds since 1970; so long ago in units of RRDtool; 0 for what it does not understand."""
    if text == "now":
        return time.time()
    if ago := _AGO.fullmatch(text):
        return time.time() - int(ago[1]) * _UNITS[ago[2]]
    return float(text) if text.isdigit() else 0.0
