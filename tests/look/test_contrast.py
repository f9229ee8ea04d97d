"""Every pair of tokens that meets on a page has the contrast that WCAG 2.2 AA asks for, in both themes."""

import re
from pathlib import Path

import pytest

TOKENS = Path(__file__).parents[2] / "static" / "css" / "tokens.css"
TEXT, SHAPE = 4.5, 3.0  # what text and what shapes of controls need

SURFACES = ["bg", "surface", "raised", "sunken", "hover", "selected"]
TINTS = ["accent-tint", "ok-tint", "warn-tint", "bad-tint", "hold-tint"]
TEXTS_ON = {
    "text": [*SURFACES, *TINTS],
    "muted": ["bg", "surface", "raised", "sunken", "selected", "accent-tint", "warn-tint", "bad-tint"],
    "faint": ["bg", "surface", "hover", "sunken"],
    "accent": ["bg", "surface", "raised", "selected", "accent-tint"],
    "ok": ["surface", "bg", "ok-tint"],
    "warn": ["surface", "bg", "warn-tint"],
    "bad": ["surface", "bg", "bad-tint"],
    "hold": ["surface", "bg", "hold-tint"],
    "idle": ["surface", "bg", "idle-tint"],
    "on-accent": ["accent-solid", "accent-solid-hover", "bad-solid", "bad-solid-hover"],
    "term-text": ["term-bg"],
}
SHAPES_ON = {
    "line-control": ["surface", "bg"],
    "accent": ["raised"],
    "accent-solid": ["surface"],
    "bad-solid": ["surface"],
    "meter": ["sunken"],
    "meter-warn": ["sunken"],
    "meter-bad": ["sunken"],
    "meter-plan": ["sunken"],
    "chart-1": ["surface"],
    "chart-2": ["surface"],
}
PAIRS = [(fore, back, TEXT) for fore, backs in TEXTS_ON.items() for back in backs]
PAIRS += [(fore, back, SHAPE) for fore, backs in SHAPES_ON.items() for back in backs]


def colours(theme: str) -> dict[str, str]:
    """The tokens of a theme that are colours, by name; dark ones overlay the light ones."""
    css = TOKENS.read_text()
    light, dark = css.split("===== dark")[0], css.split("===== dark")[1].split("===== the same names")[0]
    found = dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})\b", light))
    return found | dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})\b", dark)) if theme == "dark" else found


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("fore", "back", "needed"), PAIRS)
def test_the_pair_can_be_read(theme: str, fore: str, back: str, needed: float) -> None:
    of = colours(theme)
    assert contrast(of[fore], of[back]) >= needed


def test_black_on_white_is_twenty_one() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


def test_no_colour_outside_the_tokens() -> None:
    for sheet in TOKENS.parent.glob("*.css"):
        if sheet != TOKENS:
            assert re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[\s;,)])|\brgba?\(|\bhsla?\(", sheet.read_text()) == []
