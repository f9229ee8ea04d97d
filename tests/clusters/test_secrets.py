"""RAPI passwords: encrypted in the database, shown nowhere, lost without harm when the key is."""

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import Client as Browser

from accounts.fields import Unreadable
from apps.clusters.models import Cluster

pytestmark = pytest.mark.django_db


@pytest.fixture
def cluster() -> Cluster:
    return Cluster.objects.create(slug="north", hostname="h", username="u", password="open sesame")


def stored() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT password FROM ganeti_cluster")
        return cursor.fetchone()[0]


class TestStoredPasswords:
    def test_the_database_holds_a_cipher_and_we_read_the_password(self, cluster: Cluster) -> None:
        assert "sesame" not in stored()
        assert Cluster.objects.get().password == "open sesame"

    def test_an_old_key_is_still_read_after_a_change(self, cluster: Cluster, settings: Any) -> None:
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "a new one", [settings.SECRET_KEY]
        assert Cluster.objects.get().password == "open sesame"

    def test_a_lost_key_costs_the_password_and_nothing_else(self, cluster: Cluster, settings: Any) -> None:
        settings.SECRET_KEY = "another one altogether"
        password = Cluster.objects.get().password
        assert password == ""
        assert isinstance(password, Unreadable)

    def test_a_key_file_is_used_instead_of_the_secret_key(self, settings: Any, tmp_path: Path) -> None:
        path = tmp_path / "key"
        path.write_text("a key of the site's own, long enough")
        settings.FIELD_KEY_FILE = str(path)
        Cluster.objects.create(slug="south", hostname="h", username="u", password="hush")
        settings.SECRET_KEY = "changed meanwhile"
        assert Cluster.objects.get().password == "hush"

    @pytest.mark.parametrize("content", [None, "short"])
    def test_a_key_file_that_is_missing_or_too_short_is_named(
        self, settings: Any, tmp_path: Path, content: str | None
    ) -> None:
        path = tmp_path / "no-key"
        if content is not None:
            path.write_text(content)
        settings.FIELD_KEY_FILE = str(path)
        with pytest.raises(ImproperlyConfigured, match="no-key"):
            Cluster.objects.create(slug="south", hostname="h", username="u", password="hush")


class TestShownNowhere:
    def test_neither_the_endpoint_nor_the_row_tell_it(self, cluster: Cluster) -> None:
        assert "sesame" not in repr(cluster.endpoint()) + repr(cluster) + str(cluster)

    def test_the_admin_never_shows_it_and_an_empty_field_keeps_it(self, as_dora: Browser, cluster: Cluster) -> None:
        address = f"/admin/ganeti/cluster/{cluster.pk}/change/"
        assert "sesame" not in as_dora.get(address).content.decode()
        facts = {"hostname": "127.0.0.1", "port": 1, "slug": "north", "verification": "system", "username": "u"}
        assert as_dora.post(address, {**facts, "new_password": ""}).status_code == 302
        assert Cluster.objects.get().password == "open sesame"
        assert as_dora.post(address, {**facts, "new_password": "simsalabim"}).status_code == 302
        assert Cluster.objects.get().password == "simsalabim"

    def test_snapshots_hold_no_secrets_of_the_hypervisor(self, people: Any, simulators: Any) -> None:
        from apps.clusters import inventories
        from tests.contract.powers import add_cluster

        world = simulators["north"].server.world
        name = next(iter(world.instances))
        world.instances[name].hvparams["vnc_password_file"] = "/etc/ganeti/hush"
        row = add_cluster(simulators["north"].endpoint())
        inventories.collect_now([row.endpoint()], everything=True)
        snapshot = inventories.store().snapshot("north")
        assert snapshot
        assert snapshot.instance(name)
        assert not any("passw" in key for one in snapshot.instances for key in one.hvparams)
