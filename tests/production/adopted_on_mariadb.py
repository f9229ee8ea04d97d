"""Taking over a ganetimgr 2.x whose MySQL kept everything in Latin-1, into a MariaDB of ours. Run by
test_on_mariadb.py, with settings that name a MariaDB."""

from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.flatpages.models import FlatPage
from django.core.management import call_command
from django.db import connection
from django.test import Client

from apps.applications.models import InstanceApplication
from apps.audit.models import AuditEntry
from apps.notifications.models import Recipient
from ganetimgr import defaults
from tests.adopting import filled
from tests.adopting.old import Old, OnMysql

pytestmark = pytest.mark.django_db


@pytest.fixture
def old() -> Iterator[Old]:
    ours = connection.settings_dict
    how = {"host": ours["HOST"], "port": int(ours["PORT"]), "user": ours["USER"], "password": ours["PASSWORD"]}
    database = Old(OnMysql("old_site", **how), "2.2")
    filled.fill(database)
    yield database
    database.close()


def test_brings_it_once_with_all_its_letters_numbers_and_times(old: Old, tmp_path: Path, settings: Any) -> None:
    settings.PASSWORD_HASHERS = defaults.PASSWORD_HASHERS
    (tmp_path / "password").write_text(connection.settings_dict["PASSWORD"] + "\n")

    def adopt(*more: str) -> str:
        out = StringIO()
        how = ["--database", old.url, "--password-file", str(tmp_path / "password"), "--time-zone", "Europe/Athens"]
        with pytest.raises(SystemExit):  # some of it cannot come
            call_command("adopt", *how, *more, stdout=out, stderr=StringIO())
        return out.getvalue()

    def counts() -> list[int]:
        models = (User, InstanceApplication, FlatPage, Recipient, AuditEntry)
        return [model._default_manager.count() for model in models]

    adopt("--dry-run")
    assert counts() == [0, 0, 0, 0, 0]
    said = adopt()
    assert counts() == [9, 8, 1, 2, 7]
    assert "Double-encoded text was mended" in said
    assert User.objects.get(username="alice").last_name == filled.NIKI
    assert FlatPage.objects.get().content == "<p>Καλώς ήρθατε</p>"
    alice = User.objects.get(username="alice")
    assert (alice.pk, User.objects.get(username="Alice").pk) == (11, 12)
    sign_in = {"username": "alice", "password": "alice of old"}
    assert Client().post("/user/login/", sign_in).status_code == 302
    assert AuditEntry.objects.get(job_id=72).recorded.isoformat() == "2018-07-01T09:00:01+00:00"
    shut_down = AuditEntry.objects.get(action="Shutdown")  # recorded at 0000-00-00
    assert shut_down.recorded == shut_down.last_updated
    made = InstanceApplication.objects.create(hostname="x", memory=1, disk_size=1, vcpus=1, applicant=alice)
    assert made.pk > 510
    made.delete()
    seen = AuditEntry.objects.count()
    adopt()
    assert counts() == [9, 8, 1, 2, seen + 1]  # that it was run
