"""Several questions asked side by side, each in a thread of its own, with a bound for all of them together.

A part that hangs is waited for by nobody: not by whoever asks now, and not by a new thread each time somebody asks.
"""

import contextvars
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

GIVEN_UP = 30.0  # seconds after which a question that never was answered is asked anew

Answer = TypeVar("Answer")

_under_way: dict[str, tuple[float, Future[Any]]] = {}


class Late(Exception):
    """There was no answer in time."""


def ask_all(questions: Mapping[str, Callable[[], Answer]], *, within: float) -> dict[str, Answer | Exception]:
    """What each question is answered within so many seconds, or the error: `Late` where there is nothing yet.

    Names are the process's own: two who ask under one name get the same answer.
    """
    ends_at = time.monotonic() + within
    asked = {name: _ask(name, question) for name, question in questions.items()}
    return {name: _heard(future, max(0.0, ends_at - time.monotonic())) for name, future in asked.items()}


def _ask(name: str, question: Callable[[], Answer]) -> Future[Answer]:
    """Asks in a thread, which may hang: there is one for each name, however many want to know."""
    began, future = _under_way.get(name, (0.0, None))
    if future is None or future.done() or time.monotonic() - began > GIVEN_UP:
        future = Future()
        _under_way[name] = (time.monotonic(), future)
        told = (_answer, future, question)
        threading.Thread(target=contextvars.copy_context().run, args=told, name=f"ask-{name}", daemon=True).start()
    return future


def _answer(future: Future[Answer], question: Callable[[], Answer]) -> None:
    try:
        future.set_result(question())
    except Exception as error:
        future.set_exception(error)


def _heard(future: Future[Any], seconds: float) -> Any:
    try:
        return future.result(timeout=seconds)
    except Exception as error:
        return error if future.done() else Late()
