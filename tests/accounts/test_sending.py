"""How what waits in the outbox leaves: over real SMTP, once, as a mail that everybody can read, whatever goes wrong."""

import datetime
from collections.abc import Callable
from email.header import decode_header, make_header
from email.message import EmailMessage
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail as django_mail
from django.utils import timezone

from accounts import letters, outbox, sending
from accounts.models import OutgoingMail
from tests.plugins.smtp import MailServer, mail_server  # noqa: F401

pytestmark = pytest.mark.django_db

TEXT = "{% autoescape off %}About {{ about }}\n\nDear {{ recipient.get_full_name }},\n\n{{ text }}\n{% endautoescape %}"
WAITING, SENT, FAILED = OutgoingMail.State
SECRET = "https://vps.rivers.example/user/reset/3Kd_9-x/"


@pytest.fixture(autouse=True)
def site(settings: Any, letter: Callable[[str, str], None]) -> Any:
    letter("about", TEXT)
    settings.SITE_URL, settings.EMAIL_SUBJECT_PREFIX = "https://vps.rivers.example", "[VPS] "
    settings.DEFAULT_FROM_EMAIL, settings.EMAIL_REPLY_TO = (
        "Example VPS <no-reply@rivers.example>",
        "support@rivers.example",
    )
    return settings


@pytest.fixture
def server(mail_server: MailServer, site: Any) -> MailServer:  # noqa: F811
    for name, value in mail_server.settings().items():
        setattr(site, name, value)
    return mail_server


def post(to: User | str = "a@rivers.example", about: str = "keys", text: str = "", **more: Any) -> OutgoingMail:
    mail = outbox.post("about", to, {"about": about, "text": text}, **more)
    assert mail is not None
    return mail


def now(mail: OutgoingMail) -> OutgoingMail:
    mail.refresh_from_db()
    return mail


def let_time_pass() -> None:
    """All pauses are over."""
    OutgoingMail.objects.filter(state=WAITING).update(next_try_at=timezone.now())


def part(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


class TestAMail:
    def test_leaves_with_everything_that_a_mail_should_have(self, server: MailServer, people: dict[str, User]) -> None:
        row = post(people["alice"])
        assert sending.send_due() == 1
        (mail,) = server.received
        assert mail["Subject"] == "[VPS] About keys"
        assert mail["From"] == "Example VPS <no-reply@rivers.example>"
        assert mail["To"] == "alice@example.org"
        assert mail["Reply-To"] == "support@rivers.example"
        assert mail["Message-ID"] == f"<{row.token}@rivers.example>"
        assert mail["Date"].datetime == row.created.replace(microsecond=0)
        assert mail["Auto-Submitted"] == "auto-generated"
        assert mail["Content-Language"] == "en"
        assert not [name for name in mail if name.lower().startswith("list-")]
        assert part(mail, "plain").endswith("-- \nExample VPS\nhttps://vps.rivers.example\n")

    def test_can_be_answered_to_somebody_else(self, server: MailServer) -> None:
        post(reply_to="erik@rivers.example")
        sending.send_due()
        assert server.received[0]["Reply-To"] == "erik@rivers.example"

    def test_says_the_same_in_plain_text_and_in_html(self, server: MailServer) -> None:
        post(
            text=f"Two <b>lines</b> & more,\nof one paragraph.\n\nOpen {SECRET}?a=1&b=2. Or (https://rivers.example/)."
        )
        sending.send_due()
        (mail,) = server.received
        assert f"Two <b>lines</b> & more,\nof one paragraph.\n\nOpen {SECRET}?a=1&b=2. Or" in part(mail, "plain")
        html = part(mail, "html")
        assert "Two &lt;b&gt;lines&lt;/b&gt; &amp; more,<br>\nof one paragraph.</p>" in html
        assert f'<a href="{SECRET}?a=1&amp;b=2">{SECRET}?a=1&amp;b=2</a>.' in html
        assert '(<a href="https://rivers.example/">https://rivers.example/</a>).' in html
        assert '<html lang="en">' in html

    @pytest.mark.parametrize(
        "text", ["<script>alert(1)</script>", 'https://x/"onclick=alert(1)', "https://x/<b>", "javascript:alert(1)"]
    )
    def test_has_no_markup_that_somebody_else_wrote(self, text: str) -> None:
        (html,) = letters.paragraphs(text)
        assert "<script" not in html
        assert "<b>" not in html
        assert '"onclick' not in html
        assert 'href="javascript' not in html

    def test_in_greek_is_greek_from_the_name_to_the_signature(
        self, server: MailServer, people: dict[str, User], site: Any
    ) -> None:
        site.BRANDING = {**site.BRANDING, "TITLE": "Εικονικές μηχανές"}
        site.DEFAULT_FROM_EMAIL = "Εξυπηρέτηση <no-reply@rivers.example>"
        alice = people["alice"]
        alice.first_name, alice.last_name = "Αλίκη", 'Παπαδοπούλου, "η" πρώτη <α>'
        alice.save()
        row = post(alice, about="κλειδιά " * 15, language="el")
        sending.send_due()
        (mail,) = server.received
        assert mail["Subject"].strip() == "[VPS] About " + ("κλειδιά " * 15).strip()
        to = make_header(decode_header(letters.to(row)))  # Python's newer parser keeps the blanks between its words
        assert str(to) == f"{alice.get_full_name()} <alice@example.org>"
        assert all(len(word) <= 75 for word in letters.to(row).split())
        assert mail["From"].addresses[0].display_name == "Εξυπηρέτηση"
        assert mail["Content-Language"] == "el"
        assert alice.get_full_name() in part(mail, "plain")
        assert part(mail, "plain").endswith("-- \nΕικονικές μηχανές\nhttps://vps.rivers.example\n")
        assert '<html lang="el">' in part(mail, "html")
        assert server.recipients == ["alice@example.org"]

    def test_to_a_domain_in_greek_letters_leaves(self, server: MailServer) -> None:
        post("alice@παράδειγμα.gr")
        sending.send_due()
        assert server.recipients == ["alice@xn--hxajbheg2az3al.gr"]

    @pytest.mark.parametrize(
        "name",
        [
            "Alice\nBcc: x@evil.example",
            "Alice\r\n\r\n<h1>",
            "x" * 150,
            "A, B <c@evil.example>",
            'A" <c@evil.example>, "',
            "\x00",
        ],
    )
    def test_takes_no_header_and_no_recipient_from_a_name(
        self, name: str, server: MailServer, people: dict[str, User]
    ) -> None:
        alice = people["alice"]
        alice.first_name = name
        alice.save()
        row = post(alice, about=name)
        sending.send_due()
        (mail,) = server.received
        assert server.recipients == ["alice@example.org"]
        assert [address.addr_spec for address in mail["To"].addresses] == ["alice@example.org"]
        assert "Bcc" not in mail
        assert mail["Message-ID"] == f"<{row.token}@rivers.example>", "the headers have not ended before"

    def test_leaves_by_whatever_the_site_has_chosen(self, site: Any) -> None:
        site.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
        post()
        assert sending.send_due() == 1
        assert django_mail.outbox[0].to == ["a@rivers.example"]


class TestOnceSent:
    def test_it_never_leaves_again(self, server: MailServer) -> None:
        row = post()
        assert sending.send_due() == 1
        let_time_pass()
        OutgoingMail.objects.update(next_try_at=timezone.now(), claimed_until=None)
        assert sending.send_due() == 0
        assert now(row).state == SENT
        assert row.sent_at is not None
        assert len(server.received) == 1

    def test_its_text_is_gone_for_links_in_it_open_doors(self, server: MailServer) -> None:
        row = post(text=SECRET)
        sending.send_due()
        assert SECRET in part(server.received[0], "plain")
        assert now(row).text == ""

    def test_it_is_forgotten_after_some_days(self, server: MailServer, site: Any) -> None:
        long_ago = timezone.now() - datetime.timedelta(days=31)
        rows = {state: post(about=state) for state in (SENT, FAILED, WAITING)}
        rows["new"] = post()
        for state in (SENT, FAILED, WAITING):
            OutgoingMail.objects.filter(pk=rows[state].pk).update(
                state=state, sent_at=long_ago if state == SENT else None, next_try_at=long_ago
            )
        sending.forget_old()
        assert set(OutgoingMail.objects.all()) == {rows[WAITING], rows["new"]}


class TestMany:
    def test_share_one_connection(self, server: MailServer) -> None:
        for number in range(5):
            post(f"a{number}@rivers.example")
        assert sending.send_due() == 5
        assert server.connections == 1

    def test_leave_in_bounded_batches_the_oldest_first(
        self, server: MailServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sending, "BATCH", 2)
        for number in range(3):
            post(f"a{number}@rivers.example")
        assert sending.send_due() == 2
        assert server.recipients == ["a0@rivers.example", "a1@rivers.example"]

    def test_wait_for_the_next_batch_when_time_is_up(self, server: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sending, "BATCH_SECONDS", -1.0)
        row = post()
        assert sending.send_due() == 0
        assert (now(row).tries, row.claimed_until) == (0, None)

    def test_that_none_waits_costs_one_query_and_no_connection(
        self, server: MailServer, django_assert_num_queries: Any
    ) -> None:
        with django_assert_num_queries(1):
            assert sending.send_due() == 0
        assert server.connections == 0

    def test_are_not_held_up_by_one_that_is_refused(self, server: MailServer) -> None:
        server.refused["a1@rivers.example"] = "550 5.1.1 nobody of that name"
        rows = [post(f"a{number}@rivers.example") for number in range(3)]
        assert sending.send_due() == 2
        assert [now(row).state for row in rows] == [SENT, FAILED, SENT]
        assert rows[1].last_error == "550 5.1.1 nobody of that name"

    def test_are_not_held_up_by_one_that_cannot_be_written(self, server: MailServer) -> None:
        """No form and no `post` makes such a row; a hand in the database could."""
        rows = [post(f"a{number}@rivers.example") for number in range(3)]
        OutgoingMail.objects.filter(pk=rows[0].pk).update(subject="one\nBcc: x@evil.example")
        OutgoingMail.objects.filter(pk=rows[1].pk).update(recipient="a@rivers.example\nBcc: x@evil.example")
        assert sending.send_due() == 1
        assert [now(row).state for row in rows] == [FAILED, FAILED, SENT]
        assert server.recipients == ["a2@rivers.example"]


class TestTrouble:
    def assert_waits(self, row: OutgoingMail, words: str) -> None:
        assert now(row).state == WAITING
        assert row.next_try_at > timezone.now()
        assert row.claimed_until is None
        assert words in row.last_error
        assert row.text

    def test_a_server_that_is_down_delays_mail_and_loses_none(self, server: MailServer) -> None:
        rows = [post(f"a{number}@rivers.example") for number in range(3)]
        with server.away():
            assert sending.send_due() == 0
            for row in rows:
                self.assert_waits(row, "refused")
        assert sending.send_due() == 0, "it is not time yet"
        let_time_pass()
        assert sending.send_due() == 3
        assert len(server.received) == 3

    def test_a_server_that_is_silent_is_not_waited_for_longer_than_it_is_said(
        self, server: MailServer, site: Any
    ) -> None:
        site.EMAIL_TIMEOUT = 0.2
        row = post()
        with server.silent():
            sending.send_due()
        self.assert_waits(row, "timed out")

    @pytest.mark.parametrize("host", ["mail.invalid", "not a name"])
    def test_a_server_that_does_not_exist(self, host: str, server: MailServer, site: Any) -> None:
        site.EMAIL_HOST = host
        row = post()
        sending.send_due()
        self.assert_waits(row, "")

    def test_settings_that_contradict_each_other_lose_nothing(self, server: MailServer, site: Any) -> None:
        site.EMAIL_USE_TLS = site.EMAIL_USE_SSL = True
        row = post()
        sending.send_due()
        self.assert_waits(row, "mutually exclusive")

    def test_a_server_that_speaks_no_tls_gets_no_mail_where_tls_is_wanted(self, server: MailServer, site: Any) -> None:
        site.EMAIL_USE_TLS = True
        row = post()
        sending.send_due()
        self.assert_waits(row, "STARTTLS")
        assert server.received == []

    def test_a_server_that_takes_no_password_is_for_the_operator(self, server: MailServer, site: Any) -> None:
        site.EMAIL_HOST_USER, site.EMAIL_HOST_PASSWORD = "vps", "wrong-password"
        row = post()
        sending.send_due()
        self.assert_waits(row, "")
        assert "wrong-password" not in row.last_error

    @pytest.mark.parametrize("answer", ["451 4.3.0 later, please", "452 4.2.2 mailbox full"])
    def test_what_the_server_does_not_want_now_is_tried_later(self, answer: str, server: MailServer) -> None:
        first, second = post("a@rivers.example"), post("b@rivers.example")
        server.answer = answer
        server.refused["b@rivers.example"] = answer
        sending.send_due()
        self.assert_waits(first, answer)
        self.assert_waits(second, answer)
        server.answer = ""
        server.refused.clear()
        let_time_pass()
        assert sending.send_due() == 2

    def test_a_text_that_is_refused_is_given_up(self, server: MailServer) -> None:
        server.answer = "554 5.7.1 this looks like an advertisement"
        row = post()
        sending.send_due()
        assert now(row).state == FAILED
        assert row.last_error == server.answer

    def test_a_server_that_hangs_up_costs_one_mail_a_try(self, server: MailServer) -> None:
        rows = [post(f"a{number}@rivers.example") for number in range(3)]
        server.refused["a0@rivers.example"] = "421 4.7.0 too many mails, goodbye"
        assert sending.send_due() == 0
        self.assert_waits(rows[0], "421")
        assert [now(row).tries for row in rows] == [1, 0, 0]
        assert sending.send_due() == 2

    def test_pauses_grow_from_a_minute_to_an_hour_and_end_after_three_days(self, server: MailServer) -> None:
        pauses = [sending.pause_after(tries) for tries in range(1, sending.MAX_TRIES)]
        assert pauses[:7] == [60, 120, 240, 480, 960, 1920, 3600]
        assert pauses == sorted(pauses)
        assert abs(sum(pauses) - 3 * 86400) < 3600
        row = post()
        server.answer = "451 later"
        OutgoingMail.objects.update(tries=sending.MAX_TRIES - 1)
        sending.send_due()
        assert now(row).state == FAILED

    def test_what_was_given_up_can_be_tried_again(self, server: MailServer) -> None:
        server.refused["a@rivers.example"] = "550 nobody of that name"
        row, sent = post(text=SECRET), post("b@rivers.example")
        sending.send_due()
        server.refused.clear()
        assert sending.try_again(OutgoingMail.objects.all()) == 1, "what was sent is not sent again"
        assert sending.send_due() == 1
        assert now(row).state == SENT
        assert SECRET in part(server.to("a@rivers.example")[0], "plain")
        assert len(server.to("b@rivers.example")) == 1
        assert now(sent).state == SENT


class TestTwoAtOnce:
    def test_what_one_has_claimed_the_other_leaves_alone(self, server: MailServer) -> None:
        row = post()
        same = OutgoingMail.objects.get(pk=row.pk)
        assert sending._claim(row)
        assert not sending._claim(same)
        assert sending.send_due() == 0

    def test_what_was_claimed_by_one_that_died_is_tried_again_as_the_same_mail(self, server: MailServer) -> None:
        row = post()
        sending._claim(row)
        OutgoingMail.objects.update(claimed_until=timezone.now() - datetime.timedelta(seconds=1))
        assert sending.send_due() == 1
        assert server.received[0]["Message-ID"] == f"<{row.token}@rivers.example>"
        assert now(row).tries == 2

    def test_one_that_dies_while_it_sends_leaves_the_rest_to_the_others(self, server: MailServer) -> None:
        rows = [post(f"a{number}@rivers.example") for number in range(3)]
        sending._claim(rows[0])  # and dies here
        assert sending.send_due() == 2
        assert [now(row).state for row in rows] == [WAITING, SENT, SENT]
