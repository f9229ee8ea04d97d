import pytest
from tests.browser.test_main_flows import *
pytestmark = pytest.mark.browser
def test_dbg(visit, clusters):
    page = visit("alice", "/?q=old.example.com")
    page.on("console", lambda m: print("CONSOLE", m.text))
    row = row_of(page, "east", "old.example.com")
    page.evaluate("""() => { for (const e of ['htmx:beforeSwap','htmx:afterSwap','htmx:afterSettle']) document.addEventListener(e, (ev) => console.log(e, ev.detail.requestConfig.verb, document.activeElement.outerHTML.slice(0,150))) ; document.addEventListener('focusout', e=>console.log('out', e.target.outerHTML.slice(0,80), e.relatedTarget)); document.addEventListener('focusin', e=>console.log('in', e.target.outerHTML.slice(0,80)))}""")
    with jobs_without_end(clusters["east"]):
        row.get_by_role("button", name="Start").focus()
        page.keyboard.press("Enter")
        expect(state_of(row)).to_have_text("Starting")
        page.wait_for_timeout(1500)
        print(page.evaluate("document.activeElement.outerHTML.slice(0,200)"))
