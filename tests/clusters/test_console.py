"""The console's page and tickets: who gets one, what it is good for, who has to leave, what the history knows."""

import datetime
import json
from typing import Any

import msgspec
import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.utils import timezone

from apps.audit.models import AuditEntry
from apps.clusters import inventories, screens
from apps.clusters.console import endings, tickets, visits
from apps.clusters.console.endings import Ended, Refused
from apps.clusters.console.visits import Visit
from apps.clusters.models import Cluster, ConsoleTicket, Job
from ganeti.objects import Node
from tests import estate

pytestmark = pytest.mark.django_db

PAGE = "/instances/north/web.example.org/novnc/"
WAY = "/instances/north/web.example.org/novnc-proxy/"
ORIGIN = "http://testserver"
SCREEN = {"hypervisor": "kvm", "network_port": 11000, "hvparams": {"vnc_bind_address": "0.0.0.0"}}


def put_web(**fields: Any) -> Cluster:
    """Alice's instance with a screen on a node at 192.0.2.1."""
    options = {name: fields.pop(name) for name in ("locked", "head") if name in fields}
    row = estate.put("north", estate.instance("web.example.org", **{**SCREEN, **fields}), **options)
    store = inventories.store()
    head = store.head("north")
    assert head
    snapshot = store.snapshot("north", head.generation)
    assert snapshot
    node = Node(name="node1.example.org", role="M", group="default", primary_ip="192.0.2.1")
    changed = msgspec.structs.replace(snapshot, nodes=(node,))
    store.put_snapshot(changed, msgspec.structs.replace(head, generation=head.generation + 1))
    return row


@pytest.fixture
def north(people: Any) -> Cluster:
    return put_web()


def token_of(browser: Browser) -> str:
    """A ticket, as the page gets it."""
    answer = browser.post(WAY)
    assert answer.status_code == 200, answer.content
    return tickets.token_in(answer.json()["url"])


def session_of(browser: Browser) -> str:
    return browser.cookies["sessionid"].value


def enter(browser: Browser, token: str = "", *, origin: str = ORIGIN) -> Visit:
    return visits.enter(token or token_of(browser), session_of(browser), origin, "192.0.2.99")


def only_ticket() -> ConsoleTicket:
    return ConsoleTicket.objects.get()


class TestPage:
    def test_it_has_the_keys_that_a_browser_keeps_for_itself(self, as_alice: Browser, north: Cluster) -> None:
        page = as_alice.get(PAGE).content.decode()
        for words in ("Ctrl+Alt+Del", 'data-hold="Control"', 'data-hold="Alt"', "paste-text", "Full screen"):
            assert words in page

    def test_without_javascript_there_is_a_sentence(self, as_alice: Browser, north: Cluster) -> None:
        assert "needs JavaScript" in as_alice.get(PAGE).content.decode().partition("<noscript>")[2]

    def test_every_ending_has_words(self, as_alice: Browser, north: Cluster) -> None:
        page = as_alice.get(PAGE).content.decode()
        ours = [value for value in vars(endings).values() if isinstance(value, endings.Ending) and value.code >= 4000]
        assert len(ours) > 10
        assert all(f'data-code="{ending.code}"' in page for ending in ours)

    def test_nobody_gets_it_from_a_cache(self, as_alice: Browser, north: Cluster) -> None:
        assert "no-store" in as_alice.get(PAGE).headers["Cache-Control"]

    def test_the_policy_allows_the_site_s_own_address_alone(self, as_alice: Browser, north: Cluster) -> None:
        policy = as_alice.get(PAGE).headers["Content-Security-Policy"]
        assert "connect-src 'self';" in f"{policy};"

    def test_and_the_console_s_where_the_settings_name_another(
        self, as_alice: Browser, north: Cluster, settings: Any
    ) -> None:
        settings.CONSOLE_URL = "ws://{host}:8089"
        assert "connect-src 'self' ws://testserver:8089" in as_alice.get(PAGE).headers["Content-Security-Policy"]
        assert as_alice.post(WAY).json()["url"].startswith("ws://testserver:8089/console/ws/")
        other = as_alice.get("/instances/north/web.example.org/").headers["Content-Security-Policy"]
        assert "8089" not in other

    def test_a_running_vm_s_page_and_row_lead_to_it(self, as_alice: Browser, north: Cluster) -> None:
        for page in ("/instances/north/web.example.org/", "/"):
            assert f'href="{PAGE}"' in as_alice.get(page).content.decode()

    def test_a_stopped_vm_s_do_not(self, as_alice: Browser, north: Cluster) -> None:
        put_web(status="ADMIN_down", oper_state=False)
        assert f'href="{PAGE}"' not in as_alice.get("/").content.decode()
        assert "open-console" not in as_alice.get("/instances/north/web.example.org/").content.decode()

    def test_the_helpdesk_is_offered_none(self, as_bob: Browser, north: Cluster) -> None:
        assert PAGE not in as_bob.get("/instances/north/web.example.org/").content.decode()
        assert as_bob.get(PAGE).status_code == 403

    def test_where_nothing_is_known_the_page_says_so(self, as_alice: Browser, north: Cluster) -> None:
        inventories.store().forget("north")
        assert "Nothing is known of it just now" in as_alice.get(PAGE).content.decode()

    def test_a_site_can_have_none(self, as_alice: Browser, north: Cluster, settings: Any) -> None:
        settings.WEBSOCK_VNC_ENABLED = False
        assert as_alice.get(PAGE).status_code == 404
        assert as_alice.post(WAY).status_code == 404
        assert PAGE not in as_alice.get("/instances/north/web.example.org/").content.decode()


class TestSentences:
    """Where there is no screen the page and the ticket say why."""

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"hypervisor": "xen-pvm", "hvparams": {}}, "Paravirtualised VMs of Xen have no screen"),
            ({"hypervisor": "fake", "hvparams": {}}, "“fake” have no screen"),
            ({"hypervisor": "lxc", "hvparams": {}}, "“lxc” have no screen"),
            ({"hvparams": {"vnc_bind_address": "", "serial_console": True}}, "a serial one"),
            ({"hvparams": {"vnc_bind_address": "", "serial_console": False}}, "VNC is switched off"),
            ({"hvparams": {"spice_bind": "eth0"}}, "speaks SPICE"),
            ({"hvparams": {"vnc_bind_address": "127.0.0.1"}}, "from its node only"),
            ({"hvparams": {"vnc_bind_address": "/run/vnc"}}, "from its node only"),
            ({"hvparams": {"vnc_bind_address": "0.0.0.0", "vnc_tls": True}}, "speaks TLS"),
            ({"status": "ADMIN_down", "oper_state": False}, "It is stopped. Start it"),
            ({"status": "ERROR_nodedown", "oper_state": None}, "is down"),
            ({"network_port": None}, "names no port"),
            ({"network_port": 22}, "names no port"),
            ({"network_port": 70000}, "names no port"),
            ({"tags": ("ganetimgr:adminlock",)}, "An administrator has locked"),
        ],
    )
    def test_what_has_none(self, as_alice: Browser, people: Any, fields: dict[str, Any], words: str) -> None:
        put_web(**fields)
        page = as_alice.get(PAGE)
        assert page.status_code == 200
        assert words in page.content.decode().partition("No screen to show now")[2]
        refused = as_alice.post(WAY)
        assert refused.status_code == 409
        assert words in refused.json()["error"]
        assert not ConsoleTicket.objects.exists()

    def test_a_lock_does_not_stop_the_superuser(self, as_dora: Browser, people: Any) -> None:
        put_web(tags=("ganetimgr:adminlock",))
        assert token_of(as_dora)

    def test_a_pending_job_stops_nobody_who_wants_to_see_it(
        self, as_alice: Browser, people: Any, north: Cluster
    ) -> None:
        Job.objects.create(
            cluster=north, instance="web.example.org", kind="reboot", holds=f"{north.pk}/web.example.org"
        )
        assert token_of(as_alice)

    def test_hvm_of_xen_has_a_screen(self, as_alice: Browser, people: Any) -> None:
        put_web(hypervisor="xen-hvm")
        assert token_of(as_alice)


class TestWhereTheScreenIs:
    def test_at_the_primary_node_s_address(self, as_alice: Browser, north: Cluster) -> None:
        assert enter(as_alice).target == ("192.0.2.1", 11000)

    def test_or_where_the_settings_say(self, as_alice: Browser, north: Cluster, settings: Any) -> None:
        settings.CONSOLE_NODE_ADDRESSES = {"node1.example.org": "198.51.100.1"}
        assert enter(as_alice).target == ("198.51.100.1", 11000)

    def test_only_nodes_of_the_inventory_are_talked_to(self, as_alice: Browser, people: Any) -> None:
        put_web(pnode="elsewhere.example.net")
        with pytest.raises(Ended) as ended:
            enter(as_alice)
        assert ended.value.ending == endings.NO_SCREEN


class TestTickets:
    def test_it_works_once(self, as_alice: Browser, north: Cluster) -> None:
        token = token_of(as_alice)
        enter(as_alice, token)
        with pytest.raises(Refused) as refused:
            enter(as_alice, token)
        assert refused.value.status == 403

    def test_of_two_at_the_same_moment_one_comes_in(
        self, as_alice: Browser, north: Cluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Both have looked it up; the database lets one through."""
        token = token_of(as_alice)
        found = tickets.lookup(token)
        monkeypatch.setattr(tickets, "lookup", lambda token: found)
        enter(as_alice, token)
        with pytest.raises(Refused):
            enter(as_alice, token)

    def test_not_after_30_seconds(self, as_alice: Browser, north: Cluster) -> None:
        token = token_of(as_alice)
        ConsoleTicket.objects.update(created=timezone.now() - datetime.timedelta(seconds=30))
        with pytest.raises(Refused, match="too old"):
            enter(as_alice, token)

    def test_not_for_a_stranger(self, as_alice: Browser, as_charlie: Browser, north: Cluster) -> None:
        with pytest.raises(Refused, match="another session"):
            enter(as_charlie, token_of(as_alice))

    def test_not_for_another_session_of_the_same_person(self, as_alice: Browser, sign_in: Any, north: Cluster) -> None:
        with pytest.raises(Refused, match="another session"):
            enter(sign_in("alice"), token_of(as_alice))

    def test_a_thief_does_not_use_it_up(self, as_alice: Browser, as_charlie: Browser, north: Cluster) -> None:
        token = token_of(as_alice)
        with pytest.raises(Refused):
            enter(as_charlie, token)
        assert enter(as_alice, token).what == ("north", "web.example.org")

    @pytest.mark.parametrize(
        "origin",
        ["", "null", "https://evil.example", "https://testserver", "http://testserver:81", "http://testserver.evil"],
    )
    def test_not_from_another_site_s_page(self, as_alice: Browser, north: Cluster, origin: str) -> None:
        with pytest.raises(Refused, match="a page of this site"):
            enter(as_alice, origin=origin)

    def test_not_when_the_session_has_ended(self, as_alice: Browser, north: Cluster) -> None:
        token, key = token_of(as_alice), session_of(as_alice)
        as_alice.post("/user/logout/")
        with pytest.raises(Refused):
            visits.enter(token, key, ORIGIN, None)

    def test_not_when_the_password_has_changed(self, as_alice: Browser, people: Any, north: Cluster) -> None:
        token = token_of(as_alice)
        people["alice"].set_password("another one")
        people["alice"].save()
        with pytest.raises(Refused):
            enter(as_alice, token)

    def test_rights_are_looked_at_again(self, as_alice: Browser, north: Cluster) -> None:
        token = token_of(as_alice)
        put_web(owners=("users:erik",))
        with pytest.raises(Ended) as ended:
            enter(as_alice, token)
        assert ended.value.ending == endings.NOT_ALLOWED

    def test_so_is_whether_it_runs(self, as_alice: Browser, north: Cluster) -> None:
        token = token_of(as_alice)
        put_web(status="ADMIN_down", oper_state=False)
        with pytest.raises(Ended) as ended:
            enter(as_alice, token)
        assert ended.value.ending == endings.NO_SCREEN
        assert only_ticket().ended, "it counts as no open console"

    def test_one_person_has_a_limit(self, as_alice: Browser, north: Cluster, settings: Any) -> None:
        settings.CONSOLES_PER_PERSON = 2
        first, _ = enter(as_alice), enter(as_alice)
        with pytest.raises(Ended) as ended:
            enter(as_alice)
        assert ended.value.ending == endings.TOO_MANY_OF_YOURS
        first.is_over()
        enter(as_alice)

    def test_the_database_does_not_hold_what_the_browser_shows(self, as_alice: Browser, north: Cluster) -> None:
        token = token_of(as_alice)
        row = ConsoleTicket.objects.filter(pk=only_ticket().pk).values().get()
        assert not {token, session_of(as_alice)} & {str(value) for value in row.values()}

    def test_a_path_without_one_has_none(self) -> None:
        assert tickets.token_in("/console/ws/") == ""
        assert tickets.token_in("/console/ws/a/b") == ""
        assert tickets.token_in("/elsewhere") == ""
        assert tickets.token_in("/below/console/ws/abc") == "abc"


class TestWhoMustLeave:
    def leaving(self, *open_now: Visit) -> list[endings.Ending]:
        return list(visits.who_must_leave(open_now).values())

    def test_nobody_whose_rights_are_what_they_were(self, as_alice: Browser, as_dora: Browser, north: Cluster) -> None:
        assert self.leaving(enter(as_alice), enter(as_dora)) == []

    def test_who_signs_out(self, as_alice: Browser, north: Cluster) -> None:
        visit = enter(as_alice)
        as_alice.post("/user/logout/")
        assert self.leaving(visit) == [endings.SESSION_ENDED]

    def test_whose_sessions_were_ended_from_elsewhere(self, as_alice: Browser, people: Any, north: Cluster) -> None:
        from accounts import sessions

        visit = enter(as_alice)
        sessions.end_all_of(people["alice"])
        assert self.leaving(visit) == [endings.SESSION_ENDED]

    def test_whose_account_is_switched_off(self, as_alice: Browser, people: Any, north: Cluster) -> None:
        visit = enter(as_alice)
        User.objects.filter(username="alice").update(is_active=False)
        assert self.leaving(visit) == [endings.SESSION_ENDED]

    def test_who_owns_it_no_more(self, as_alice: Browser, north: Cluster) -> None:
        visit = enter(as_alice)
        put_web(owners=("users:erik",))
        assert self.leaving(visit) == [endings.NOT_ALLOWED]

    def test_who_leaves_the_group_that_owns_it(self, sign_in: Any, people: Any) -> None:
        put_web(owners=("groups:noc",))
        visit = enter(sign_in("erik"))
        assert self.leaving(visit) == []
        people["erik"].groups.clear()
        assert self.leaving(visit) == [endings.NOT_ALLOWED]

    def test_owners_of_what_an_administrator_locks_and_not_the_administrator(
        self, as_alice: Browser, as_dora: Browser, north: Cluster
    ) -> None:
        hers, doras = enter(as_alice), enter(as_dora)
        put_web(tags=("ganetimgr:adminlock",))
        assert visits.who_must_leave([hers, doras]) == {hers: endings.NOT_ALLOWED}

    def test_whose_instance_is_no_more(self, as_alice: Browser, north: Cluster) -> None:
        visit = enter(as_alice)
        estate.put("north")
        assert self.leaving(visit) == [endings.NO_SCREEN]

    def test_and_nobody_while_nothing_is_known(self, as_alice: Browser, north: Cluster) -> None:
        visit = enter(as_alice)
        inventories.store().forget("north")
        assert self.leaving(visit) == []

    def test_however_many_there_are_the_questions_are_the_same(
        self, as_alice: Browser, as_dora: Browser, sign_in: Any, north: Cluster, django_assert_num_queries: Any
    ) -> None:
        few = [enter(as_alice)]
        many = [*few, enter(as_alice), enter(as_dora), enter(sign_in("alice"))]
        for open_now in (few, many):
            with django_assert_num_queries(6):
                visits.who_must_leave(open_now)


class TestHistory:
    def entries(self) -> list[tuple[str, str, str]]:
        found = AuditEntry.objects.order_by("pk").values_list("action", "outcome", "detail")
        return [row for row in found if row[0].startswith("Console")]

    def test_opening_and_closing_are_written_down(self, as_alice: Browser, north: Cluster) -> None:
        visit = enter(as_alice)
        assert self.entries() == [("Console opened", "pending", "")]
        visit.is_open()
        ConsoleTicket.objects.update(opened=timezone.now() - datetime.timedelta(hours=1, seconds=5))
        visit.ticket.refresh_from_db()
        visit.is_over()
        assert self.entries() == [
            ("Console opened", "succeeded", ""),
            ("Console closed", "succeeded", "It was open for 1:00:05."),
        ]
        closed = AuditEntry.objects.get(action="Console closed")
        assert (closed.requester_name, closed.cluster, closed.instance) == ("alice", "north", "web.example.org")
        assert closed.ipaddress == "192.0.2.99"

    def test_a_screen_that_could_not_be_reached_is_a_failure(self, as_alice: Browser, north: Cluster) -> None:
        enter(as_alice).failed()
        assert self.entries() == [("Console opened", "failed", "The screen could not be reached.")]

    def test_closing_is_written_down_once(self, as_alice: Browser, north: Cluster) -> None:
        visit = enter(as_alice)
        visit.is_over()
        visit.is_over()
        assert len(self.entries()) == 2

    def test_the_watcher_concludes_what_a_killed_process_left(self, as_alice: Browser, north: Cluster) -> None:
        opened, opening = enter(as_alice), enter(as_alice)
        opened.is_open()
        visits.conclude_abandoned()
        assert len(self.entries()) == 2, "both are young"
        now = timezone.now()
        ConsoleTicket.objects.filter(pk=opened.ticket.pk).update(
            opened=now - datetime.timedelta(minutes=10), seen=now - datetime.timedelta(minutes=5)
        )
        ConsoleTicket.objects.filter(pk=opening.ticket.pk).update(seen=now - datetime.timedelta(minutes=5))
        visits.conclude_abandoned()
        visits.conclude_abandoned()
        assert sorted(self.entries()) == [
            ("Console closed", "succeeded", "It was open for 0:05:00; then its process ended."),
            ("Console opened", "failed", "The screen could not be reached."),
            ("Console opened", "succeeded", ""),
        ]

    def test_a_process_that_lives_keeps_its_consoles(self, as_alice: Browser, north: Cluster) -> None:
        visit = enter(as_alice)
        ConsoleTicket.objects.update(seen=timezone.now() - datetime.timedelta(minutes=5))
        visits.still_open([visit])
        visits.conclude_abandoned()
        assert only_ticket().ended is None

    def test_old_tickets_are_forgotten_and_open_consoles_are_not(self, as_alice: Browser, north: Cluster) -> None:
        token_of(as_alice)
        visit = enter(as_alice)
        ConsoleTicket.objects.update(created=timezone.now() - datetime.timedelta(days=2))
        visits.conclude_abandoned()
        assert only_ticket() == visit.ticket

    def test_it_is_told_in_greek(self, as_alice: Browser, north: Cluster) -> None:
        from accounts import retelling

        enter(as_alice).is_over()
        detail = AuditEntry.objects.get(action="Console closed").detail
        assert any(pattern.fullmatch(detail) for pattern in retelling._sentences)


class TestTheOldProxy:
    """NOVNC_PROXY keeps its meaning: the line protocol of twisted_vncauthproxy, spoken with a stand-in of it."""

    @pytest.fixture
    def proxy(self, settings: Any, north: Cluster) -> Any:
        from tests.clusters.old_proxy import OldProxy

        with OldProxy() as proxy:
            settings.NOVNC_PROXY = f"127.0.0.1:{proxy.port}"
            yield proxy

    def test_the_answer_is_host_port_and_password(self, as_alice: Browser, proxy: Any) -> None:
        host, port, password = as_alice.post(WAY).json()
        assert (host, port) == ("127.0.0.1", 5961)
        line = proxy.lines[0]
        assert line.endswith(b"\r\n")
        asked = json.loads(line)
        assert asked == {"daddr": "192.0.2.1", "dport": 11000, "password": password, "ws": True, "tls": True}
        assert len(password) == 8
        assert not ConsoleTicket.objects.exists()

    def test_every_password_is_another(self, as_alice: Browser, proxy: Any) -> None:
        assert len({as_alice.post(WAY).json()[2] for _ in range(5)}) == 5

    def test_without_tls_the_proxy_is_told_so(self, as_alice: Browser, proxy: Any, settings: Any) -> None:
        settings.NOVNC_USE_TLS = False
        as_alice.post(WAY)
        assert json.loads(proxy.lines[0])["tls"] is False

    def test_the_page_s_policy_allows_the_proxy(self, as_alice: Browser, proxy: Any, settings: Any) -> None:
        assert "wss://127.0.0.1:*" in as_alice.get(PAGE).headers["Content-Security-Policy"]
        settings.NOVNC_USE_TLS = False
        assert " ws://127.0.0.1:*" in as_alice.get(PAGE).headers["Content-Security-Policy"]

    @pytest.mark.parametrize(
        "answer", [b"FAILED\r\n", b"FAIL: no port\r\n", b"", b"99999\r\n", b"0\r\n", b"\xff\n", b"9" * 5000]
    )
    def test_what_is_no_port_is_a_sentence_and_a_failure(self, as_alice: Browser, proxy: Any, answer: bytes) -> None:
        proxy.answer = answer
        refused = as_alice.post(WAY)
        assert refused.status_code == 503
        assert "does not let anybody through now" in refused.json()["error"]
        assert AuditEntry.objects.get().outcome == AuditEntry.Outcome.FAILED

    def test_a_proxy_that_is_away_is_one_too(self, as_alice: Browser, north: Cluster, settings: Any) -> None:
        settings.NOVNC_PROXY = "127.0.0.1:1"
        assert as_alice.post(WAY).status_code == 503

    def test_a_silent_one_is_not_waited_for_for_long(
        self, as_alice: Browser, proxy: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from apps.clusters.console import vncauthproxy

        monkeypatch.setattr(vncauthproxy, "PATIENCE", 0.1)
        proxy.answer = None
        assert as_alice.post(WAY).status_code == 503

    def test_rights_are_the_same(self, as_bob: Browser, as_charlie: Browser, proxy: Any) -> None:
        assert as_bob.post(WAY).status_code == 403
        assert as_charlie.post(WAY).status_code == 404
        assert proxy.lines == []

    def test_opening_is_in_the_history(self, as_alice: Browser, proxy: Any) -> None:
        as_alice.post(WAY)
        assert AuditEntry.objects.get().action == "Console opened"

    def test_our_own_process_lets_nobody_in(self, as_alice: Browser, north: Cluster, settings: Any) -> None:
        token = token_of(as_alice)
        settings.NOVNC_PROXY = "127.0.0.1:1"
        with pytest.raises(Ended):
            enter(as_alice, token)


def test_a_button_needs_no_look_at_nodes(people: Any, django_assert_num_queries: Any) -> None:
    from apps.clusters import fleet

    put_web()
    vm = fleet.find("north", "web.example.org")
    assert vm
    with django_assert_num_queries(0):
        assert screens.is_likely(vm)
