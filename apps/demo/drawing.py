"""Draws charts as PNG files with nothing but zlib: what a grapher of the demo needs, small and the same each time."""

import struct
import zlib
from dataclasses import dataclass

WIDTH, HEIGHT = 800, 280
LEFT, RIGHT, TOP, BOTTOM = 84, 784, 30, 236  # the edges of the plot
SCALE = 2  # pixels of a dot of the letters
LEVELS = 8  # steps between a line's colour and what is below it

Colour = tuple[int, int, int]
WHITE: Colour = (255, 255, 255)
GRID: Colour = (226, 230, 234)
TEXT: Colour = (81, 92, 102)
FIRST: Colour = (0, 96, 154)
SECOND: Colour = (138, 90, 0)
AREA: Colour = (224, 236, 243)

# Letters of 5 by 7 dots, a row in five bits each.
_LETTERS = {
    "0": (14, 17, 19, 21, 25, 17, 14), "1": (4, 12, 4, 4, 4, 4, 14), "2": (14, 17, 1, 2, 4, 8, 31),
    "3": (31, 2, 4, 2, 1, 17, 14), "4": (2, 6, 10, 18, 31, 2, 2), "5": (31, 16, 30, 1, 1, 17, 14),
    "6": (6, 8, 16, 30, 17, 17, 14), "7": (31, 1, 2, 4, 8, 8, 8), "8": (14, 17, 17, 14, 17, 17, 14),
    "9": (14, 17, 17, 15, 1, 2, 12), ":": (0, 12, 12, 0, 12, 12, 0), "/": (0, 1, 2, 4, 8, 16, 0),
    "%": (24, 25, 2, 4, 8, 19, 3), ".": (0, 0, 0, 0, 0, 12, 12), "-": (0, 0, 0, 31, 0, 0, 0),
    "A": (14, 17, 17, 17, 31, 17, 17), "B": (30, 17, 17, 30, 17, 17, 30), "C": (14, 17, 16, 16, 16, 17, 14),
    "D": (28, 18, 17, 17, 17, 18, 28), "E": (31, 16, 16, 30, 16, 16, 31), "F": (31, 16, 16, 30, 16, 16, 16),
    "G": (14, 17, 16, 23, 17, 17, 15), "H": (17, 17, 17, 31, 17, 17, 17), "I": (14, 4, 4, 4, 4, 4, 14),
    "J": (7, 2, 2, 2, 2, 18, 12), "K": (17, 18, 20, 24, 20, 18, 17), "L": (16, 16, 16, 16, 16, 16, 31),
    "M": (17, 27, 21, 21, 17, 17, 17), "N": (17, 17, 25, 21, 19, 17, 17), "O": (14, 17, 17, 17, 17, 17, 14),
    "P": (30, 17, 17, 30, 16, 16, 16), "Q": (14, 17, 17, 17, 21, 18, 13), "R": (30, 17, 17, 30, 20, 18, 17),
    "S": (15, 16, 16, 14, 1, 1, 30), "T": (31, 4, 4, 4, 4, 4, 4), "U": (17, 17, 17, 17, 17, 17, 14),
    "V": (17, 17, 17, 17, 17, 10, 4), "W": (17, 17, 17, 21, 21, 21, 10), "X": (17, 17, 10, 4, 10, 17, 17),
    "Y": (17, 17, 17, 10, 4, 4, 4), "Z": (31, 1, 2, 4, 8, 16, 31), " ": (0, 0, 0, 0, 0, 0, 0),
}  # fmt: skip
_UNKNOWN = (31, 17, 17, 17, 17, 17, 31)


def blended(colour: Colour, below: Colour, share: float) -> Colour:
    red, green, blue = (round(one * share + other * (1 - share)) for one, other in zip(colour, below, strict=True))
    return red, green, blue


@dataclass(frozen=True, slots=True)
class Curve:
    """A value for each column of the plot; one that is filled has an area below it, one that is not is dashed."""

    name: str
    values: list[float]
    colour: Colour
    is_filled: bool


class Canvas:
    """Columns of pixels, each a number into a palette, which grows with the colours that are used."""

    def __init__(self) -> None:
        self.palette: list[Colour] = []
        self._numbers: dict[Colour, int] = {}
        self.columns = [bytearray([self.number(WHITE)]) * HEIGHT for _ in range(WIDTH)]

    def number(self, colour: Colour) -> int:
        if colour not in self._numbers:
            self._numbers[colour] = len(self.palette)
            self.palette.append(colour)
        return self._numbers[colour]

    def fill(self, x: int, top: int, bottom: int, colour: Colour) -> None:
        """A part of a column, without its lower end."""
        if top < bottom:
            self.columns[x][top:bottom] = bytes([self.number(colour)]) * (bottom - top)

    def dot(self, x: int, y: int, colour: Colour, share: float) -> None:
        """A pixel that takes on so much of the colour."""
        level = round(share * LEVELS)
        if level and 0 <= x < WIDTH and 0 <= y < HEIGHT:
            below = self.palette[self.columns[x][y]]
            self.columns[x][y] = self.number(colour if level == LEVELS else blended(colour, below, level / LEVELS))

    def write(self, x: int, y: int, text: str, colour: Colour = TEXT) -> None:
        """Text whose upper left corner is there; letters are capitals."""
        for letter in text.upper():
            for row, dots in enumerate(_LETTERS.get(letter, _UNKNOWN)):
                for place in range(5):
                    if dots >> (4 - place) & 1:
                        for column in range(SCALE):
                            left = x + place * SCALE + column
                            if 0 <= left < WIDTH:
                                self.fill(left, y + row * SCALE, y + (row + 1) * SCALE, colour)
            x += 6 * SCALE

    def png(self) -> bytes:
        rows = b"".join(b"\0" + bytes(row) for row in zip(*self.columns, strict=True))
        header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 3, 0, 0, 0)
        colours = b"".join(map(bytes, self.palette))
        parts = [(b"IHDR", header), (b"PLTE", colours), (b"IDAT", zlib.compress(rows, 6)), (b"IEND", b"")]
        return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in parts)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def width_of(text: str) -> int:
    return len(text) * 6 * SCALE - SCALE


def chart(
    curves: list[Curve], top_value: float, marks: list[tuple[float, str]], times: list[tuple[float, str]]
) -> bytes:
    """A PNG of these curves. `marks` are values, `times` shares of the width, each with its label."""
    canvas = Canvas()
    for value, label in marks:
        y = round(_height(value, top_value))
        for x in range(LEFT, RIGHT):
            canvas.fill(x, y, y + 1, GRID)
        canvas.write(LEFT - 12 - width_of(label), y - 7, label)
    for curve in curves:
        _draw(canvas, curve, top_value)
    for share, label in times:
        x = LEFT + round(share * (RIGHT - LEFT))
        canvas.fill(min(x, WIDTH - 1), BOTTOM, BOTTOM + 6, TEXT)
        canvas.write(min(max(x - width_of(label) // 2, 0), WIDTH - width_of(label)), BOTTOM + 14, label)
    x = RIGHT
    for curve in reversed(curves if len(curves) > 1 else []):
        x -= width_of(curve.name)
        canvas.write(x, 4, curve.name)
        x -= 44
        for step in range(32):
            if curve.is_filled or step % 10 < 6:
                canvas.fill(x + step, 10, 12, curve.colour)
        x -= 24
    return canvas.png()


def _height(value: float, top_value: float) -> float:
    return BOTTOM - min(max(value / top_value, 0.0), 1.0) * (BOTTOM - TOP)


def _draw(canvas: Canvas, curve: Curve, top_value: float) -> None:
    """The line is two pixels thick; its edges are as light as they are narrow."""
    heights = [_height(value, top_value) for value in curve.values]
    if curve.is_filled:
        for place, y in enumerate(heights):
            canvas.fill(LEFT + place, int(y) + 1, BOTTOM, AREA)
    for place, y in enumerate(heights):
        if not curve.is_filled and place % 14 >= 9:
            continue
        after = heights[min(place + 1, len(heights) - 1)]
        upper, lower = min(y, after) - 1.0, max(y, after) + 1.0
        for row in range(int(upper), int(lower) + 1):
            canvas.dot(LEFT + place, row, curve.colour, min(row + 1, lower) - max(row, upper))
