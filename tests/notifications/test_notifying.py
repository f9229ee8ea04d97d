"""Writing to owners: whom it goes to, what each reads, each once, and what became of it."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client as Browser

from accounts import sending as mailing
from accounts.models import OutgoingMail
from apps.audit.models import AuditEntry
from apps.clusters.models import Renaming
from apps.notifications import recipients, sending
from apps.notifications.models import Notification, Recipient
from ganeti.objects import Node
from ganetimgr.worker import CHORES
from tests import estate

pytestmark = pytest.mark.django_db

URL = "/notifications/"
WEB, DB, LAB = "web.example.org", "db.example.org", "lab.example.org"


@pytest.fixture
def vms(people: dict[str, User]) -> None:
    estate.put(
        "north",
        estate.instance(WEB, pnode="node1"),
        estate.instance(DB, owners=("user:alice", "groups:noc"), pnode="node2"),
        estate.instance("old.example.org", owners=("users:nobody",), pnode="node2"),
        nodes=(Node(name="node1", role="M", group="default"), Node(name="node2", role="C", group="rack2")),
    )
    estate.put("south", estate.instance(WEB, "south", owners=("users:charlie",)))


def write(browser: Browser, *ids: str, expected: int, **fields: str) -> Any:
    letter = {"subject": "Maintenance", "message": "Yours:\n{{ instances }}", "action": "send", **fields}
    return browser.post(URL, {"recipient": ids, "expected": expected, **letter})


def deliver() -> list[tuple[str, str]]:
    """Has the watcher's chore work: (address, text) of each mail that is in the outbox then."""
    sending.work()
    return sorted(OutgoingMail.objects.filter(occasion="notification").values_list("recipient", "text"))


class TestWhomItGoesTo:
    @pytest.mark.parametrize(
        ("chosen", "names"),
        [
            (f"i_north/{WEB}", ["alice"]),
            (f"i_north/{DB}", ["alice", "erik"]),
            ("n_north/node1", ["alice"]),
            ("ng_north/default", ["alice"]),
            ("n_north/node2", ["alice", "erik"]),
        ],
    )
    def test_owners_of_vms_and_nodes(self, vms: None, chosen: str, names: list[str]) -> None:
        assert [person.name for person in recipients.resolve([chosen]).people] == names

    def test_owners_on_a_cluster(self, vms: None) -> None:
        view = next(view for view, _ in recipients.fleet.snapshots() if view.slug == "north")
        found = recipients.resolve([f"c_{view.pk}"])
        assert [person.name for person in found.people] == ["alice", "erik"]
        assert [vm.name for vm in found.without_address] == ["old.example.org"]

    def test_people_and_members_of_groups(self, vms: None, people: dict[str, User]) -> None:
        group = Group.objects.get(name="noc")
        found = recipients.resolve([f"u_{people['charlie'].pk}", f"g_{group.pk}"])
        assert [person.name for person in found.people] == ["charlie", "erik"]

    def test_equal_names_on_two_clusters_are_two_vms(self, vms: None) -> None:
        assert [person.name for person in recipients.resolve([f"i_south/{WEB}"]).people] == ["charlie"]

    def test_each_address_once_with_all_its_vms(self, vms: None, people: dict[str, User]) -> None:
        people["erik"].email = "ALICE@example.org"
        people["erik"].save()
        (person,) = recipients.resolve([f"i_north/{WEB}", f"i_north/{DB}", f"u_{people['alice'].pk}"]).people
        assert sorted(vm.name for vm in person.vms) == [DB, WEB]

    def test_whoever_is_switched_off_or_has_no_address_is_named(self, vms: None, people: dict[str, User]) -> None:
        User.objects.filter(username="charlie").update(is_active=False)
        User.objects.filter(username="erik").update(email="")
        found = recipients.resolve([f"u_{people['charlie'].pk}", f"u_{people['erik'].pk}"])
        assert (found.people, sorted(found.unreachable)) == ([], ["charlie", "erik"])

    def test_owners_under_a_name_that_is_being_rewritten_get_it_too(self, vms: None) -> None:
        User.objects.filter(username="alice").update(username="alicia")
        Renaming.objects.create(kind="user", old="alice", new="alicia", holds="user:alice")
        assert [person.name for person in recipients.resolve([f"i_north/{WEB}"]).people] == ["alicia"]

    def test_what_is_not_there_is_left_out_and_counted(self, vms: None) -> None:
        wrong = ["i_north/gone.example.org", "n_north/node9", "u_999999", "g_999", "c_999", "u_x", "rubbish", "i_", ""]
        found = recipients.resolve(wrong)
        assert (found.people, found.choices, found.gone) == ([], [], wrong)

    def test_questions_do_not_grow_with_what_is_chosen(
        self, people: dict[str, User], django_assert_max_num_queries: Any
    ) -> None:
        names = [f"user{number}" for number in range(300)]
        User.objects.bulk_create(User(username=name, email=f"{name}@example.org") for name in names)
        many = [estate.instance(f"{name}.example.org", owners=(f"users:{name}",)) for name in names]
        estate.put("north", *many)
        view = next(view for view, _ in recipients.fleet.snapshots())
        with django_assert_max_num_queries(6):
            assert len(recipients.resolve([f"c_{view.pk}"]).people) == 300


class TestFinding:
    @pytest.mark.parametrize(
        ("kind", "words", "texts"),
        [
            ("vm", "web.ex", [WEB, WEB]),
            ("user", "ali", ["alice"]),
            ("user", "ALICE@example", ["alice"]),
            ("group", "no", ["noc"]),
            ("cluster", "nor", ["north"]),
            ("vm", "w", []),
            ("nothing", "web", []),
        ],
    )
    def test_by_part_of_a_name(self, vms: None, kind: str, words: str, texts: list[str]) -> None:
        assert [choice.text for choice in recipients.search(kind, words)] == texts

    def test_it_scales(self, people: dict[str, User], django_assert_num_queries: Any) -> None:
        User.objects.bulk_create(User(username=f"user{n}", email=f"user{n}@example.org") for n in range(2000))
        with django_assert_num_queries(1):
            assert len(recipients.search("user", "user")) == recipients.MOST_FOUND

    def test_scripts_get_the_keys_that_they_know(self, vms: None, as_bob: Browser, people: dict[str, User]) -> None:
        answer = as_bob.get(f"{URL}usergrps/?type=user&q=alice").json()
        pk = people["alice"].pk
        assert answer == [{"id": f"u_{pk}", "text": "alice", "type": "user", "email": "alice@example.org"}]
        assert as_bob.get(f"{URL}usergrps/").status_code == 400

    def test_a_click_adds_and_another_takes_away(self, vms: None, as_bob: Browser) -> None:
        page = as_bob.post(URL, {"kind": "vm", "q": "web", "subject": "S", "message": "kept"}).content.decode()
        assert f'name="add" value="i_south/{WEB}"' in page
        page = as_bob.post(URL, {"add": f"i_south/{WEB}", "message": "kept"}).content.decode()
        assert f'name="recipient" value="i_south/{WEB}"' in page
        assert "1 person will get it" in page
        assert "kept" in page
        page = as_bob.post(URL, {"recipient": f"i_south/{WEB}", "remove": f"i_south/{WEB}"}).content.decode()
        assert "0 people will get it" in page

    def test_from_a_vms_page_its_owners_are_chosen(self, vms: None, as_bob: Browser) -> None:
        page = as_bob.get(f"{URL}{WEB}/?cluster=north").content.decode()
        assert f'name="recipient" value="i_north/{WEB}"' in page

    def test_a_name_that_two_clusters_have_is_asked_about(self, vms: None, as_bob: Browser) -> None:
        page = as_bob.get(f"{URL}{WEB}/").content.decode()
        assert "Several clusters have a VM of this name" in page
        assert 'name="recipient"' not in page

    def test_a_vm_that_is_not_there_is_a_404(self, vms: None, as_bob: Browser) -> None:
        assert as_bob.get(f"{URL}gone.example.org/").status_code == 404


class TestSending:
    def test_each_owner_reads_their_own_vms(self, vms: None, as_bob: Browser) -> None:
        assert write(as_bob, "n_north/node1", "n_north/node2", expected=2).status_code == 302
        (_, alices), (_, eriks) = deliver()
        assert f"- {WEB}\n- {DB}" in alices
        assert f"- {DB}" in eriks
        assert WEB not in eriks

    def test_it_is_in_the_history(self, vms: None, as_bob: Browser) -> None:
        write(as_bob, f"i_north/{WEB}", expected=1)
        entry = AuditEntry.objects.get()
        assert (entry.action, entry.detail, entry.requester_name) == ("Notification sent", "Maintenance (1)", "bob")

    def test_the_same_form_twice_is_one_notification(self, vms: None, as_bob: Browser) -> None:
        for _ in range(2):
            write(as_bob, f"i_north/{WEB}", expected=1, token="a" * 32)
        assert Notification.objects.count() == 1
        assert len(deliver()) == 1

    def test_whoever_is_killed_between_leaves_nobody_out_and_nobody_twice(
        self, vms: None, as_bob: Browser, monkeypatch: Any
    ) -> None:
        write(as_bob, f"i_north/{DB}", expected=2)

        def dies(*arguments: Any, **more: Any) -> None:
            raise KeyboardInterrupt

        first = Recipient.objects.order_by("pk").first()
        assert first is not None
        assert sending._write(first)
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(sending.outbox, "post", dies)
            sending.write_due()
        assert [address for address, _ in deliver()] == ["alice@example.org", "erik@example.org"]
        assert not sending.write_due()
        assert len(deliver()) == 2

    def test_one_that_cannot_be_written_keeps_no_other_waiting(self, vms: None, as_bob: Browser) -> None:
        write(as_bob, f"i_north/{DB}", expected=2)
        Recipient.objects.filter(name="alice").update(instances=["damaged"])
        assert [address for address, _ in deliver()] == ["erik@example.org"]
        assert Recipient.objects.get(name="alice").outcome == "failed"

    def test_recipients_that_changed_meanwhile_are_shown_first(self, vms: None, as_bob: Browser) -> None:
        response = write(as_bob, f"i_north/{DB}", expected=1)
        assert response.status_code == 422
        assert "Meanwhile it is 2 people" in response.content.decode()
        assert not Notification.objects.exists()

    @pytest.mark.parametrize(
        ("fields", "sentence"),
        [
            ({"subject": ""}, "This field is required."),
            ({"subject": "x" * 101}, "at most 100 characters"),
            ({"message": "  \n "}, "There is nothing in it yet."),
            ({"message": "{{ settings }}"}, "means nothing here"),
            ({"message": "x" * 10_001}, "at most 10000 characters"),
        ],
    )
    def test_what_cannot_be_sent_is_said_at_the_field_and_kept(
        self, vms: None, as_bob: Browser, fields: dict[str, str], sentence: str
    ) -> None:
        response = write(as_bob, f"i_north/{WEB}", expected=1, **fields)
        page = response.content.decode()
        assert response.status_code == 422
        assert sentence in page
        assert f'value="i_north/{WEB}"' in page
        assert not Notification.objects.exists()

    def test_a_subject_adds_no_header(self, vms: None, as_bob: Browser) -> None:
        write(as_bob, f"i_north/{WEB}", expected=1, subject="Hello\r\nBcc: everybody@example.org")
        deliver()
        assert OutgoingMail.objects.get().subject == "[ganetimgr] Hello Bcc: everybody@example.org"

    def test_nobody_is_nobody(self, vms: None, as_bob: Browser) -> None:
        assert "Nobody would get it" in write(as_bob, expected=0).content.decode()

    def test_only_to_me_keeps_nothing(self, vms: None, as_bob: Browser) -> None:
        write(as_bob, f"i_north/{WEB}", expected=1, action="send-to-me")
        assert not Notification.objects.exists()
        mail = OutgoingMail.objects.get()
        assert mail.recipient == "bob@example.org"
        assert f"- {WEB}" in mail.text

    def test_the_preview_is_what_the_person_reads(self, vms: None, as_bob: Browser) -> None:
        fields = {"recipient": ["n_north/node1", "n_north/node2"], "show": "erik", "message": "<b>{{ instances }}"}
        page = as_bob.post(URL, fields).content.decode()
        assert "As erik will read it" in page
        assert f"&lt;b&gt;- {DB}" in page

    def test_the_watcher_does_it(self) -> None:
        assert sending.work in [chore.work for chore in CHORES]


class TestArchive:
    @pytest.fixture
    def sent(self, vms: None, as_bob: Browser) -> Notification:
        write(as_bob, f"i_north/{DB}", expected=2)
        return Notification.objects.get()

    def address(self, row: Notification) -> str:
        return f"{URL}archive/{row.pk}/"

    def test_says_who_has_it_and_who_cannot_be_reached(self, sent: Notification, as_dora: Browser) -> None:
        deliver()
        OutgoingMail.objects.filter(recipient="alice@example.org").update(state="sent")
        OutgoingMail.objects.filter(recipient="erik@example.org").update(
            state="failed", last_error="550 no such <mailbox>"
        )
        sending.work()
        page = as_dora.get(self.address(sent)).content.decode()
        assert "550 no such &lt;mailbox&gt;" in page
        assert sorted(Recipient.objects.values_list("name", "outcome")) == [("alice", "sent"), ("erik", "failed")]

    def test_knows_it_still_when_the_outbox_has_forgotten(self, sent: Notification, as_dora: Browser) -> None:
        deliver()
        OutgoingMail.objects.update(state="sent")
        sending.work()
        OutgoingMail.objects.all().delete()
        assert deliver() == [], "nobody gets it once more"
        assert set(Recipient.objects.values_list("outcome", flat=True)) == {"sent"}

    def test_renews_itself_until_all_is_said(self, sent: Notification, as_dora: Browser) -> None:
        assert "data-live" in as_dora.get(self.address(sent)).content.decode()
        deliver()
        OutgoingMail.objects.update(state="sent")
        sending.work()
        assert "data-live" not in as_dora.get(self.address(sent)).content.decode()

    def test_is_for_those_who_may_view_it(self, sent: Notification, as_bob: Browser, people: dict[str, User]) -> None:
        assert as_bob.get(self.address(sent)).status_code == 403
        assert self.address(sent) not in as_bob.get(URL).content.decode()
        permission = Permission.objects.get(content_type__app_label="notifications", codename="can_view_notif")
        people["bob"].user_permissions.add(permission)
        assert as_bob.get(self.address(sent)).status_code == 200
        assert self.address(sent) in as_bob.get(URL).content.decode()

    def test_mails_really_leave(self, sent: Notification, settings: Any, mailoutbox: list[Any]) -> None:
        sending.work()
        mailing.send_due()
        sending.work()
        assert sorted(mail.to[0] for mail in mailoutbox) == ["alice@example.org", "erik@example.org"]
        assert set(Recipient.objects.values_list("outcome", flat=True)) == {"sent"}


@pytest.mark.parametrize("who", ["alice", "charlie", "erik"])
def test_owners_write_to_nobody(sign_in: Any, who: str, vms: None) -> None:
    assert write(sign_in(who), f"i_north/{WEB}", expected=1).status_code == 403
    assert not Notification.objects.exists()
