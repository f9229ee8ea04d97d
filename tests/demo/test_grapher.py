"""The demo's grapher: PNG files that a browser can read, of load that is the same whenever one looks."""

import struct
import time
import zlib

import pytest

from apps.demo import drawing
from apps.demo.drawing import AREA, FIRST, SECOND, TEXT, Curve
from apps.demo.grapher import Grapher, drawn, load
from ganeti.download import OtherAnswer, fetch

DAY = 86400.0
NOON = 1_700_000_000.0


def pixels(png: bytes) -> list[list[drawing.Colour]]:
    """The picture as a reader of the format sees it; whatever is wrong with the file fails."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, place = {}, 8
    while place < len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        name, content = png[place + 4 : place + 8], png[place + 8 : place + 8 + length]
        assert struct.unpack(">I", png[place + 8 + length : place + 12 + length]) == (zlib.crc32(name + content),)
        chunks[name] = content
        place += 12 + length
    assert list(chunks) == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    width, height, depth, kind, *_ = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, kind) == (8, 3)
    palette = [tuple(chunks[b"PLTE"][at : at + 3]) for at in range(0, len(chunks[b"PLTE"]), 3)]
    assert len(palette) <= 256
    rows = zlib.decompress(chunks[b"IDAT"])
    assert len(rows) == height * (width + 1)
    return [[palette[number] for number in rows[at + 1 : at + 1 + width]] for at in range(0, len(rows), width + 1)]


def colours(png: bytes) -> set[drawing.Colour]:
    return {colour for row in pixels(png) for colour in row}


class TestDrawing:
    def test_a_curve_is_where_its_values_are(self) -> None:
        values = [25.0] * (drawing.RIGHT - drawing.LEFT)
        picture = pixels(drawing.chart([Curve("CPU", values, FIRST, True)], 100, [], []))
        middle = drawing.LEFT + 300
        height = round(drawing.BOTTOM - 0.25 * (drawing.BOTTOM - drawing.TOP))
        column = [row[middle] for row in picture]
        assert FIRST in column[height - 2 : height + 2]
        assert set(column[height + 3 : drawing.BOTTOM]) == {AREA}
        assert set(column[drawing.TOP : height - 3]) == {drawing.WHITE}

    def test_values_beyond_the_axis_stay_in_the_plot(self) -> None:
        wild = [-5.0, 1e9] * ((drawing.RIGHT - drawing.LEFT) // 2)
        picture = pixels(drawing.chart([Curve("CPU", wild, FIRST, True)], 100, [], []))
        assert all(FIRST not in row for row in picture[: drawing.TOP - 1] + picture[drawing.BOTTOM + 1 :])

    def test_two_curves_differ_in_more_than_colour_and_are_named(self) -> None:
        values = [50.0] * (drawing.RIGHT - drawing.LEFT)
        picture = pixels(
            drawing.chart([Curve("IN", values, FIRST, True), Curve("OUT", values[:], SECOND, False)], 100, [], [])
        )
        height = (drawing.TOP + drawing.BOTTOM) // 2
        dashes = [row[drawing.LEFT : drawing.RIGHT] for row in picture[height - 1 : height + 1]]
        assert any({SECOND, FIRST} <= set(row) for row in dashes)
        assert TEXT in {colour for row in picture[: drawing.TOP - 4] for colour in row}

    def test_every_letter_that_is_written_can_be_read(self) -> None:
        assert all(len(rows) == 7 and all(0 <= dots < 32 for dots in rows) for rows in drawing._LETTERS.values())
        shapes = [rows for letter, rows in drawing._LETTERS.items()]
        assert len(set(shapes)) == len(shapes)

    @pytest.mark.parametrize("length", [60, 3600, DAY, 7 * DAY, 30 * DAY, 900 * DAY])
    def test_every_span_has_times_on_its_axis(self, length: float) -> None:
        picture = pixels(drawn("www.example.org", "cpu-ts", NOON - length, NOON))
        below = {colour for row in picture[drawing.BOTTOM + 10 :] for colour in row}
        assert (TEXT in below) == (length > 60)  # nothing round lies within a minute
        assert TEXT in {colour for row in picture for colour in row[: drawing.LEFT]}


class TestLoad:
    def test_the_same_question_gives_the_same_picture(self) -> None:
        assert drawn("a", "net-ts", NOON, NOON + DAY, "eth0") == drawn("a", "net-ts", NOON, NOON + DAY, "eth0")

    def test_other_instances_cards_and_times_look_different(self) -> None:
        asked = [("a", NOON, "eth0"), ("b", NOON, "eth0"), ("a", NOON, "eth1"), ("a", NOON + DAY, "eth0")]
        assert len({drawn(name, "net-ts", since, since + DAY, nic) for name, since, nic in asked}) == 4

    def test_it_stays_between_nothing_and_everything(self) -> None:
        values = [load("a", "cpu", NOON + 600 * step) for step in range(1000)]
        assert 0 < min(values) < max(values) <= 1

    def test_a_network_shows_two_curves(self) -> None:
        assert {FIRST, SECOND, AREA} <= colours(drawn("a", "net-ts", NOON, NOON + DAY, "eth0"))


class TestItsAddresses:
    @pytest.mark.parametrize("path", ["/a/cpu-ts.png/-1d,-20s", "/a/net-ts.png/-7d,now/eth0", "/a/net-ts.png/-1h,-20s"])
    def test_it_draws_what_older_sites_ask_for(self, path: str) -> None:
        with Grapher() as grapher:
            document = fetch(grapher.url + path)
            assert document.content_type == "image/png"
            assert pixels(document.body)
            assert grapher.requests == [path]

    def test_seconds_and_relative_times_mean_the_same(self) -> None:
        now = int(time.time())
        with Grapher() as grapher:
            past = fetch(f"{grapher.url}/a/cpu-ts.png/{now - 9000},{now - 5400}").body
        assert past == drawn("a", "cpu-ts", now - 9000.0, now - 5400.0)

    @pytest.mark.parametrize("path", ["/", "/a/cpu-ts.png", "/a/ram-ts.png/-1d,-20s", "/a/cpu-ts.png/-20s,-1d"])
    def test_it_has_nothing_else(self, path: str) -> None:
        with Grapher() as grapher, pytest.raises(OtherAnswer, match="404"):
            fetch(grapher.url + path)
