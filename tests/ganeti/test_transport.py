import base64
import json
import logging
import os
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from ganeti.endpoint import Endpoint
from ganeti.errors import (
    BrokenAnswer,
    Busy,
    Failed,
    Missing,
    NotAllowed,
    RapiError,
    Refused,
    Unreachable,
    WrongCertificate,
    WrongPassword,
)
from ganeti.transport import AT_ONCE, Transport, fetch_fingerprint
from tests.ganeti.conftest import sample
from tests.ganeti.https_server import Act, Certificate, HttpsServer, answer, error, hang_up

START = "/2/instances/web/startup"


def failing_read(endpoint: Endpoint) -> RapiError:
    with pytest.raises(RapiError) as caught:
        Transport(endpoint).request("GET", "/2/info")
    return caught.value


def failing_change(endpoint: Endpoint) -> RapiError:
    with pytest.raises(RapiError) as caught:
        Transport(endpoint).request("PUT", START)
    return caught.value


class TestAsking:
    def test_the_answer_is_decoded(self, server: HttpsServer, endpoint: Endpoint) -> None:
        server.plays(answer({"name": "Αθήνα"}))
        assert Transport(endpoint).request("GET", "/2/info") == {"name": "Αθήνα"}

    def test_credentials_query_and_body_arrive(self, server: HttpsServer, endpoint: Endpoint) -> None:
        server.plays(answer(17))
        query = [("tag", "a:b"), ("tag", "c&d"), ("reason", "ζ")]
        Transport(replace(endpoint, password="κλειδί")).request("PUT", "/2/x%2Fy/tags", query, {"timeout": 120})
        [request] = server.requests
        assert (request.method, request.path) == ("PUT", "/2/x%2Fy/tags?tag=a%3Ab&tag=c%26d&reason=%CE%B6")
        assert request.json == {"timeout": 120}
        assert request.headers["content-type"] == "application/json"
        assert request.headers["authorization"] == "Basic " + base64.b64encode("ganetimgr:κλειδί".encode()).decode()

    def test_a_request_without_a_body_sends_none(self, server: HttpsServer, endpoint: Endpoint) -> None:
        server.plays(answer(17))
        Transport(endpoint).request("PUT", START)
        assert server.requests[0].body == b""
        assert "content-type" not in server.requests[0].headers

    def test_an_answer_in_chunks_is_read(self, server: HttpsServer, endpoint: Endpoint) -> None:
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[1\r\n3\r\n,2]\r\n0\r\n\r\n"
        server.plays(lambda request, sock: sock.sendall(chunked))
        assert Transport(endpoint).request("GET", "/2/tags") == [1, 2]

    def test_an_ipv6_address_is_put_in_brackets(self) -> None:
        assert Endpoint("x", "2001:db8::1").url == "https://[2001:db8::1]:5080"

    def test_proxies_netrc_and_foreign_authorities_are_ignored(
        self, server: HttpsServer, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "netrc").write_text("machine 127.0.0.1 login stranger password other\n")
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:1")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "missing.pem"))
        server.plays(answer(2))
        assert Transport(replace(endpoint, username="")).request("GET", "/version") == 2
        assert "authorization" not in server.requests[0].headers

    def test_no_more_than_four_requests_run_at_once(self, server: HttpsServer, endpoint: Endpoint) -> None:
        changed, running = threading.Condition(), 0

        def wait(request: object, sock: socket.socket) -> None:
            nonlocal running
            with changed:
                running += 1
                changed.notify_all()
            free.wait(5)
            answer(1)(request, sock)  # type: ignore[arg-type]

        free = threading.Event()
        server.plays(*[wait] * 10)
        with ThreadPoolExecutor(10) as pool:
            # one Transport each: the limit is the process's, not the object's
            asked = [pool.submit(Transport(endpoint).request, "GET", "/version") for _ in range(10)]
            with changed:
                all_places_taken = changed.wait_for(lambda: running == AT_ONCE, timeout=5)
                a_fifth_came = changed.wait_for(lambda: running > AT_ONCE, timeout=0.2)
            free.set()
            assert [future.result() for future in asked] == [1] * 10
        assert all_places_taken
        assert not a_fifth_came


class TestTrust:
    @pytest.fixture
    def named(self, certificate: Certificate) -> Iterator[HttpsServer]:
        """A server whose certificate carries its address."""
        with closing(HttpsServer(certificate).plays(answer(2))) as server:
            yield server

    def test_a_ca_file_vouches_for_the_server(self, named: HttpsServer, certificate: Certificate) -> None:
        endpoint = Endpoint("athens", "127.0.0.1", named.port, ca_file=str(certificate.file))
        assert Transport(endpoint).request("GET", "/version") == 2

    def test_with_a_ca_file_the_host_name_counts_too(self, server: HttpsServer, endpoint: Endpoint) -> None:
        error = failing_read(replace(endpoint, fingerprint="", ca_file=str(server.certificate.file)))
        assert isinstance(error, WrongCertificate)
        assert "IP address mismatch" in str(error)

    def test_the_systems_authorities_do_not_vouch_for_a_stranger(self, named: HttpsServer) -> None:
        error = failing_read(Endpoint("athens", "127.0.0.1", named.port, "ganetimgr", "s3cret"))
        assert isinstance(error, WrongCertificate)
        assert "self-signed certificate" in str(error)
        assert named.requests == []  # and it did not learn our password

    def test_the_systems_authorities_are_asked(
        self, named: HttpsServer, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from ganeti import transport

        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.file))  # OpenSSL's own variable for them
        transport._verifying_context.cache_clear()
        try:
            assert Transport(Endpoint("athens", "127.0.0.1", named.port)).request("GET", "/version") == 2
        finally:
            transport._verifying_context.cache_clear()

    @pytest.mark.parametrize("spelling", [str.upper, str.lower, lambda text: text.replace(":", "")])
    def test_a_pinned_certificate_is_trusted_whatever_its_name(
        self, server: HttpsServer, endpoint: Endpoint, spelling: Callable[[str], str]
    ) -> None:
        server.plays(answer(2))
        pinned = replace(endpoint, fingerprint=spelling(server.certificate.fingerprint))
        assert Transport(pinned).request("GET", "/version") == 2

    def test_a_changed_certificate_is_refused_before_the_password_is_sent(
        self, server: HttpsServer, endpoint: Endpoint
    ) -> None:
        error = failing_change(replace(endpoint, fingerprint="ab" * 32))
        assert isinstance(error, WrongCertificate)
        assert not error.perhaps_done
        assert str(error) == f"athens: its certificate is not the pinned one (PUT {START})"
        assert server.requests == []

    @pytest.mark.parametrize("pin", ["ab" * 20, "ab" * 16, "not a fingerprint"])
    def test_weaker_fingerprints_are_refused(self, server: HttpsServer, endpoint: Endpoint, pin: str) -> None:
        error = failing_read(replace(endpoint, fingerprint=pin))
        assert isinstance(error, WrongCertificate)
        assert "no SHA-256 fingerprint" in str(error)

    @pytest.mark.filterwarnings("error")
    def test_without_verification_anybody_is_trusted(self, server: HttpsServer, endpoint: Endpoint) -> None:
        server.plays(answer(2))
        assert Transport(replace(endpoint, fingerprint="", verify=False)).request("GET", "/version") == 2

    @pytest.mark.parametrize("text", [None, "no certificate in here"])
    def test_an_unusable_ca_file_is_named(self, endpoint: Endpoint, tmp_path: Path, text: str | None) -> None:
        file = tmp_path / "ca.pem"
        if text is not None:
            file.write_text(text)
        error = failing_read(replace(endpoint, fingerprint="", ca_file=str(file)))
        assert isinstance(error, WrongCertificate)
        assert f"the CA file {file} cannot be read" in str(error)

    def test_an_exchanged_ca_file_counts_at_once(
        self, named: HttpsServer, certificate: Certificate, ganetis_certificate: Certificate, tmp_path: Path
    ) -> None:
        file = tmp_path / "ca.pem"
        file.write_bytes(ganetis_certificate.file.read_bytes())
        endpoint = Endpoint("athens", "127.0.0.1", named.port, ca_file=str(file))
        assert isinstance(failing_read(endpoint), WrongCertificate)
        file.write_bytes(certificate.file.read_bytes())
        os.utime(file, (1, 1))  # on a coarse clock both writes may fall into one tick
        assert Transport(endpoint).request("GET", "/version") == 2

    def test_the_presented_fingerprint_can_be_fetched(self, server: HttpsServer) -> None:
        assert fetch_fingerprint("127.0.0.1", server.port, 5) == server.certificate.fingerprint

    def test_fetching_a_fingerprint_from_nobody_says_so(self) -> None:
        with pytest.raises(Unreachable, match="refuses connections"):
            fetch_fingerprint("127.0.0.1", closed_port(), 5)

    def test_fetching_a_fingerprint_from_a_silent_server_ends(self, server: HttpsServer) -> None:
        server.before_tls = lambda sock: server.silent(None, sock)  # type: ignore[arg-type]
        with pytest.raises(Unreachable, match=r"within 0\.2 s"):
            fetch_fingerprint("127.0.0.1", server.port, 0.2)


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class TestErrorsOfGaneti:
    @pytest.mark.parametrize(
        ("name", "status", "kind", "words"),
        [
            ("error-401-password", 401, WrongPassword, "it does not know the user 'ganetimgr' with this password"),
            ("error-403-read-only", 403, NotAllowed, "the user 'ganetimgr' may not do this"),
            ("error-404-instance", 404, Missing, "Not Found"),
            ("error-501-method", 501, Missing, "Method PUT is unsupported for path"),
            ("query-instance-filter-none", 500, Missing, "Instance name no-such.c1.ganeti.example not found"),
            ("error-400-unknown", 400, Refused, "doesn't support the parameter 'no_such_parameter'"),
            ("error-415", 415, Refused, "Unsupported Media Type"),
            ("error-drained", 500, Busy, "Queue drained"),
            ("error-no-luxid", 504, Failed, "Gateway Timeout"),
        ],
    )
    def test_each_has_its_kind_and_its_words(
        self, server: HttpsServer, endpoint: Endpoint, name: str, status: int, kind: type, words: str
    ) -> None:
        server.plays(answer(sample(name), status))
        error = failing_read(endpoint)
        assert type(error) is kind
        assert words in str(error)
        assert str(error).startswith("athens: ")
        assert str(error).endswith("(GET /2/info)")

    @pytest.mark.parametrize("message", ["Job queue is full, needs archiving", "Job queue is drained, cannot submit"])
    def test_a_full_queue_is_busy_in_newer_words_too(
        self, server: HttpsServer, endpoint: Endpoint, message: str
    ) -> None:
        server.plays(error(503, message))
        assert type(failing_change(endpoint)) is Busy

    @pytest.mark.parametrize(
        ("act", "kind"),
        [
            (answer(raw=b"<html>Welcome to nginx</html>"), BrokenAnswer),
            (answer(raw=b'{"name": "ath'), BrokenAnswer),
            (answer(raw=b""), BrokenAnswer),
            (answer(raw=b"\xff\xfe"), BrokenAnswer),
            (answer(raw=b"[" * 100_000), BrokenAnswer),
            (answer(raw=b"[1, 2", Content_Length="500"), BrokenAnswer),
            (answer(raw=b"[1]", Content_Length="3, 4"), BrokenAnswer),
            (answer(raw=b"zz\r\n", Transfer_Encoding="chunked"), BrokenAnswer),
            (answer(raw=b"<html>no such page</html>", status=404), BrokenAnswer),
            (answer(raw=b"<html>what?</html>", status=400), BrokenAnswer),
            (answer(raw=b"<html>not here</html>", status=302, Location="https://127.0.0.1:1/"), BrokenAnswer),
            (answer(raw=b"<html>bad gateway</html>", status=502), Failed),
            (answer([1, 2], status=500), Failed),
            (answer(raw=b"<html>sign in</html>", status=401), WrongPassword),
            (lambda request, sock: sock.sendall(b"SSH-2.0-OpenSSH_9.2\r\n"), BrokenAnswer),
            (lambda request, sock: sock.sendall(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n"), BrokenAnswer),
        ],
    )
    def test_rubbish_is_no_answer(self, server: HttpsServer, endpoint: Endpoint, act: Act, kind: type) -> None:
        server.plays(act)
        assert type(failing_read(endpoint)) is kind

    def test_too_large_an_answer_is_not_read_to_its_end(self, server: HttpsServer, endpoint: Endpoint) -> None:
        server.plays(answer([0] * 200_000))
        error = failing_read(replace(endpoint, max_bytes=100_000))
        assert type(error) is BrokenAnswer
        assert "larger than 100000 bytes" in str(error)

    def test_a_redirection_is_not_read_to_its_end_either(self, server: HttpsServer, endpoint: Endpoint) -> None:
        server.plays(answer([0] * 1000, status=302, Location="/elsewhere"))
        assert "larger than 1000 bytes" in str(failing_read(replace(endpoint, max_bytes=1000)))
        assert len(server.requests) == 1


class TestTime:
    @pytest.mark.parametrize(
        "act",
        [
            lambda server: server.silent,
            lambda server: server.dripping(b"HTTP/1.1 200 OK\r\n"),
            lambda server: server.dripping(b"HTTP/1.1 100 Continue\r\n\r\n"),
            lambda server: server.dripping(b"X-Header: y\r\n", b"HTTP/1.1 200 OK\r\n"),
            lambda server: server.dripping(b" ", b"HTTP/1.1 200 OK\r\n\r\n["),
            lambda server: server.dripping(b" ", b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n["),
            lambda server: server.dripping(b"1\r\n \r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ],
        ids=["silence", "status", "continue", "headers", "body", "sized body", "chunks"],
    )
    def test_the_whole_call_ends_at_its_deadline(
        self, server: HttpsServer, endpoint: Endpoint, act: Callable[[HttpsServer], Act]
    ) -> None:
        server.plays(act(server))
        error = failing_change(replace(endpoint, deadline=0.3))
        assert type(error) is Unreachable
        assert str(error) == f"athens: no complete answer within 0.3 s (PUT {START})"
        assert error.perhaps_done

    def test_a_single_call_may_have_its_own_deadline(self, server: HttpsServer, endpoint: Endpoint) -> None:
        server.plays(server.silent)
        with pytest.raises(Unreachable, match=r"within 0\.2 s"):
            Transport(endpoint).request("GET", "/2/info", deadline=0.2)

    def test_a_silent_server_costs_the_response_timeout(self, server: HttpsServer, endpoint: Endpoint) -> None:
        server.plays(server.silent)
        error = failing_read(replace(endpoint, response_timeout=0.2))
        assert type(error) is Unreachable
        assert "no answer within 0.2 s" in str(error)
        assert len(server.requests) == 1  # a silence is not waited for twice

    def test_a_server_that_accepts_but_does_not_greet_costs_the_connect_timeout(
        self, server: HttpsServer, endpoint: Endpoint
    ) -> None:
        server.before_tls = lambda sock: server.silent(None, sock)  # type: ignore[arg-type]
        error = failing_change(replace(endpoint, connect_timeout=0.2))
        assert type(error) is Unreachable
        assert "no connection within 0.2 s" in str(error)
        assert not error.perhaps_done

    def test_waiting_for_a_place_ends_at_the_deadline(self, server: HttpsServer, endpoint: Endpoint) -> None:
        server.plays(*[server.silent] * AT_ONCE)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for _ in range(AT_ONCE):
                pool.submit(failing_read, replace(endpoint, deadline=2))
            while len(server.requests) < AT_ONCE:
                threading.Event().wait(0.01)
            error = failing_change(replace(endpoint, deadline=0.2))
            server.over.set()
        assert "within 0.2 s" in str(error)
        assert not error.perhaps_done

    def test_deadlines_hold_under_gevent(
        self, server: HttpsServer, endpoint: Endpoint, ganetis_certificate: Certificate
    ) -> None:
        head = b"HTTP/1.1 200 OK\r\n"
        drips = [server.dripping(head), server.dripping(b"X: y\r\n", head), server.dripping(b" ", head + b"\r\n[")]
        server.plays(server.silent, *drips)
        with closing(HttpsServer(ganetis_certificate)) as shy:
            shy.drip_before_tls()
            endpoints = [replace(endpoint, deadline=0.3, port=port) for port in [*[server.port] * 4, shy.port]]
            assert under_gevent(endpoints, within=5) == ["no complete answer within 0.3 s"] * 5

    def test_under_gevent_a_fan_out_ends_when_it_wants_to(self, server: HttpsServer, endpoint: Endpoint) -> None:
        server.plays(server.dripping(b"HTTP/1.1 200 OK\r\n"))
        assert under_gevent([endpoint], within=0.3) == ["no answer within 0.3 s"]


def under_gevent(endpoints: list[Endpoint], within: float) -> list[str]:
    """The errors of a fan-out in a process that gevent has patched."""
    program = """
from gevent import monkey; monkey.patch_all()
import json, sys
from ganeti.endpoint import Endpoint
from ganeti.gather import ask_all
from ganeti.transport import Transport

endpoints, within = json.load(sys.stdin)
ask = lambda endpoint: Transport(endpoint).request("GET", "/2/info")
answers = ask_all([Endpoint(**fields) for fields in endpoints], ask, within=within)
print(json.dumps([answer.error.what for answer in answers]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps([[asdict(endpoint) for endpoint in endpoints], within]),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class TestTryingAgain:
    def test_a_read_is_tried_again_when_the_connection_breaks(self, server: HttpsServer, endpoint: Endpoint) -> None:
        server.plays(hang_up, answer(2))
        assert Transport(endpoint).request("GET", "/version") == 2

    def test_a_read_by_put_counts_as_a_read(self, server: HttpsServer, endpoint: Endpoint) -> None:
        server.plays(hang_up, answer({"data": []}))
        assert Transport(endpoint).request("PUT", "/2/query/node", body={}, read=True) == {"data": []}

    def test_a_read_is_tried_no_third_time(self, server: HttpsServer, endpoint: Endpoint) -> None:
        server.plays(hang_up, hang_up, answer(2))
        assert type(failing_read(endpoint)) is Unreachable
        assert len(server.requests) == 2

    def test_a_change_is_never_tried_again_and_perhaps_done(self, server: HttpsServer, endpoint: Endpoint) -> None:
        server.plays(hang_up, answer(17))
        error = failing_change(endpoint)
        assert type(error) is Unreachable
        assert error.perhaps_done
        assert len(server.requests) == 1

    def test_an_error_of_ganeti_is_not_asked_for_twice(self, server: HttpsServer, endpoint: Endpoint) -> None:
        server.plays(error(500, "no"), answer(2))
        assert type(failing_read(endpoint)) is Failed
        assert len(server.requests) == 1


class TestPerhapsDone:
    @pytest.mark.parametrize(
        ("act", "perhaps_done"),
        [
            (error(502, "Master seems to be unreachable"), True),
            (error(504, "Gateway Timeout"), True),
            (error(500, "Internal Server Error"), True),
            (answer(raw=b"<html>"), True),
            (answer(raw=b"1", Content_Length="9"), True),
            (error(500, "Queue drained"), False),
            (error(400, "Bad Request"), False),
            (error(401, "Unauthorized"), False),
            (error(403, "Forbidden"), False),
            (error(404, "Not Found"), False),
            (error(415, "Unsupported Media Type"), False),
            (error(501, "Not Implemented"), False),
        ],
    )
    def test_a_change_whose_fate_is_unknown_is_perhaps_done(
        self, server: HttpsServer, endpoint: Endpoint, act: Act, perhaps_done: bool
    ) -> None:
        server.plays(act)
        assert failing_change(endpoint).perhaps_done is perhaps_done

    def test_a_read_never_is(self, server: HttpsServer, endpoint: Endpoint) -> None:
        server.plays(hang_up, hang_up)
        assert not failing_read(endpoint).perhaps_done

    def test_a_change_on_a_refused_connection_is_not_done(self, endpoint: Endpoint) -> None:
        error = failing_change(replace(endpoint, port=closed_port()))
        assert type(error) is Unreachable
        assert "refuses connections" in str(error)
        assert not error.perhaps_done


class TestBadAddresses:
    @pytest.mark.parametrize("host", ["nowhere.invalid", "a b", "", "x" * 300, "user:word@127.0.0.1", "127.0.0.1/x?"])
    def test_each_is_unreachable(self, endpoint: Endpoint, host: str) -> None:
        error = failing_change(replace(endpoint, host=host))
        assert type(error) is Unreachable
        assert not error.perhaps_done

    def test_a_port_that_does_not_speak_tls_is_unreachable(self, server: HttpsServer, endpoint: Endpoint) -> None:
        server.before_tls = lambda sock: sock.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")
        error = failing_read(endpoint)
        assert type(error) is Unreachable
        assert "does not speak TLS" in str(error)


class TestSecrets:
    @pytest.mark.parametrize(
        "act",
        [error(401, "Unauthorized"), error(500, "no"), answer(raw=b"<"), hang_up, lambda request, sock: sock.recv(1)],
    )
    def test_no_error_carries_the_password(
        self, server: HttpsServer, endpoint: Endpoint, act: Act, caplog: pytest.LogCaptureFixture
    ) -> None:
        server.plays(act, act)
        caplog.set_level(logging.DEBUG)
        error = failing_read(replace(endpoint, response_timeout=0.2))
        told = "".join(traceback.format_exception(error)) + repr(error) + caplog.text
        encoded = base64.b64encode(b"ganetimgr:s3cret").decode()
        assert "s3cret" not in told
        assert encoded not in told
        assert error.__context__ is None  # requests' exceptions hold the request with its headers
        assert error.__cause__ is None

    def test_an_endpoint_does_not_show_it(self, endpoint: Endpoint) -> None:
        assert "s3cret" not in repr(endpoint)
