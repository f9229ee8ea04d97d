"""What every page in Chromium has to stand up to."""

from pathlib import Path
from typing import Any, cast

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

WIDE, PHONE = 1280, 360
Rules = dict[str, Any] | None  # axe's options, or nothing to look for
ALL: Rules = {}
COLOURS: Rules = {"runOnly": ["color-contrast"]}
ALL_BUT_COLOURS: Rules = {"rules": {"color-contrast": {"enabled": False}}}
# Most of axe's time goes to colours, which depend on the theme and not on the width; all else on the width alone.
LOOKS = [(PHONE, "dark", None), (PHONE, "light", ALL_BUT_COLOURS), (WIDE, "dark", COLOURS), (WIDE, "light", ALL)]
RUN = """options => axe.run({...options, resultTypes: ["violations"]}).then(
  found => found.violations.flatMap(each => each.nodes.map(node => `${each.id}: ${node.html.slice(0, 160)}`))
)"""
IS_TOO_WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


def violations(page: Page, rules: Rules = ALL) -> list[str]:
    """What axe finds on the page as it is."""
    if rules is None:
        return []
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    found: list[str] = page.evaluate(RUN, rules)
    return found


def in_order(page: Page, rules: Rules = ALL) -> None:
    """axe finds nothing, and nothing scrolls sideways."""
    assert violations(page, rules) == []
    assert not page.evaluate(IS_TOO_WIDE), "it is wider than the screen"


def in_order_for_everybody(page: Page, pictures: Path | None = None) -> None:
    """The same wide and on a phone, in the light and in the dark; with pictures of it, for people."""
    seen = page.viewport_size or {"width": WIDE, "height": 800}
    for width, theme, rules in LOOKS:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=cast(Any, theme), reduced_motion="reduce")
        expect(page.locator("html")).to_have_attribute("data-bs-theme", theme)
        if pictures:
            page.screenshot(path=f"{pictures}-{width}-{theme}.jpg", full_page=True)
        in_order(page, rules)
    page.set_viewport_size(seen)
