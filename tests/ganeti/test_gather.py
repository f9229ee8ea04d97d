import logging
from contextvars import ContextVar

import gevent
import gevent.event
import pytest

from ganeti.endpoint import Endpoint
from ganeti.errors import Failed, Unreachable, WrongPassword
from ganeti.gather import Answer, ask_all

ENDPOINTS = [Endpoint(f"c{number}", "127.0.0.1") for number in range(10)]


def test_ten_slow_clusters_cost_one_delay() -> None:
    all_are_asked, asked = gevent.event.Event(), []

    def answer_when_all_are_asked(endpoint: Endpoint) -> str:
        asked.append(endpoint.slug)
        if len(asked) == len(ENDPOINTS):
            all_are_asked.set()
        assert all_are_asked.wait(5), "asked one after another, nobody would ever answer"
        return endpoint.slug.upper()

    answers = ask_all(ENDPOINTS, answer_when_all_are_asked)
    assert answers == [Answer(endpoint.slug, value=endpoint.slug.upper()) for endpoint in ENDPOINTS]


def test_no_more_than_at_once_are_asked_together() -> None:
    running, most = 0, 0

    def count(endpoint: Endpoint) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        gevent.sleep(0)
        running -= 1

    ask_all(ENDPOINTS, count, at_once=3)
    assert most == 3


def test_a_silent_cluster_costs_its_own_time_only() -> None:
    def answer(endpoint: Endpoint) -> int:
        if endpoint.slug == "c3":
            gevent.event.Event().wait()
        return 1

    answers = {answer.slug: answer for answer in ask_all(ENDPOINTS, answer, within=0.1)}
    silent = answers.pop("c3")
    assert type(silent.error) is Unreachable
    assert str(silent.error) == "c3: no answer within 0.1 s"
    assert silent.value is None
    assert all(answer.value == 1 and answer.error is None for answer in answers.values())


def test_an_error_is_an_answer() -> None:
    error = WrongPassword("c0", "it does not know the user")

    def refuse(endpoint: Endpoint) -> None:
        raise error

    assert ask_all(ENDPOINTS[:1], refuse) == [Answer("c0", error=error)]


def test_a_defect_of_ours_is_logged_with_its_traceback_and_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    def divide(endpoint: Endpoint) -> float:
        return 1 / (endpoint.slug != "c1")

    with caplog.at_level(logging.ERROR):
        [fine, broken] = ask_all(ENDPOINTS[:2], divide)
    assert fine.value == 1
    assert type(broken.error) is Failed
    assert "ZeroDivisionError" in str(broken.error)
    assert "return 1 / (endpoint.slug" in caplog.text


def test_greenlets_know_the_callers_context_and_keep_their_own_changes() -> None:
    request_id: ContextVar[str] = ContextVar("request_id", default="none")
    request_id.set("r-17")

    def tell(endpoint: Endpoint) -> str:
        seen = request_id.get()
        request_id.set(endpoint.slug)
        return seen

    assert [answer.value for answer in ask_all(ENDPOINTS[:3], tell)] == ["r-17"] * 3
    assert request_id.get() == "r-17"


def test_an_interrupted_fan_out_leaves_nobody_behind() -> None:
    ended = []

    def hang(endpoint: Endpoint) -> None:
        try:
            gevent.event.Event().wait()
        finally:
            ended.append(endpoint.slug)

    with pytest.raises(gevent.Timeout), gevent.Timeout(0.05):
        ask_all(ENDPOINTS, hang, at_once=20)
    gevent.sleep(0)
    assert len(ended) == len(ENDPOINTS)


def test_nobody_to_ask_is_no_answers() -> None:
    assert ask_all([], lambda endpoint: 1) == []
