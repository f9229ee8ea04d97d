"""The people and the estate of the tests. Alice owns instances, Bob may look at everything, Charlie is a stranger,
Dora administers, Erik owns through the group noc, Carla is helpdesk with lock and isolate."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission, User
from django.core.cache import cache
from django.test import Client as Browser

from accounts.models import UserProfile
from tests.plugins.chromium import chromium, playwright  # noqa: F401  (one browser for tests/look and tests/browser)
from tests.simulated import SimulatedSide, simulated

# Tests on real servers, clusters and browsers share two cores with what they start: a second try is allowed, and said.
REAL_PROCESSES = ("services", "real", "browser")

HELPDESK = ["view_instances"]
PEOPLE: dict[str, list[str]] = {
    "alice": [],
    "bob": HELPDESK,
    "carla": [*HELPDESK, "can_lock", "can_isolate"],
    "charlie": [],
    "dora": [],
    "erik": [],
}


@pytest.fixture
def people(db: None) -> dict[str, User]:
    """The six demo people, by name; password = name. Made in few queries: half of all tests begin with them."""
    User.objects.bulk_create(
        User(
            username=name,
            email=f"{name}@example.org",
            password=make_password(name),
            is_superuser=name == "dora",
            is_staff=name == "dora",
        )
        for name in PEOPLE
    )
    found = {user.username: user for user in User.objects.filter(username__in=PEOPLE)}
    UserProfile.objects.bulk_create(UserProfile(user=user) for user in found.values())
    rights = {right.codename: right for right in Permission.objects.filter(content_type__app_label="ganeti")}
    User.user_permissions.through.objects.bulk_create(
        User.user_permissions.through(user=found[name], permission=rights[codename])
        for name, codenames in PEOPLE.items()
        for codename in codenames
    )
    found["erik"].groups.add(Group.objects.create(name="noc"))
    return found


@pytest.fixture
def sign_in(people: dict[str, User]) -> Callable[[str], Browser]:
    """A browser in which that person is signed in."""

    def as_person(name: str) -> Browser:
        browser = Browser()
        browser.force_login(people[name])
        return browser

    return as_person


@pytest.fixture
def as_alice(sign_in: Any) -> Browser:
    return sign_in("alice")


@pytest.fixture
def as_bob(sign_in: Any) -> Browser:
    return sign_in("bob")


@pytest.fixture
def as_charlie(sign_in: Any) -> Browser:
    return sign_in("charlie")


@pytest.fixture
def as_dora(sign_in: Any) -> Browser:
    return sign_in("dora")


@pytest.fixture
def as_erik(sign_in: Any) -> Browser:
    return sign_in("erik")


@pytest.fixture(autouse=True)
def fresh_store(tmp_path: Path, settings: Any) -> Iterator[None]:
    """Each test has an empty snapshot store and an empty cache of its own."""
    from apps.clusters import inventories

    settings.SNAPSHOT_STORE = str(tmp_path / "snapshots")
    inventories._last_watched.clear()
    cache.clear()
    yield
    shutil.rmtree(tmp_path / "snapshots", ignore_errors=True)


@pytest.fixture
def simulators() -> Iterator[dict[str, SimulatedSide]]:
    """The three simulated clusters of the demo, north, south and east, served over HTTPS."""
    with simulated() as sides:
        yield sides


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Real Ganeti first, then MariaDB, for these take longest; the browser last, since Playwright leaves an event loop
    in the worker's thread, and Django keeps its database connections another way from then on.
    """
    for item in items:
        if any(item.get_closest_marker(name) for name in REAL_PROCESSES) and not item.get_closest_marker("flaky"):
            item.add_marker(pytest.mark.flaky(reruns=2, reruns_delay=3))
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    if item.get_closest_marker("real"):
        return 0
    if "test_on_mariadb" in item.nodeid:
        return 1
    return 3 if item.get_closest_marker("browser") else 2
