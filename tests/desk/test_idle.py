"""Idle accounts: who they are, and the mail that asks whether they are still needed."""

import datetime
import io
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client as Browser
from django.utils import timezone

from accounts.models import OutgoingMail, UserProfile
from apps.audit.models import AuditEntry
from apps.desk import checks
from apps.desk.views import idle as views
from tests import estate
from tests.desk.conftest import account

pytestmark = pytest.mark.django_db


@pytest.fixture
def accounts(people: Any) -> dict[str, User]:
    User.objects.update(last_login=timezone.now())
    return {
        "old": account("old", seen=200, first_name="Old", last_name="Hand"),
        "never": account("never", joined=181),
        "new": account("new", joined=179),
        "fresh": account("fresh", seen=179),
        "mute": account("mute", seen=300, email=""),
        "off": account("off", seen=300, is_active=False),
    }


def names(response: Any) -> list[str]:
    assert response.status_code == 200
    return re.findall(r'class="name" href="/user/info/user/([^/"]+)/"', response.content.decode())


def recipients() -> set[str]:
    return set(OutgoingMail.objects.values_list("recipient", flat=True))


def run(*words: str) -> str:
    out = io.StringIO()
    call_command("idle_accounts", *words, stdout=out)
    return out.getvalue()


class TestPage:
    def test_it_lists_the_unused_the_longest_first_with_those_who_never_came(
        self, as_bob: Browser, accounts: Any
    ) -> None:
        response = as_bob.get("/user/idle/")
        assert names(response) == ["mute", "old", "never"]
        assert "never signed in, joined" in response.content.decode()

    def test_the_setting_says_how_long(self, as_bob: Browser, accounts: Any, settings: Any) -> None:
        settings.IDLE_ACCOUNT_NOTIFICATION_DAYS = "190"
        assert names(as_bob.get("/user/idle/")) == ["mute", "old"]

    @pytest.mark.parametrize("days", ["", "many", -1, 0, None])
    def test_a_setting_that_is_no_number_of_days_is_reported(self, settings: Any, days: Any) -> None:
        settings.IDLE_ACCOUNT_NOTIFICATION_DAYS = days
        assert [error.id for error in checks.idle_days_are_a_number()] == ["desk.E001"]

    def test_those_who_own_vms_are_counted_and_can_be_singled_out(self, as_bob: Browser, accounts: Any) -> None:
        estate.put("north", estate.instance("web.example.org", owners=("users:old",)))
        assert re.search(r'<td class="num">\s*1\s*</td>', as_bob.get("/user/idle/?q=old").content.decode())
        assert names(as_bob.get("/user/idle/?vms=1")) == ["old"]

    def test_the_help_desk_looks_and_does_not_write(self, as_bob: Browser, accounts: Any) -> None:
        assert "Write to" not in as_bob.get("/user/idle/").content.decode()
        assert as_bob.post("/user/idle/", {"everybody": "1"}).status_code == 403
        assert not recipients()

    def test_a_superuser_writes_to_the_chosen(self, as_dora: Browser, accounts: Any) -> None:
        page = as_dora.post("/user/idle/", {"account": [accounts["old"].pk, accounts["fresh"].pk, "x"]}, follow=True)
        assert recipients() == {"old@example.org"}
        assert "A mail is on its way to 1 account." in page.content.decode()
        entry = AuditEntry.objects.get(action="Idle account notice")
        assert (entry.requester_name, entry.person) == ("dora", "old")

    def test_or_to_all_that_the_page_lists(self, as_dora: Browser, accounts: Any) -> None:
        as_dora.post("/user/idle/?q=never", {"everybody": "1"})
        assert recipients() == {"never@example.org"}
        as_dora.post("/user/idle/", {"everybody": "1"})
        assert recipients() == {"never@example.org", "old@example.org"}

    def test_nobody_is_asked_twice(self, as_dora: Browser, accounts: Any) -> None:
        for _ in range(2):
            page = as_dora.post("/user/idle/", {"everybody": "1"}, follow=True).content.decode()
        assert OutgoingMail.objects.count() == 2
        assert "Nobody was written to" in page
        assert f'value="{accounts["old"].pk}" form="notices" aria-label="Choose old" disabled' in page

    def test_many_are_written_to_in_portions(
        self, as_dora: Browser, accounts: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(views, "MOST_AT_ONCE", 1)
        page = as_dora.post("/user/idle/", {"everybody": "1"}, follow=True).content.decode()
        assert OutgoingMail.objects.count() == 1
        assert "1 account is left: press again." in page

    def test_many_cost_the_same_queries(
        self, as_dora: Browser, people: Any, django_assert_max_num_queries: Any
    ) -> None:
        long_ago = timezone.now() - datetime.timedelta(days=500)
        User.objects.bulk_create(User(username=f"idle{number}", date_joined=long_ago) for number in range(300))
        with django_assert_max_num_queries(9):
            assert len(names(as_dora.get("/user/idle/"))) == 50

    def test_without_idle_accounts_it_says_so(self, as_dora: Browser, people: Any) -> None:
        assert "No account is idle" in as_dora.get("/user/idle/").content.decode()


class TestCommand:
    def test_it_writes_to_each_once_and_says_whom_it_left_out(self, accounts: Any) -> None:
        said = run()
        assert recipients() == {"old@example.org", "never@example.org"}
        assert "old <old@example.org>: last signed in" in said
        assert "never <never@example.org>: never signed in" in said
        assert "mute is left out, for it has no e-mail address" in said
        assert "1 accounts are left out, for they are not active" in said
        assert "2 accounts are written to" in said
        again = run()
        assert OutgoingMail.objects.count() == 2
        assert "2 idle accounts are left out, for they were written to in the last 180 days" in again

    def test_after_as_many_days_more_they_are_asked_again(self, accounts: Any) -> None:
        run()
        UserProfile.objects.filter(user=accounts["old"]).update(
            idle_notice_sent=timezone.now() - datetime.timedelta(days=181)
        )
        run()
        assert OutgoingMail.objects.filter(recipient="old@example.org").count() == 2
        assert OutgoingMail.objects.filter(recipient="never@example.org").count() == 1

    def test_a_dry_run_only_tells(self, accounts: Any) -> None:
        assert "2 accounts would be written to" in run("--dry-run")
        assert not recipients()

    def test_the_days_can_be_given(self, accounts: Any) -> None:
        run("--days", "190")
        assert recipients() == {"old@example.org"}

    @pytest.mark.parametrize("days", ["0", "-3", "99999999"])
    def test_days_that_make_no_sense_are_refused(self, people: Any, days: str) -> None:
        with pytest.raises(CommandError, match="number of days"):
            run("--days", days)

    def test_accounts_older_than_profiles_are_written_to(self, accounts: Any) -> None:
        UserProfile.objects.filter(user=accounts["old"]).delete()
        run()
        assert "old@example.org" in recipients()


class TestMail:
    def test_it_names_the_account_the_time_and_the_vms_in_the_recipients_language(
        self, accounts: Any, settings: Any
    ) -> None:
        settings.SITE_URL = "https://vps.example.org"
        vms = [estate.instance(f"vm{number:02}.example.org", owners=("users:old",)) for number in range(22)]
        estate.put("north", *vms)
        run()
        mail = OutgoingMail.objects.get(recipient="old@example.org")
        assert "still needed?" in mail.subject
        assert "Hello Old Hand," in mail.text
        assert "for 200 days" in mail.text
        assert "- vm00.example.org\n" in mail.text
        assert "- and 2 more" in mail.text
        assert "https://vps.example.org/user/login/" in mail.text
        assert "\n\n\n" not in mail.text
        never = OutgoingMail.objects.get(recipient="never@example.org")
        assert "nobody has signed in to it yet" in never.text
        assert "VMs" not in never.text
        assert "\n\n\n" not in never.text

    def test_a_hostile_name_breaks_no_header(self, accounts: Any) -> None:
        account("evil", seen=300, first_name="A\r\nBcc: all@example.org")
        run()
        assert "\n" not in OutgoingMail.objects.get(recipient="evil@example.org").subject
