"""What MariaDB would do otherwise than SQLite. Run by test_on_mariadb.py, with settings that name a MariaDB."""

import datetime
import threading

import pytest
from django.conf import settings
from django.contrib.auth.models import AnonymousUser, Group, User
from django.core import mail
from django.db import DataError, IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from accounts import sending
from accounts.models import OutgoingMail
from apps.audit import models as audit
from apps.audit.models import Actor, AuditEntry
from apps.clusters.models import Cluster, Job

pytestmark = pytest.mark.django_db

ALIKE = ["Web.example.org", "wéb.example.org", "web.example.org "]  # for MariaDB's own default all one name


@pytest.fixture
def cluster() -> Cluster:
    return Cluster.objects.create(slug="north", hostname="h", username="u")


def job(cluster: Cluster, instance: str, **fields: object) -> Job:
    return Job.objects.create(
        cluster=cluster, instance=instance, kind="startup", holds=Job.hold_on(cluster, instance), **fields
    )


def test_it_is_mariadb_with_the_wanted_driver() -> None:
    assert connection.vendor == "mysql"
    assert connection.mysql_is_mariadb
    import MySQLdb

    assert MySQLdb.__name__ == {"pymysql": "pymysql", "mysqlclient": "MySQLdb"}[settings.MYSQL_DRIVER]


def test_every_table_compares_texts_exactly_whatever_the_database_was_made_with() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name, collation_name FROM information_schema.columns "
            "WHERE table_schema = DATABASE() AND collation_name NOT IN ('utf8mb4_nopad_bin', 'utf8mb4_bin')"
        )
        assert cursor.fetchall() == ()


class TestNames:
    def test_of_instances_that_differ_in_case_accent_or_blanks_are_different_ones(self, cluster: Cluster) -> None:
        for name in ["web.example.org", *ALIKE]:
            job(cluster, name)
            audit.record(Actor(AnonymousUser()), "Start", cluster="north", instance=name)
        assert Job.objects.filter(instance="web.example.org").count() == 1
        assert AuditEntry.objects.about("north", "web.example.org").count() == 1

    def test_of_one_instance_hold_it_once(self, cluster: Cluster) -> None:
        job(cluster, "web.example.org")
        with pytest.raises(IntegrityError), transaction.atomic():
            job(cluster, "web.example.org")

    def test_of_people_and_groups_are_not_those_of_others_who_write_theirs_otherwise(self) -> None:
        """A tag ganetimgr:users:Alice does not make alice an owner."""
        User.objects.create_user("alice")
        assert not User.objects.filter(username__in=["Alice", "alicé", "alice "]).exists()
        Group.objects.create(name="noc")
        Group.objects.create(name="NOC")
        assert Group.objects.get(name="noc") != Group.objects.get(name="NOC")

    def test_of_clusters_are_exact(self, cluster: Cluster) -> None:
        assert not Cluster.objects.filter(slug="North").exists()

    def test_are_searched_in_either_case_all_the_same(self) -> None:
        audit.record(Actor(AnonymousUser()), "Start", instance="Web.example.org")
        audit.record(Actor(AnonymousUser()), "Start", instance="Ιστός.example.org")
        for word in ("wEB", "web.EXAMPLE", "ΙΣΤΌΣ", "ιστός"):
            assert AuditEntry.objects.filter(instance__icontains=word).count() == 1, word
        assert AuditEntry.objects.filter(instance__iexact="WEB.example.org").count() == 1
        assert AuditEntry.objects.filter(instance__istartswith="web").count() == 1
        assert AuditEntry.objects.filter(instance__contains="web.").count() == 0


class TestTexts:
    def test_of_every_script_come_back_as_they_were(self, cluster: Cluster) -> None:
        text = "Ελληνικά, 漢字, 🖥️ " + "x" * 60_000
        row = job(cluster, "web", error=text, log=[[1.5, text]])
        row.refresh_from_db()
        assert (row.error, row.log) == (text, [[1.5, text]])

    def test_that_are_too_long_are_refused_and_not_cut(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET sql_mode = ''")  # a server whose own default is lax
        connection.init_connection_state()
        with pytest.raises(DataError), transaction.atomic():
            AuditEntry.objects.create(action="x" * 256)


class TestTimes:
    def test_come_back_to_the_microsecond_and_in_utc(self, cluster: Cluster) -> None:
        moment = datetime.datetime(2026, 10, 25, 1, 30, 0, 123456, tzinfo=datetime.UTC)
        assert Job.objects.get(pk=job(cluster, "web", ended=moment).pk).ended == moment

    def test_of_the_hour_that_a_clock_change_repeats_stay_two(self, cluster: Cluster) -> None:
        """03:30 in Athens, before and after the clocks went back."""
        before = datetime.datetime(2026, 10, 25, 0, 30, tzinfo=datetime.UTC)
        with timezone.override("Europe/Athens"):
            job(cluster, "first", ended=before)
            job(cluster, "second", ended=before + datetime.timedelta(hours=1))
            found = Job.objects.filter(ended__gt=before).values_list("instance", flat=True)
            assert list(found) == ["second"]


@pytest.mark.django_db(transaction=True)
class TestTwoAtOnce:
    def test_one_of_them_ends_a_row(self, cluster: Cluster) -> None:
        """An UPDATE that changes nothing new still counts the rows that it found: two watchers cannot both end it."""
        row = job(cluster, "web")
        ended = []

        def end() -> None:
            mine = Job.objects.get(pk=row.pk)
            with transaction.atomic():
                ended.append(mine.finish(Job.State.SUCCEEDED))
            connection.close()

        threads = [threading.Thread(target=end) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(ended) == [False] * 7 + [True]

    def test_each_mail_is_sent_by_one_of_them(self) -> None:
        OutgoingMail.objects.bulk_create(
            OutgoingMail(recipient=f"a{number}@rivers.example", subject="s", text="t", language="en")
            for number in range(40)
        )
        threads = [threading.Thread(target=lambda: (sending.send_due(), connection.close())) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(letter.to[0] for letter in mail.outbox) == sorted(
            f"a{number}@rivers.example" for number in range(40)
        )

    def test_wrong_passwords_that_come_at_once_are_all_counted_and_none_is_an_error(self) -> None:
        User.objects.create_user("alice", password="alice")
        answers = []

        def fail(name: str) -> None:
            answer = Client().post("/user/login/", {"username": name, "password": "wrong"})
            answers.append(answer.status_code)
            connection.close()

        names = ["alice", "nobody"] * 8
        threads = [threading.Thread(target=fail, args=[name]) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(answers) == len(names)  # none raised
        assert set(answers) <= {200, 429}
        fail("alice")
        fail("nobody")
        assert answers[-2:] == [429, 429]

    def test_what_one_has_committed_the_other_sees_in_its_own_transaction(self, cluster: Cluster) -> None:
        """READ COMMITTED: a look inside a transaction is never older than the look itself."""
        row = job(cluster, "web")
        with transaction.atomic():
            assert Job.objects.get(pk=row.pk).is_unfinished
            thread = threading.Thread(target=lambda: (row.finish(Job.State.FAILED), connection.close()))
            thread.start()
            thread.join()
            assert not Job.objects.get(pk=row.pk).is_unfinished
