"""What can go wrong with the parts of a site, and what is promised for the time being and for afterwards.

`FAULTS` is the table of docs/promises.md: test_faults.py tries each line, contrib/soak all of them again and again.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

import requests

from tests.plugins.servers import Server
from tests.production.world import AWAY, Click, World, is_an_error_page

SILENT = 'id="silent-north"'  # the notice that names the cluster
Trouble = Callable[[World], AbstractContextManager[None]]

# ---- what people see meanwhile: words of the table -> what a page of the list is then


def _as_always(status: int, text: str) -> bool:
    return status == 200 and "Nothing new can be read" not in text


PAGES: dict[str, Callable[[int, str], bool]] = {
    "pages as always": _as_always,
    "what was known last, and a notice": lambda status, text: status == 200 and "Nothing new can be read" in text,
    "all VMs, and a notice that names the cluster": lambda status, text: status == 200 and SILENT in text,
    "a page that says: back in a moment": lambda status, text: status == 503 and AWAY in text,
    "pages, or one that says: back in a moment": lambda status, text: status in (200, 503),
}

# ---- what becomes of a click meanwhile: words of the table -> (state of the row, what the person was told)

NOT_NOW = "Changes are possible again"  # said where the site has noticed already that the cluster does not answer
CLICKS: dict[str, Callable[[str, str], bool]] = {
    "is carried out": lambda state, told: state == "succeeded",
    "is carried out, or refused with a sentence": lambda state, told: (
        state == "succeeded"
        or (state in ("", "failed") and any(words in told for words in (AWAY, "Nothing is known of", NOT_NOW)))
    ),
    "is refused with a sentence": lambda state, told: (
        state in ("", "failed") and (AWAY in told or "does not answer" in told)
    ),
    "is looked up afterwards: carried out": lambda state, told: (
        (state == "succeeded" and "being looked up" in told) or (not state and NOT_NOW in told)
    ),
    "is looked up afterwards: “unknown, please look”": lambda state, told: (
        (state == "unknown" and "being looked up" in told) or (not state and NOT_NOW in told)
    ),
}


@dataclass(frozen=True)
class Fault:
    part: str
    what: str
    trouble: Trouble
    pages: str
    click: str

    def __str__(self) -> str:
        return f"{self.part} {self.what}"

    def shows(self, page: requests.Response) -> bool:
        return PAGES[self.pages](page.status_code, page.text)


# ---- troubles -------------------------------------------------------------------------------------------


def stopped(server: str) -> Trouble:
    @contextlib.contextmanager
    def trouble(world: World) -> Iterator[None]:
        part: Server = getattr(world, server)
        part.stop()
        try:
            yield
        finally:
            part.start()

    return trouble


def paused(server: str) -> Trouble:
    @contextlib.contextmanager
    def trouble(world: World) -> Iterator[None]:
        part: Server = getattr(world, server)
        part.pause()
        try:
            yield
        finally:
            part.resume()

    return trouble


def killed(server: str) -> Trouble:
    """And started again at once."""

    @contextlib.contextmanager
    def trouble(world: World) -> Iterator[None]:
        part: Server = getattr(world, server)
        part.kill()
        part.start()
        yield

    return trouble


def switched(switch: str) -> Trouble:
    """A fault of the cluster North."""

    @contextlib.contextmanager
    def trouble(world: World) -> Iterator[None]:
        faults = world.sides["north"].faults
        setattr(faults, switch, True)
        try:
            yield
        finally:
            setattr(faults, switch, False)

    return trouble


NOTICE = "all VMs, and a notice that names the cluster"
AWAY_PAGE = "a page that says: back in a moment"
FAULTS = [
    Fault("Redis", "is stopped", stopped("redis"), "what was known last, and a notice",
          "is carried out, or refused with a sentence"),
    Fault("Redis", "is paused", paused("redis"), "what was known last, and a notice",
          "is carried out, or refused with a sentence"),
    Fault("Redis", "is killed and comes back empty", killed("redis"), "pages as always",
          "is carried out, or refused with a sentence"),
    Fault("MariaDB", "is stopped", stopped("mariadb"), AWAY_PAGE, "is refused with a sentence"),
    Fault("MariaDB", "is paused", paused("mariadb"), AWAY_PAGE, "is refused with a sentence"),
    Fault("MariaDB", "is killed and comes back", killed("mariadb"), "pages, or one that says: back in a moment",
          "is carried out, or refused with a sentence"),
    Fault("beanstalkd", "is stopped", stopped("beanstalkd"), "pages as always", "is carried out"),
    Fault("beanstalkd", "is paused", paused("beanstalkd"), "pages as always", "is carried out"),
    Fault("beanstalkd", "is killed and comes back empty", killed("beanstalkd"), "pages as always", "is carried out"),
    Fault("A cluster", "refuses connections", switched("closed"), NOTICE, "is refused with a sentence"),
    Fault("A cluster", "is paused", switched("deaf"), NOTICE, "is refused with a sentence"),
    Fault("A cluster", "reads requests and is silent", switched("silence"), NOTICE,
          "is looked up afterwards: “unknown, please look”"),
    Fault("A cluster", "does what it is asked and loses the answer", switched("lost_answers"), NOTICE,
          "is looked up afterwards: carried out"),
]  # fmt: skip


def try_it(world: World, fault: Fault) -> None:
    """A job runs, the fault comes, somebody clicks and looks, the fault goes: every promise is looked at."""
    pids = world.pids
    before = world.click()
    assert world.state(before) == "submitted", before.told
    with world.onlooker() as onlooker, fault.trouble(world):
        meanwhile = world.click()
        world.site.until(lambda: fault.shows(world.alice.get("/")), f"“{fault.pages}”")
    world.until_all_jobs_ended()
    assert world.state(before) == "succeeded"
    state = world.state(meanwhile)
    assert CLICKS[fault.click](state, meanwhile.told), f"{state}: {meanwhile.told[-3000:]}"
    assert not [answer.url for answer in onlooker.seen if is_an_error_page(answer)]
    assert world.pids == pids, "somebody had to be started again"
    for click in (before, meanwhile, recover(world)):
        world.assert_nothing_is_lost_or_done_twice(click)


def recover(world: World) -> Click:
    """Without anybody's help all is as before: pages are complete, and a click is carried out."""
    world.site.until(lambda: is_whole(world), "the pages to be complete again")
    click = world.click()
    world.until_all_jobs_ended()
    assert world.state(click) == "succeeded", click.told
    return click


def is_whole(world: World) -> bool:
    answer = world.alice.get("/")
    incomplete = (SILENT, "Nothing new can be read", "Collecting from")
    return answer.status_code == 200 and not any(words in answer.text for words in incomplete)
