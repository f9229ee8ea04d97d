"""From the wish for a VM to the VM in the list, as people do it: Chromium, gunicorn, a watcher, a simulated cluster."""

import itertools
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import People, ask_again
from tests.browser.test_registering import tab_to
from tests.simulated import SimulatedSide
from tests.site.running import Site

pytestmark = pytest.mark.browser

APPLY = "/application/apply/"
TRIES = itertools.count(1)  # a flow that is tried again does not meet the VM of its first try


@pytest.fixture(scope="module", autouse=True)
def patience() -> Iterator[None]:
    """How long something may take to appear: a bound for a test that hangs on a busy machine, no promise."""
    expect.set_options(timeout=60_000)
    yield
    expect.set_options(timeout=5_000)


@pytest.fixture(scope="module", autouse=True)
def as_it_was(site: Site, clusters: dict[str, SimulatedSide]) -> Iterator[None]:
    """The other files' flows find the estate as they know it."""
    before = {slug: set(side.server.world.instances) for slug, side in clusters.items()}
    yield
    for slug, side in clusters.items():
        world = side.server.world
        with world.lock:
            for name in set(world.instances) - before[slug]:
                del world.instances[name]
    site.rows("DELETE FROM apply_applicationevent")
    site.rows("DELETE FROM apply_instanceapplication")
    dora = site.sign_in("dora")
    site.until(lambda: "60 VMs" in dora.text("/"), "the list to be as it was")


@pytest.fixture(autouse=True)
def nothing_waits(site: Site) -> Iterator[None]:
    """Each flow begins without drafts, and leaves nobody waiting for the next."""
    forget_all = "UPDATE apply_instanceapplication SET status = 107, holds = NULL WHERE holds IS NOT NULL"
    site.rows("DELETE FROM apply_draft")
    site.rows(forget_all)
    yield
    site.rows(forget_all)


def fill_in(page: Page, name: str, why: str = "For the flow.") -> None:
    page.get_by_label("Host name").fill(name)
    page.get_by_label("What is it for?").fill(why)
    page.get_by_role("radio", name="No operating system").check()
    page.get_by_label("Administrator's name").fill("Charlie")
    page.get_by_label("Administrator's e-mail").fill("charlie@example.org")
    page.get_by_label("Administrator's telephone").fill("1234")
    page.get_by_label("I accept").check()


def apply(page: Page, name: str, why: str = "For the flow.") -> None:
    page.goto(APPLY)
    fill_in(page, name, why)
    page.get_by_role("button", name="Send application").click()
    expect(page.locator("h1")).to_contain_text(name)


def review(page: Page, name: str, cluster: str = "North") -> None:
    page.goto("/application/list/")
    page.get_by_role("link", name=name).click()
    page.get_by_role("radio", name=cluster).check()
    expect(page.locator(".decide")).to_contain_text(cluster)


class TestTheWholeWay:
    def test_from_the_empty_list_to_the_vm_in_it(self, visit: People, clusters: dict[str, SimulatedSide]) -> None:
        name = f"fresh{next(TRIES)}.example.org"
        charlie = visit("charlie", "/")
        charlie.get_by_role("link", name="Apply for a VM").click()
        charlie.get_by_label("Host name").fill("www.example.org")
        expect(charlie.locator("#hostname-said")).to_have_text(re.compile("a VM of this name already"))
        charlie.get_by_label("Host name").fill(name)
        expect(charlie.locator("#hostname-said")).to_contain_text("Nothing speaks against this name")
        fill_in(charlie, name)
        charlie.get_by_role("button", name="Send application").click()
        expect(charlie.locator("h1 .status")).to_have_text("Waiting for a decision")

        dora = visit("dora", "/")
        expect(dora.locator("a[href='/application/list/'] .count")).to_have_text("1")
        review(dora, name)
        dora.get_by_label("Words to the applicant").fill("Welcome!")
        dora.get_by_role("button", name="Try out").click()
        expect(dora.locator("#trial")).to_contain_text("North would make it.")
        expect(dora.get_by_label("Words to the applicant")).to_have_value("Welcome!")
        dora.get_by_role("button", name="Accept and create").dblclick()
        expect(dora.locator("h1")).to_have_text(re.compile(rf"Applications|{re.escape(name)}"))

        charlie.reload()
        expect(charlie.locator(".notice-ok")).to_contain_text("Your VM is made.")
        expect(charlie.locator("main")).to_contain_text("Welcome!")
        made = [job for job in clusters["north"].server.world.jobs.all.values() if creates(job, name)]
        assert len(made) == 1
        charlie.get_by_role("link", name=f"Open {name}").click()
        expect(charlie.locator("h1 .status")).to_have_text("Running")  # it is started by itself
        charlie.goto("/")
        expect(charlie.locator(f"tr[id='vm-north-{name}']")).to_be_visible()

    def test_a_failure_is_seen_and_sent_again(self, visit: People, clusters: dict[str, SimulatedSide]) -> None:
        name = f"second{next(TRIES)}.example.org"
        charlie, dora = visit("charlie"), visit("dora")
        apply(charlie, name)
        review(dora, name)
        clusters["north"].faults.failing_jobs = "The disks are full."
        try:
            dora.get_by_role("button", name="Accept and create").click()
            expect(dora.locator("h1")).to_have_text("Applications")
            charlie.reload()
            expect(charlie.locator("h1 .status")).to_have_text("Creation failed")
        finally:
            clusters["north"].faults.failing_jobs = ""
        dora.goto("/application/list/")
        expect(dora.locator("#waiting")).to_contain_text("The disks are full.")
        review(dora, name)
        dora.get_by_role("button", name="Send again").click()
        expect(dora.locator("h1")).to_have_text("Applications")
        charlie.reload()
        expect(charlie.locator(".notice-ok")).to_contain_text("Your VM is made.")


def creates(job: object, name: str) -> bool:
    op = job.ops[0]  # type: ignore[attr-defined]
    return op["OP_ID"] == "OP_INSTANCE_CREATE" and op["instance_name"] == name and not op.get("dry_run")


class TestNothingIsLost:
    def test_what_is_typed_survives_a_lost_session(self, visit: People, site: Site) -> None:
        page = visit("charlie", APPLY)
        page.get_by_label("What is it for?").fill("Typed before.")
        expect(page.get_by_text("Kept: what you have typed")).to_be_visible()
        cookies = page.context.cookies()
        page.context.clear_cookies()
        page.get_by_label("What is it for?").fill("Typed before, and after the session was lost.")
        expect(page.get_by_text("You are signed out")).to_be_visible()
        page.context.add_cookies(cookies)
        page.goto(APPLY)
        expect(page.get_by_label("What is it for?")).to_have_value("Typed before, and after the session was lost.")
        expect(page.get_by_text("Kept: what you have typed")).to_be_visible()
        page.goto(APPLY)
        page.get_by_role("button", name="Start afresh").click()
        expect(page.get_by_label("What is it for?")).to_have_value("")

    def test_of_two_reviewers_the_slower_is_told_and_keeps_the_words(self, visit: People) -> None:
        charlie, first, second = visit("charlie"), visit("dora"), visit("dora")
        apply(charlie, "race.example.org")
        review(first, "race.example.org")
        review(second, "race.example.org")
        charlie.get_by_role("button", name="Withdraw").click()
        charlie.get_by_role("dialog").get_by_role("button", name="Withdraw").click()
        expect(charlie.locator("h1 .status")).to_have_text("Withdrawn")
        second.get_by_label("Words to the applicant").fill("A long reason.")
        second.get_by_role("button", name="Reject").click()
        expect(second.get_by_role("alert")).to_contain_text("withdrawn by charlie")
        expect(second.get_by_label("Words to the applicant")).to_have_value("A long reason.")
        expect(second.get_by_role("button", name="Reject")).to_have_count(0)

    def test_a_question_and_its_answer(self, visit: People) -> None:
        charlie, dora = visit("charlie"), visit("dora")
        apply(charlie, "asked.example.org")
        review(dora, "asked.example.org")
        dora.get_by_label("Memory (MiB)").fill("3072")
        dora.get_by_label("Words to the applicant").fill("Why so small?")
        dora.get_by_role("button", name="Ask").click()
        expect(dora.get_by_role("status").filter(has_text="Your question is sent.")).to_be_visible()
        expect(dora.get_by_label("Memory (MiB)")).to_have_value("3072")
        charlie.reload()
        expect(charlie.locator("#answer")).to_contain_text("Why so small?")
        charlie.get_by_label("Your answer").fill("I am modest.")
        charlie.get_by_role("button", name="Send answer").click()
        expect(charlie.locator("#answer")).to_have_count(0)
        dora.goto("/application/list/")
        expect(dora.locator("#waiting")).to_contain_text("question answered")


class TestOtherWays:
    def test_with_the_keyboard_alone(self, visit: People) -> None:
        page = visit("charlie", APPLY)
        for field, typed in (("hostname", "keys.example.org"), ("comments", "By keyboard."), ("disk_size", "")):
            tab_to(page, f"[name={field}]")
            page.keyboard.type(typed)
        tab_to(page, "[name=operating_system]")
        page.keyboard.press("Space")
        for field, typed in (("name", "Charlie"), ("email", "charlie@example.org"), ("phone", "1234")):
            tab_to(page, f"[name=admin_contact_{field}]")
            page.keyboard.press("Control+A")
            page.keyboard.type(typed)
        tab_to(page, "[name=accept_tos]")
        page.keyboard.press("Space")
        tab_to(page, "#application [type=submit]")
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_contain_text("keys.example.org")

        dora = visit("dora", "/application/list/")
        tab_to(dora, "#waiting a")
        dora.keyboard.press("Enter")
        expect(dora.locator("h1")).to_contain_text("keys.example.org")
        tab_to(dora, "[name=hostname]")
        dora.keyboard.press("Enter")  # decides nothing
        expect(dora.locator("h1 .status")).to_have_text("Waiting for a decision")
        tab_to(dora, "[name=words]")
        dora.keyboard.type("No.")
        tab_to(dora, "[value=reject]")
        dora.keyboard.press("Enter")
        expect(dora.locator("#toasts")).to_contain_text("is rejected")

    def test_without_javascript(self, visit: People) -> None:
        charlie = visit("charlie", java_script_enabled=False)
        apply(charlie, "plain.example.org")
        dora = visit("dora", "/application/list/", java_script_enabled=False)
        dora.get_by_role("link", name="plain.example.org").click()
        dora.get_by_role("radio", name="South").check()
        dora.get_by_role("button", name="Show this choice").click()
        expect(dora.locator("#id_network")).to_contain_text("dmz")
        dora.get_by_label("Words to the applicant").fill("No.")
        dora.get_by_role("button", name="Reject").click()
        expect(dora.locator("#toasts")).to_contain_text("is rejected")

    def test_a_silent_cluster_cannot_be_chosen(
        self, visit: People, site: Site, clusters: dict[str, SimulatedSide]
    ) -> None:
        charlie, dora = visit("charlie"), visit("dora")
        apply(charlie, "quiet.example.org")
        with clusters["east"].refusing():
            silent = site.sign_in("alice")
            site.until(lambda: "East has not answered" in silent.text("/"), "the silent cluster to be noticed")
            review(dora, "quiet.example.org")
            expect(dora.get_by_role("radio", name="East")).to_be_disabled()
            expect(dora.locator("tr.silent")).to_contain_text("It does not answer.")
        ask_again(site, "east")
        site.until(lambda: "East has not answered" not in silent.text("/"), "the silent cluster to be back")
