"""Who may do what: the options of RAPI users as Ganeti means them."""

import pytest

from tests.demo.mirror import ask, mirror

VM = "/2/instances/vm03.c1.ganeti.example"
READ_BY_ALL = ["/2/info", "/2/instances?bulk=1", VM, f"{VM}/tags", "/2/nodes", "/2/jobs?bulk=1", "/2/query/node/fields"]
READ_WITH_OPTION = ["/2/query/instance?fields=name", f"{VM}/console"]
CHANGES = [
    ("PUT", f"{VM}/startup"),
    ("PUT", f"{VM}/shutdown"),
    ("POST", f"{VM}/reboot"),
    ("POST", f"{VM}/reinstall"),
    ("PUT", f"{VM}/rename"),
    ("PUT", f"{VM}/modify"),
    ("PUT", f"{VM}/migrate"),
    ("PUT", f"{VM}/tags?tag=x"),
    ("DELETE", f"{VM}/tags?tag=x"),
    ("DELETE", VM),
    ("POST", "/2/instances"),
    ("DELETE", "/2/jobs/1"),
]
REFUSED = (401, 403)


@pytest.mark.parametrize("target", READ_BY_ALL)
def test_every_user_may_look(target: str) -> None:
    assert [ask(mirror(), "GET", target, user=user).status for user in ("ganetimgr", "reader", "guest")] == [200] * 3


@pytest.mark.parametrize("target", READ_WITH_OPTION)
def test_queries_and_consoles_want_an_option(target: str) -> None:
    statuses = [ask(mirror(), "GET", target, user=user).status for user in ("ganetimgr", "reader", "guest")]
    assert statuses == [200, 200, 403]


@pytest.mark.parametrize(("method", "target"), CHANGES)
def test_only_a_writer_may_change_anything(method: str, target: str) -> None:
    world = mirror()
    statuses = [ask(world, method, target, {}, user=user).status for user in ("reader", "guest", "")]
    assert statuses == [403, 403, 401]
    assert not world.jobs.all
    assert ask(world, method, target, {}).status not in REFUSED


@pytest.mark.parametrize("target", [*READ_BY_ALL, *READ_WITH_OPTION])
def test_nobody_looks_without_the_right_password(target: str) -> None:
    assert ask(mirror(), "GET", target, user="").status == 401
    assert ask(mirror(), "GET", target, password="guess").status == 401


def test_an_unknown_path_is_told_to_strangers_too() -> None:
    assert ask(mirror(), "GET", "/2/no-such-thing", user="").status == 404
    assert ask(mirror(), "PATCH", "/2/info", user="").status == 501


def test_the_probe_for_the_right_to_write_changes_nothing() -> None:
    world = mirror()
    statuses = [ask(world, "POST", "/2/instances", {"__version__": -1}, user=user).status for user in world.users]
    assert statuses == [400, 403, 403]
    assert not world.jobs.all
