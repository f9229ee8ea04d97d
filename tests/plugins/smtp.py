"""A mail server for tests: it listens, keeps what it takes as messages, and can refuse, stall, be silent or be away."""

import contextlib
import email
import email.policy
import logging
import socket
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.plugins.servers import free_port

HOST = "127.0.0.1"
logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd tells every line of every dialogue


class MailServer:
    """Real SMTP on a port that it keeps over restarts. `received` is what it has taken, in that order."""

    def __init__(self) -> None:
        self.port = free_port()
        self.received: list[EmailMessage] = []
        self.recipients: list[str] = []  # as in the envelope, one for each of `received`
        self.connections = 0
        self.refused: dict[str, str] = {}  # recipient -> the answer, such as "550 5.1.1 nobody of that name"
        self.answer = ""  # to every mail's text, such as "451 4.3.0 later, please"; empty: it is taken
        self._controller: Controller | None = None

    def start(self) -> None:
        self._controller = Controller(_Handler(self), hostname=HOST, port=self.port, enable_SMTPUTF8=False)
        self._controller.start()
        self.connections = 0  # the controller has tried itself

    def stop(self) -> None:
        """From now on connections are refused."""
        if self._controller:
            self._controller.stop()
        self._controller = None

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        """Connections are taken, by the kernel, and nothing is ever said."""
        with self.away(), socket.create_server((HOST, self.port)):
            yield

    def settings(self) -> dict[str, Any]:
        """What a site that uses it has in its settings."""
        backend = "django.core.mail.backends.smtp.EmailBackend"
        return {"EMAIL_BACKEND": backend, "EMAIL_HOST": HOST, "EMAIL_PORT": self.port, "EMAIL_TIMEOUT": 2}

    def to(self, address: str) -> list[EmailMessage]:
        """What it has taken for that recipient."""
        return [mail for mail, to in zip(self.received, self.recipients, strict=True) if to == address]


class _Handler:
    """aiosmtpd calls these; what they answer is what the client hears."""

    def __init__(self, server: MailServer) -> None:
        self.server = server

    async def handle_EHLO(
        self, smtp: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.server.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(
        self, smtp: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        refusal = self.server.refused.get(address, "")
        if not refusal:
            envelope.rcpt_tos.append(address)
        return refusal or "250 OK"

    async def handle_DATA(self, smtp: SMTP, session: Session, envelope: Envelope) -> str:
        if self.server.answer:
            return self.server.answer
        for address in envelope.rcpt_tos:
            taken = email.message_from_bytes(envelope.content or b"", policy=email.policy.default)
            self.server.received.append(taken)
            self.server.recipients.append(address)
        return "250 OK"


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    """A running mail server of this test's own."""
    server = MailServer()
    server.start()
    yield server
    server.stop()
