"""Mail on a whole site: a mail server that is away delays it and breaks no page; with two watchers each leaves once."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plugins.servers import Beanstalkd, MariaDb, Redis
from tests.plugins.smtp import MailServer, mail_server  # noqa: F401
from tests.production.site import PatientVisitor, Production

pytestmark = pytest.mark.services

SETTINGS = """
EMAIL_HOST, EMAIL_PORT, EMAIL_TIMEOUT = "127.0.0.1", {port}, 2
DEFAULT_FROM_EMAIL = "no-reply@rivers.example"
TEMPLATES[0]["DIRS"].append({letters!r})
"""
LETTER = "Number {{ number }}\n\nThis is number {{ number }}.\n"
# A change and its mails, as a page writes them: all or none.
POST = """
from django.db import transaction
from accounts import outbox
with transaction.atomic():
    for number in range({first}, {last}):
        outbox.post("numbered", f"a{{number}}@rivers.example", {{"number": number}})
"""
MAILS = 30


@pytest.fixture
def site(
    tmp_path: Path,
    mariadb: MariaDb,
    redis: Redis,
    beanstalkd: Beanstalkd,
    mail_server: MailServer,  # noqa: F811
) -> Iterator[Production]:
    (tmp_path / "letters" / "mail").mkdir(parents=True)
    (tmp_path / "letters" / "mail" / "numbered.txt").write_text(LETTER)
    settings = SETTINGS.format(port=mail_server.port, letters=str(tmp_path / "letters"))
    site = Production(tmp_path, mariadb, redis, beanstalkd, settings=settings)
    yield site
    site.stop()


def states(site: Production) -> Counter[str]:
    return Counter(state for (state,) in site.rows("SELECT state FROM accounts_outgoingmail"))


def post(site: Production, first: int, last: int) -> None:
    site.manage("shell", "-v0", "-c", POST.format(first=first, last=last))


def holders(site: Production) -> set[str]:
    return {holder for (holder,) in site.rows("SELECT holder FROM ganeti_chorelease WHERE name = 'send mail'")} - {""}


def let_time_pass(site: Production) -> None:
    """All pauses are over."""
    site.rows("UPDATE accounts_outgoingmail SET next_try_at = UTC_TIMESTAMP(6) WHERE state = 'waiting'")


def assert_pages_are_as_always(dora: PatientVisitor) -> None:
    for path in ("/", "/history/", "/user/login/", "/admin/"):
        assert dora.get(path).status_code == 200, path
    assert dora.get("/readyz").json()["mail"]["ok"], "nobody is sent elsewhere because of late mail"


def test_a_mail_server_that_is_away_delays_mail_which_leaves_once_when_it_is_back(
    site: Production,
    mail_server: MailServer,  # noqa: F811
) -> None:
    site.start_web()
    watchers = [site.start_watcher(), site.start_watcher()]
    site.until(lambda: holders(site), "a watcher to look after the mail")
    dora = site.sign_in("dora")

    with mail_server.away():
        post(site, 0, MAILS)
        tried = "SELECT 1 FROM accounts_outgoingmail WHERE tries > 0 AND claimed_until IS NULL"
        site.until(lambda: len(site.rows(tried)) == MAILS, "all to be tried")
        assert_pages_are_as_always(dora)
        assert states(site) == {"waiting": MAILS}
        assert "since" in dora.get("/readyz").json()["mail"]["words"]
    with mail_server.silent():
        let_time_pass(site)
        site.until(lambda: site.rows("SELECT 1 FROM accounts_outgoingmail WHERE tries > 1"), "another try")
        assert_pages_are_as_always(dora)

    let_time_pass(site)
    site.until(lambda: states(site) == {"sent": MAILS}, "all to leave")
    assert Counter(mail_server.recipients) == {f"a{number}@rivers.example": 1 for number in range(MAILS)}
    for number in range(MAILS):
        (mail,) = mail_server.to(f"a{number}@rivers.example")
        assert f"This is number {number}." in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert site.rows("SELECT 1 FROM accounts_outgoingmail WHERE text <> ''") == []

    (holder,) = holders(site)
    (mailman,) = [watcher for watcher in watchers if f"-{watcher.pid}-" in holder]
    site.kill_hard(mailman)
    post(site, MAILS, 2 * MAILS)
    site.until(lambda: states(site) == {"sent": 2 * MAILS}, "the other watcher to take over")
    assert Counter(mail_server.recipients) == {f"a{number}@rivers.example": 1 for number in range(2 * MAILS)}
