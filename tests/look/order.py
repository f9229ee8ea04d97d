"""What every page in Chromium has to stand up to."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page


def in_order(page: Page) -> None:
    """axe finds nothing, and nothing scrolls sideways."""
    found = Axe().run(page).response["violations"]
    assert [f"{each['id']}: {node['html'][:160]}" for each in found for node in each["nodes"]] == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
