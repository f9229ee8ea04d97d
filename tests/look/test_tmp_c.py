import pytest
from tests.look.test_profile import *
@pytest.mark.parametrize("width,theme", [(1280,"light"),(360,"dark")])
def test_shots(open_page, alice, cookies, width, theme):
    page = open_page(PROFILE, width=width, theme=theme, cookies=cookies)
    paste(page, f"{ED25519} alice@laptop\nrubbish")
    expect(page.locator("#keys-text_error")).to_be_visible()
    page.evaluate("scrollTo(0,0)"); page.screenshot(path=f"/tmp/cshots/final-{width}.png", full_page=True)
