"""Fetching a document from a web server that may be slow, huge, gone or hostile."""

import time
from dataclasses import dataclass

import requests
from urllib3.exceptions import HTTPError

from ganeti.transport import at_most

MAX_REDIRECTS = 3
SILENCE = 5.0  # seconds without a byte that we bear
_STEP = 2**16


class CannotFetch(Exception):
    """The document did not come; `str()` is the reason, in English, without secrets of the address."""


class OtherAnswer(CannotFetch):
    """The server is there, but what it answers is another thing: another status, another address, far too much."""


@dataclass(frozen=True, slots=True)
class Document:
    """What a server answered: bytes, their type in lower case without parameters, and where they were found."""

    body: bytes
    content_type: str
    url: str

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


def fetch(
    url: str,
    *,
    within: float = 15.0,
    max_bytes: int = 2**20,
    accept: str = "*/*",
    redirects: int = MAX_REDIRECTS,
    by_proxy: bool = True,
) -> Document:
    """The document at an http or https address, after so many redirects at most.

    Raises CannotFetch after `within` seconds, for more than `max_bytes`, and for every answer but 200. Without
    `by_proxy` the proxies that the environment names are left out: the server is one of ours.
    """
    proxies = None if by_proxy else {"http": "", "https": ""}
    ends_at = time.monotonic() + within
    try:
        with at_most(within), requests.Session() as session:
            session.max_redirects = redirects
            headers = {"Accept": accept, "Accept-Encoding": "identity", "User-Agent": "ganetimgr"}
            patience = min(SILENCE, within)
            with session.get(url, headers=headers, timeout=patience, proxies=proxies, stream=True) as answer:
                if answer.status_code != 200:
                    raise OtherAnswer(f"the server answers {answer.status_code}")
                kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
                return Document(_body(answer, ends_at, max_bytes), kind, answer.url)
    except TimeoutError:
        if time.monotonic() < ends_at:  # not our clock: whoever called has run out of time
            raise
        raise CannotFetch(f"it did not come within {within:g} seconds") from None
    except requests.TooManyRedirects:
        raise OtherAnswer("it leads from one address to the next without end") from None
    except requests.exceptions.SSLError:
        raise CannotFetch("its certificate is not trusted") from None
    except (requests.Timeout, requests.ConnectionError):
        raise CannotFetch("the server does not answer") from None
    except (requests.RequestException, HTTPError, ValueError, OSError):
        raise CannotFetch("the address or the answer is broken") from None


def _body(answer: requests.Response, ends_at: float, max_bytes: int) -> bytes:
    found = bytearray()
    while piece := answer.raw.read1(_STEP):
        found += piece
        if len(found) > max_bytes:
            raise OtherAnswer(f"it has more than {max_bytes // 1024} KiB")
        if time.monotonic() > ends_at:
            raise TimeoutError
    return bytes(found)
