"""From the form to the VM on a whole site, with people who do things at once and processes that die on the way."""

import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.plugins.smtp import MailServer
from tests.production import creations
from tests.production.creations import CHORE_STEPS, LATER, CreationWorld, Status, Wish
from tests.production.site import at_the_same_time

pytestmark = pytest.mark.services
MANY_LINKS = "".join(f'<a href="alma-{number}-x86_64.tar.gz">alma</a>\n' for number in range(10_000)).encode()
A_GIGABYTE = 2**30


class Listing:
    """A web server with images that can be good, slow, huge or broken; it counts what it has sent."""

    def __init__(self) -> None:
        self.state = "good"
        self.asked = 0
        self.sent = 0
        self.closed = 0
        listing = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                listing.asked += 1
                self.send_response(500 if listing.state == "broken" else 200)
                self.send_header("Content-Type", "text/html")
                if listing.state == "slow":
                    self.send_header("Content-Length", str(A_GIGABYTE))
                self.end_headers()
                try:
                    listing.say(self)
                except OSError:
                    listing.closed += 1

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    def say(self, handler: BaseHTTPRequestHandler) -> None:
        if self.state == "good":
            handler.wfile.write(MANY_LINKS)
        while self.state == "slow":
            handler.wfile.write(b".")
            time.sleep(0.05)
        while self.state == "huge" and self.sent < A_GIGABYTE:
            self.sent += handler.wfile.write(b"x" * 2**16)


@pytest.fixture(scope="module")
def listing() -> Iterator[Listing]:
    listing = Listing()
    yield listing
    listing.state = "broken"
    listing.server.shutdown()
    listing.server.server_close()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, listing: Listing) -> Iterator[CreationWorld]:
    mail = MailServer()
    mail.start()
    world = CreationWorld(tmp_path_factory.mktemp("world"), mail, listing.url)
    yield world
    world.close()
    mail.stop()


class TestTheFlow:
    def test_form_decision_job_start_and_mail(self, world: CreationWorld) -> None:
        wish = world.apply()
        world.accept(wish)
        assert wish.answer is not None
        assert wish.answer.url.endswith("/application/list/")
        world.assert_made_once(wish)
        world.site.until_known(world.alice, "north", wish.name)
        assert wish.name in world.alice.get("/").text
        page = world.alice.get(f"/application/{world.application(wish)['id']}/")
        assert f"/instances/north/{wish.name}/" in page.text
        assert len(world.mails("managers", wish)) == 2, "that it was filed, and that it is there"

    def test_what_a_failed_creation_left_is_removed_once_and_the_vm_is_made(self, world: CreationWorld) -> None:
        wish = world.accept(world.apply(system="bad"), operating_system="bad")
        world.until_status(wish, Status.FAILED)
        assert "no archive" in world.application(wish)["backend_message"]
        world.site.until_known(world.dora, "north", wish.name)
        wish.system = "good"
        world.look_at(wish)
        world.accept(wish)
        world.until_it_runs(wish)
        assert [world.done(wish, what) for what in ("CREATE", "REMOVE", "STARTUP")] == [2, 1, 1]
        world.until_nothing_waits_to_be_sent()
        assert len(world.mails("admins", wish)) == 1
        assert len([subject for subject in world.mails("alice", wish) if "ready" in subject]) == 1


class TestTwoAtOnce:
    def test_of_two_who_ask_for_one_name_one_gets_it_and_the_other_a_sentence(self, world: CreationWorld) -> None:
        others = [world.sign_in("charlie"), world.sign_in("erik")]
        for _ in range(3):
            wish = Wish("north", next(creations.names))
            asks = [
                partial(who.post, "/application/apply/", **world.asked_for(wish), accept_tos="on") for who in others
            ]
            answers = at_the_same_time(*asks)
            assert [answer.status_code for answer in answers] == [200, 200]
            told = ["There is an application for a VM" in answer.text for answer in answers]
            assert sorted(told) == [False, True]
            assert world.status(wish) == Status.PENDING

    def test_of_two_who_accept_one_does_and_a_double_click_is_one_creation(self, world: CreationWorld) -> None:
        other = world.sign_in("dora")
        wishes = [world.apply(slug) for slug in ("north", "south", "east")]
        for wish in wishes[:2]:
            clicks = [partial(who.post, address(world, wish), **wish.form) for who in (world.dora, other)]
            assert [answer.status_code for answer in at_the_same_time(*clicks)] == [200, 200]
        double_click = [partial(world.dora.post, address(world, wishes[2]), **wishes[2].form)] * 3
        assert [answer.status_code for answer in at_the_same_time(*double_click)] == [200] * 3
        world.accept(wishes[2])  # and once more, from the page that is still open
        for wish in wishes:
            world.assert_made_once(wish)


def address(world: CreationWorld, wish: Wish) -> str:
    return f"/application/{world.application(wish)['id']}/review/"


class TestKills:
    def test_no_vm_is_lost_or_made_twice_with_web_killed_at_every_step(self, world: CreationWorld) -> None:
        wishes = creations.kill_the_web_at_each_step(world)
        unwritten, unasked = (wishes[step] for step in LATER)
        assert (world.status(unwritten), world.done(unwritten, "CREATE")) == (Status.APPROVED, 0)
        assert world.job_state(unwritten) == ""
        assert (world.status(unasked), world.done(unasked, "CREATE")) == (Status.FAILED, 0)
        assert world.job_state(unasked) == "unknown"
        assert world.application(unasked)["backend_message"]
        for wish in (unwritten, unasked):
            assert wish.name in world.dora.text("/application/list/"), "it waits where reviewers see it"
            world.site.until(lambda wish=wish: world.is_well(wish.slug), "the cluster to be offered again")
            world.look_at(wish)
            world.accept(wish)
        for wish in wishes.values():
            world.assert_made_once(wish)

    def test_no_end_is_lost_or_told_twice_with_watchers_killed_at_every_step(self, world: CreationWorld) -> None:
        for wish in creations.kill_the_watchers_while_creations_end(world):
            world.assert_made_once(wish)

    def test_no_chore_is_done_twice_with_watchers_killed_in_the_middle(self, world: CreationWorld) -> None:
        wishes = creations.kill_the_watchers_in_their_chores(world)
        assert wishes.keys() == CHORE_STEPS.keys()
        world.assert_made_once(wishes["north"])
        world.site.until(lambda: world.job_state(wishes["south"], "startup") == "unknown", "the start to be given up")
        world.site.until(lambda: world.is_running(wishes["east"]), "the other to be started")
        world.until_all_jobs_ended()
        assert [world.done(wishes[slug], "STARTUP") for slug in ("south", "east")] == [1, 2], "once before, on purpose"
        assert not world.is_running(wishes["south"])
        for wish in wishes.values():
            assert not world.application(wish)["start_is_due"]


class TestImages:
    def test_pages_answer_from_the_last_good_catalogue_whatever_the_listing_does(
        self, world: CreationWorld, listing: Listing
    ) -> None:
        def offered() -> int:
            answer = world.alice.get("/operating_systems/")
            assert answer.status_code == 200
            return len(answer.json()["operating_systems"])

        def error() -> str:
            return str(world.site.rows("SELECT error FROM apply_imagelisting")[0][0])

        world.site.until(lambda: offered() > 100, "the images of a listing of 10,000 links")
        many = offered()
        assert many < 10_000, "bounded"
        assert "alma" in world.alice.get("/application/apply/").text
        for state, words in (("slow", ""), ("huge", "more than"), ("broken", "500")):
            asked, listing.state = listing.asked, state
            world.site.until(lambda asked=asked: listing.asked > asked, "the next look at it")
            assert offered() == many, "while it is being asked"
            assert world.alice.get("/application/apply/").status_code == 200
            if words:
                world.site.until(lambda words=words: words in error(), f"the words about a {state} listing")
            assert offered() == many
        assert listing.sent < 64 * 2**20, "of a gigabyte"
        listing.state = "good"
        world.site.until(lambda: not error(), "the listing to be read again")
