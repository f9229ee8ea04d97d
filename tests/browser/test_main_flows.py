"""What people do here, from end to end: Chromium, gunicorn, a watcher and clusters that answer over HTTPS."""

import re
from collections.abc import Callable, Iterator

import pytest
from django.utils import translation
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import People, jobs_without_end
from tests.simulated import SimulatedSide
from tests.site.running import Site

pytestmark = pytest.mark.browser

Clusters = dict[str, SimulatedSide]
WORDS_OF_GANETI = "Not enough memory on node node1: needed 4096 MiB, available 1830 MiB"


@pytest.fixture(scope="module", autouse=True)
def patience() -> Iterator[None]:
    """How long something may take to appear: a bound for a test that hangs on a busy machine, no promise."""
    expect.set_options(timeout=20_000)
    yield
    expect.set_options(timeout=5_000)


def row_of(page: Page, cluster: str, name: str) -> Locator:
    return page.locator(f'tr[id="vm-{cluster}-{name}"]')


def state_of(place: Locator) -> Locator:
    return place.locator(".status").first


def names_in(page: Page) -> list[str]:
    return page.locator("tbody .name").all_text_contents()


def on_the_same_page(page: Page) -> Callable[[], bool]:
    """Marks the page's window; the answer tells whether it was neither reloaded nor left since."""
    page.evaluate("window.isMarked = true")
    return lambda: page.evaluate("window.isMarked === true")


class TestFindingOnesVms:
    def test_alice_signs_in_and_sees_her_vms_of_all_clusters(self, visit: People) -> None:
        page = visit.somebody()
        page.goto("/")
        page.get_by_label("User name").fill("alice")
        page.get_by_label("Password").fill("alice")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("My VMs")
        expect(page.locator("tbody tr")).to_have_count(8)
        expect(page.locator(".lead")).to_contain_text("8 VMs on 3 clusters")
        for cluster, name in (("north", "www.example.org"), ("south", "www.example.org"), ("east", "old.example.com")):
            expect(row_of(page, cluster, name)).to_be_visible()
        expect(state_of(row_of(page, "east", "old.example.com"))).to_have_text("Stopped")

    def test_a_wrong_password_is_a_sentence(self, visit: People) -> None:
        page = visit.somebody()
        page.goto("/")
        page.get_by_label("User name").fill("alice")
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_be_visible()
        expect(page.get_by_label("User name")).to_have_value("alice")

    def test_search_filters_and_order_are_in_the_address(self, visit: People) -> None:
        page = visit("alice")
        page.get_by_role("searchbox", name="Search these VMs").fill("www")
        expect(page.locator("tbody tr")).to_have_count(2)
        expect(page).to_have_url(re.compile(r"/\?q=www$"))
        page.get_by_role("combobox", name="Cluster").select_option(label="South")
        expect(page.locator("tbody tr")).to_have_count(1)
        expect(page).to_have_url(re.compile(r"/\?q=www&cluster=south$"))
        page.reload()
        expect(page.get_by_role("searchbox", name="Search these VMs")).to_have_value("www")
        expect(page.get_by_role("combobox", name="Cluster")).to_have_value("south")
        expect(page.locator("tbody tr")).to_have_count(1)

    def test_the_rows_that_are_left_stay_what_they_are_when_news_arrives(self, visit: People) -> None:
        page = visit("alice", "/?sort=-memory&status=stopped")
        with page.expect_response(lambda response: response.status in (200, 304) and "/?" in response.url):
            page.evaluate("htmx.trigger('#vms', 'live')")
        assert names_in(page) == ["test.example.org", "old.example.com"]

    def test_a_tag_a_state_and_the_order(self, visit: People) -> None:
        page = visit("alice")
        page.get_by_role("combobox", name="Tag").select_option(label="organisation physics")
        expect(page.locator("tbody tr")).to_have_count(3)
        page.get_by_role("combobox", name="Tag").select_option(label="Any tag")
        expect(page.locator("tbody tr")).to_have_count(8)
        page.get_by_role("link", name=re.compile("^Stopped")).click()
        expect(page.locator("tbody tr")).to_have_count(2)
        page.get_by_role("link", name="Memory").click()
        expect(page).to_have_url(re.compile("sort=memory"))
        expect(page.locator("tbody .name")).to_have_text(["old.example.com", "test.example.org"])
        page.get_by_role("link", name="Memory").click()
        expect(page.locator("tbody .name")).to_have_text(["test.example.org", "old.example.com"])
        page.go_back()
        expect(page.locator("tbody .name")).to_have_text(["old.example.com", "test.example.org"])

    def test_nothing_found_is_said_with_a_way_back(self, visit: People) -> None:
        page = visit("alice")
        page.get_by_role("searchbox", name="Search these VMs").fill("no such vm")
        expect(page.get_by_role("heading", name="No VM matches")).to_be_visible()
        page.get_by_role("link", name="Clear the search").click()
        expect(page.locator("tbody tr")).to_have_count(8)

    def test_the_helpdesk_sees_everything_with_its_columns_and_no_buttons(self, visit: People) -> None:
        page = visit("bob")
        expect(page.get_by_role("heading", level=1)).to_have_text("All VMs")
        expect(page.locator("tbody tr")).to_have_count(50)
        heads = page.locator("thead th").all_text_contents()
        assert [head.strip() for head in heads[:5]] == ["Name", "Status", "Cluster", "Owners", "Address"]
        expect(page.locator("tbody button, tbody form")).to_have_count(0)
        page.get_by_role("link", name="Next").click()
        expect(page.locator("tbody tr")).to_have_count(10)
        page.get_by_role("searchbox", name="Search these VMs").fill("noc")
        expect(row_of(page, "south", "dns.example.net")).to_contain_text("group noc")
        row_of(page, "south", "dns.example.net").get_by_role("link").first.click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("dns.example.net")
        expect(page.get_by_role("button", name=re.compile("Start|Shut down|Reboot"))).to_have_count(0)


class TestPower:
    def test_a_vm_is_shut_down_from_its_row_and_started_from_its_page(self, visit: People, clusters: Clusters) -> None:
        page = visit("alice", "/?sort=-name")
        is_same = on_the_same_page(page)
        row = row_of(page, "south", "backup.example.org")
        with jobs_without_end(clusters["south"]):
            row.get_by_role("button", name="Shut down").click()
            expect(page.get_by_role("dialog")).to_contain_text("Shut down backup.example.org?")
            page.get_by_role("dialog").get_by_role("button", name="Shut down").click()
            expect(state_of(row)).to_have_text("Shutting down")
            expect(row.get_by_role("progressbar")).to_be_visible()
            expect(page.locator("#toasts")).to_contain_text("Shutting down backup.example.org.")
        expect(state_of(row)).to_have_text("Stopped")
        expect(row.get_by_role("button", name="Start")).to_be_visible()
        expect(page.locator("#announcements")).to_have_text("backup.example.org: Stopped")
        assert is_same()
        expect(page).to_have_url(re.compile(r"/\?sort=-name$"))

        row.get_by_role("link", name="backup.example.org").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("backup.example.org")
        is_same = on_the_same_page(page)
        with jobs_without_end(clusters["south"]):
            page.get_by_role("button", name="Start").click()
            strip = page.get_by_role("region", name="Job in progress")
            expect(strip).to_contain_text("Asked for by alice")
            expect(strip).to_contain_text(re.compile(r"Ganeti took it as job \d+"))
            expect(strip).to_contain_text("Ganeti began")
            expect(page.get_by_role("button", name="Start")).to_have_attribute("aria-disabled", "true")
        expect(strip).to_have_count(0)
        expect(state_of(page.locator("h1"))).to_have_text("Running")
        expect(page.locator(".feed li").first).to_contain_text("Start, done")
        assert is_same()

    def test_a_dialog_that_is_cancelled_does_nothing(self, visit: People, site: Site) -> None:
        page = visit("alice")
        before = site.rows("select count(*) from ganeti_job")
        page.get_by_role("button", name="More for backup.example.org").click()
        page.get_by_role("button", name="Reboot").locator("visible=true").click()
        page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(page.get_by_role("button", name="More for backup.example.org")).to_be_focused()
        assert site.rows("select count(*) from ganeti_job") == before

    def test_a_job_that_fails_is_told_in_ganetis_words(self, visit: People, clusters: Clusters) -> None:
        page = visit("alice", "/instances/north/test.example.org/")
        is_same = on_the_same_page(page)
        clusters["north"].faults.failing_jobs = WORDS_OF_GANETI
        try:
            page.get_by_role("button", name="Start").click()
            expect(page.locator("#failure")).to_contain_text(WORDS_OF_GANETI)
        finally:
            clusters["north"].faults.failing_jobs = ""
        expect(state_of(page.locator("h1"))).to_have_text("Stopped")
        expect(page.locator(".feed li").first).to_contain_text("Start, failed")
        assert is_same()

    def test_what_others_ask_for_shows_up_on_an_open_page(self, visit: People, clusters: Clusters) -> None:
        alices = visit("alice", "/instances/north/www.example.org/")
        is_same = on_the_same_page(alices)
        with jobs_without_end(clusters["north"]):
            doras = visit("dora", "/instances/north/www.example.org/")
            doras.get_by_role("button", name="Reboot").click()
            doras.get_by_role("dialog").get_by_role("button", name="Reboot").click()
            expect(state_of(alices.locator("h1"))).to_have_text("Rebooting")
            expect(alices.get_by_role("region", name="Job in progress")).to_contain_text("by dora")
            alices.get_by_role("button", name="Shut down").click(force=True)  # it is off, and says why
            expect(alices.locator(":popover-open")).to_have_text("Rebooting: other changes wait until this ends.")
        expect(state_of(alices.locator("h1"))).to_have_text("Running")
        assert is_same()

    def test_the_history_becomes_final_by_itself(self, visit: People, clusters: Clusters) -> None:
        with jobs_without_end(clusters["north"]):
            page = visit("alice", "/instances/north/mail.example.org/")
            page.get_by_role("button", name="Reboot").click()
            page.get_by_role("dialog").get_by_role("button", name="Reboot").click()
            expect(page.get_by_role("region", name="Job in progress")).to_be_visible()
            page.get_by_role("navigation", name="Main").get_by_role("link", name="History", exact=True).click()
            entry = page.locator("tbody tr", has_text="mail.example.org").first
            expect(state_of(entry)).to_have_text("In progress")
            expect(entry).to_contain_text("127.0.0.1")
            is_same = on_the_same_page(page)
        expect(state_of(entry)).to_have_text("Done")
        assert is_same()


class TestTrouble:
    def test_a_silent_cluster_is_named_and_its_vms_stay(self, visit: People, clusters: Clusters) -> None:
        page = visit("alice")
        is_same = on_the_same_page(page)
        row = row_of(page, "east", "archive.example.com")
        clusters["east"].faults.closed = True
        try:
            expect(page.locator("#silent-east")).to_contain_text("East has not answered for")
            expect(page.locator("#silent-east")).to_contain_text("2 VMs live there")
            expect(row).to_have_class("silent")
            expect(state_of(row)).to_have_text("Running")
            expect(row_of(page, "south", "backup.example.org")).not_to_have_class("silent")
        finally:
            clusters["east"].faults.closed = False
        expect(page.locator("#silent-east")).to_have_count(0, timeout=60_000)
        expect(row).not_to_have_class("silent")
        assert is_same()

    def test_a_lost_connection_is_said_and_taken_up_again(self, visit: People, site: Site) -> None:
        page = visit("alice")
        is_same = on_the_same_page(page)
        notice = page.get_by_text("The connection is lost")
        expect(notice).to_be_hidden()
        site.kill_hard(next(process for process in site.processes if "gunicorn" in process.args))
        try:
            expect(notice).to_be_visible()
            expect(page.locator("tbody tr")).to_have_count(8)
        finally:
            site.start_web(workers=2)
        expect(notice).to_be_hidden(timeout=60_000)
        assert is_same()


class TestByKeyboardAlone:
    def test_from_signing_in_to_a_confirmed_reboot(self, visit: People, clusters: Clusters) -> None:
        page = visit.somebody()
        page.goto("/")
        expect(page.get_by_label("User name")).to_be_focused()
        press(page, "alice", "Tab", "alice", "Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("My VMs")

        page.keyboard.press("Tab")
        expect(page.get_by_text("Skip to content")).to_be_focused()
        press(page, "Enter")
        tab_to(page, page.get_by_role("searchbox", name="Search these VMs"))
        page.keyboard.type("mail")
        expect(page.locator("tbody tr")).to_have_count(1)
        expect(page.get_by_role("searchbox", name="Search these VMs")).to_be_focused()

        more = page.get_by_role("button", name="More for mail.example.org")
        tab_to(page, more)
        page.keyboard.press("Enter")
        tab_to(page, page.get_by_role("button", name="Reboot"))
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(more).to_be_focused()

        tab_to(page, page.get_by_role("link", name="mail.example.org"), "Shift+Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_contain_text("mail.example.org")
        reboot = page.get_by_role("button", name="Reboot")
        tab_to(page, reboot)
        with jobs_without_end(clusters["north"]):
            page.keyboard.press("Enter")
            expect(page.get_by_role("dialog").get_by_role("button", name="Reboot")).to_be_focused()
            page.keyboard.press("Enter")
            expect(page.get_by_role("region", name="Job in progress")).to_be_visible()
            expect(reboot).to_be_focused()
        expect(state_of(page.locator("h1"))).to_have_text("Running")

    def test_who_starts_a_vm_from_the_list_stays_in_its_row(self, visit: People, clusters: Clusters) -> None:
        page = visit("alice", "/?q=old.example.com")
        row = row_of(page, "east", "old.example.com")
        with jobs_without_end(clusters["east"]):
            row.get_by_role("button", name="Start").focus()
            page.keyboard.press("Enter")
            expect(state_of(row)).to_have_text("Starting")
            expect(row.get_by_role("link", name="Follow")).to_be_focused()
        expect(state_of(row)).to_have_text("Running")
        with jobs_without_end(clusters["east"]):
            row.get_by_role("button", name="Shut down").focus()
            page.keyboard.press("Enter")
            page.keyboard.press("Enter")
            expect(row.get_by_role("link", name="Follow")).to_be_focused()
        expect(state_of(row)).to_have_text("Stopped")


def press(page: Page, *keys: str) -> None:
    """Keys by their names; other words are typed."""
    for key in keys:
        (page.keyboard.press if key in ("Tab", "Enter", "/") else page.keyboard.type)(key)


def tab_to(page: Page, wanted: Locator, key: str = "Tab") -> None:
    """Goes on from control to control until `wanted` has the focus."""
    for _ in range(40):
        page.keyboard.press(key)
        if wanted.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"The key {key} does not lead to {wanted}.")


class TestWithoutJavaScript:
    def test_search_and_pages_work(self, visit: People) -> None:
        page = visit("bob", java_script_enabled=False)
        page.get_by_role("link", name="Next").click()
        expect(page.locator("tbody tr")).to_have_count(10)
        page.get_by_role("searchbox", name="Search these VMs").fill("monitor")
        page.locator(".filter-form").get_by_role("button", name="Search").click()
        expect(page.locator("tbody tr")).to_have_count(1)
        expect(page).to_have_url(re.compile("q=monitor"))

    def test_a_vm_is_stopped_and_started(self, visit: People, site: Site) -> None:
        page = visit("alice", "/?q=lab", java_script_enabled=False)
        expect(page.locator("tbody tr")).to_have_count(1)
        page.goto("/?q=backup")
        row = row_of(page, "south", "backup.example.org")
        row.get_by_role("button", name="Shut down").click()
        expect(page).to_have_url(re.compile(r"/\?q=backup$"))
        expect(page.locator("#toasts")).to_contain_text("Shutting down backup.example.org.")
        until_it_says(page, site, row, "Stopped")
        row.get_by_role("button", name="Start").click()
        until_it_says(page, site, row, "Running")


def until_it_says(page: Page, site: Site, row: Locator, word: str) -> None:
    """Reloads, as people without JavaScript do."""

    def is_so() -> bool:
        page.reload()
        return state_of(row).text_content() == word

    site.until(is_so, f"a row that says {word}")


class TestTheShell:
    def test_signing_out_ends_it(self, visit: People) -> None:
        page = visit.somebody()
        page.goto("/user/login/")
        press(page, "charlie", "Tab", "charlie", "Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("My VMs")
        page.get_by_role("button", name="Account").click()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
        page.goto("/")
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")

    def test_the_language_is_switched_where_one_is(self, visit: People) -> None:
        page = visit("erik", "/?status=stopped")
        page.get_by_role("button", name="change language").click()
        page.get_by_role("button", name="Ελληνικά").click()
        expect(page.locator("html")).to_have_attribute("lang", "el")
        with translation.override("el"):
            expect(page.get_by_role("heading", level=1)).to_have_text(translation.gettext("My VMs"))
            page.get_by_role("button", name=translation.gettext("change language")).click()
        page.get_by_role("button", name="English").click()
        expect(page.locator("html")).to_have_attribute("lang", "en")
        expect(page).to_have_url(re.compile(r"status=stopped$"))
