"""The applicant's pages: the form that loses nothing, my applications, and what becomes of one."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client as Browser

from accounts import profiles
from accounts.models import Organization, OutgoingMail, SshPublicKey
from apps.applications import decisions
from apps.applications.models import ApplicationEvent, Draft, InstanceApplication
from apps.audit.models import Actor
from apps.clusters.models import Job, Network
from tests import estate
from tests.applications.forms import APPLY, DRAFT, HOSTILE, MINE, TYPED, a_cluster

pytestmark = pytest.mark.django_db

Status = InstanceApplication.Status


def text(response: Any) -> str:
    return response.content.decode()


def errors(response: Any) -> dict[str, list[str]]:
    return {name: list(found) for name, found in response.context["form"].errors.items()}


def send(browser: Browser, **changes: Any) -> Any:
    return browser.post(APPLY, {name: value for name, value in {**TYPED, **changes}.items() if value is not None})


def filed(user: User, name: str = "new.example.org", **fields: Any) -> InstanceApplication:
    wanted = {
        "hostname": name, "memory": 1024, "vcpus": 1, "disk_size": 5, "operating_system": "debian", "comments": "x",
    }  # fmt: skip
    return decisions.file(Actor(user), {**wanted, **fields})


class TestTheForm:
    def test_a_good_one_is_filed_and_leads_to_its_page(self, as_alice: Browser) -> None:
        answer = send(as_alice)
        application = InstanceApplication.objects.get()
        assert answer.headers["Location"] == f"/application/{application.pk}/"
        assert (application.hostname, application.memory, application.vcpus) == ("new.example.org", 1024, 2)
        assert (application.disk_size, application.operating_system) == (10, "debian")

    def test_it_begins_with_what_the_profile_knows(self, as_alice: Browser, people: dict[str, User]) -> None:
        alice, library = people["alice"], Organization.objects.create(title="Library")
        User.objects.filter(pk=alice.pk).update(first_name="Alice", last_name="Liddell")
        profile = profiles.of(alice)
        profile.organization, profile.telephone = library, "+30 210"
        profile.save()
        page = text(as_alice.get(APPLY))
        assert 'value="Alice Liddell"' in page
        assert 'value="alice@example.org"' in page
        assert 'value="+30 210"' in page
        assert f'value="{library.pk}" selected' in page

    def test_what_the_profile_lacks_is_remembered(self, as_alice: Browser, people: dict[str, User]) -> None:
        send(as_alice)
        assert profiles.of(User.objects.get(username="alice")).telephone == "123"

    def test_sizes_are_the_sites(self, as_alice: Browser, settings: Any) -> None:
        settings.APPLICATION_MEMORY, settings.APPLICATION_VCPUS, settings.APPLICATION_DISK = [256], [7], (3, 4, 3)
        assert {"memory", "vcpus", "disk_size"} <= errors(send(as_alice)).keys()
        assert send(as_alice, memory="256", vcpus="7", disk_size="4").status_code == 302

    @pytest.mark.parametrize(
        ("name", "sentence"),
        [
            ("", "A host name is needed"),
            ("a" * 255, "at most 253"),
            (".".join(["a" * 60] * 5), "at most 253"),
            ("single", "with its domain"),
            ("a_b.example.org", "hyphens only"),
            ("Ω.example.org", "hyphens only"),
            ("192.0.2.1", "looks like an address"),
            (f"{HOSTILE}.org", "hyphens only"),
            ("a\r\nBcc: x@example.org", "hyphens only"),
            ("web.example.org", "a VM of this name already"),
        ],
    )
    def test_a_bad_name_gets_a_sentence_and_everything_typed_stays(
        self, as_alice: Browser, name: str, sentence: str
    ) -> None:
        estate.put("north", estate.instance("web.example.org"))
        answer = send(as_alice, hostname=name)
        assert sentence in errors(answer)["hostname"][0]
        page = text(answer)
        assert "A shop for shells." in page
        assert 'value="10"' in page
        assert HOSTILE not in page
        assert 'href="#id_hostname"' in page

    def test_the_second_browser_that_asks_for_a_name_gets_a_sentence(
        self, as_alice: Browser, as_charlie: Browser
    ) -> None:
        send(as_alice)
        answer = send(as_charlie, comments="Mine!")
        assert "already" in errors(answer)["hostname"][0]
        assert "Mine!" in text(answer)
        assert InstanceApplication.objects.count() == 1

    def test_two_that_were_both_found_good_are_told_apart_by_the_database(
        self, as_alice: Browser, as_charlie: Browser, monkeypatch: Any
    ) -> None:
        send(as_alice)
        monkeypatch.setattr("apps.applications.hostnames.taken", lambda name, but=None: "")  # as both had found
        answer = send(as_charlie, comments="Mine!")
        assert "already" in errors(answer)["hostname"][0]
        assert Draft.objects.get().fields["comments"] == "Mine!"

    def test_two_clicks_file_one_application(self, as_alice: Browser) -> None:
        first, second = send(as_alice), send(as_alice)
        assert first.headers["Location"] == second.headers["Location"]
        assert InstanceApplication.objects.count() == 1
        assert not Draft.objects.exists()

    @pytest.mark.parametrize("field", [field for field in TYPED if field != "accept_tos"])
    def test_hostile_text_in_any_field_is_escaped_and_never_breaks_the_page(
        self, as_alice: Browser, field: str
    ) -> None:
        answer = send(as_alice, **{"accept_tos": None, field: HOSTILE})
        assert answer.status_code == 200
        assert "<script>alert" not in text(answer)

    @pytest.mark.parametrize("field", TYPED)
    def test_a_nul_gets_no_further_than_the_form(self, as_alice: Browser, field: str) -> None:
        assert send(as_alice, **{field: "a\0b", "accept_tos": None}).status_code == 200

    @pytest.mark.parametrize("value", ["9" * 50, "-1", "0x1", "1 OR 1=1"])
    def test_a_number_of_nothing_is_no_choice(self, as_erik: Browser, value: str) -> None:
        Organization.objects.create(title="Library")
        network = Network.objects.create(cluster=estate.put("north"), description="n", link="l", mode="bridged")
        network.groups.add(Group.objects.get(name="noc"))
        assert set(errors(send(as_erik, organization=value, wanted_network=value, disk_size=value))) >= {
            "organization",
            "wanted_network",
            "disk_size",
        }

    def test_every_problem_is_told_above_the_form_with_a_way_there(self, as_alice: Browser) -> None:
        answer = send(as_alice, comments="", operating_system="", accept_tos=None)
        at = {problem["at"] for problem in answer.context["form"].problems}
        assert at == {"id_comments", "id_operating_system", "id_accept_tos"}
        page = text(answer)
        assert all(f'href="#{place}"' in page and f'id="{place}"' in page for place in at)

    def test_an_image_that_was_removed_meanwhile_is_a_sentence(self, as_alice: Browser) -> None:
        assert (
            "not in the catalogue any more"
            in errors(send(as_alice, operating_system="debian-9"))["operating_system"][0]
        )

    def test_the_terms_are_linked_where_the_site_has_them(self, as_alice: Browser, settings: Any) -> None:
        settings.BRANDING = {**settings.BRANDING, "TERMS_URL": "https://www.example.org/terms"}
        assert 'href="https://www.example.org/terms"' in text(as_alice.get(APPLY))


class TestWhoAnswersForIt:
    def branded(self, settings: Any, organization: bool, contact: bool) -> None:
        shown = {"SHOW_ORGANIZATION_FORM": organization, "SHOW_ADMINISTRATIVE_FORM": contact}
        settings.BRANDING = {**settings.BRANDING, **shown}

    def test_an_organisation_or_all_of_the_contact(self, as_alice: Browser) -> None:
        library = Organization.objects.create(title="Library")
        nobody = {"admin_contact_name": "", "admin_contact_email": "", "admin_contact_phone": ""}
        assert set(errors(send(as_alice, **nobody))) == set(nobody)
        assert send(as_alice, **nobody, organization=library.pk).status_code == 302

    def test_only_an_organisation(self, as_alice: Browser, settings: Any) -> None:
        Organization.objects.create(title="Library")
        self.branded(settings, True, False)
        assert list(errors(send(as_alice))) == ["organization"]

    def test_only_a_contact(self, as_alice: Browser, settings: Any) -> None:
        self.branded(settings, False, True)
        assert list(errors(send(as_alice, admin_contact_phone=""))) == ["admin_contact_phone"]

    def test_nobody_is_asked(self, as_alice: Browser, settings: Any) -> None:
        self.branded(settings, False, False)
        assert "Who answers for it" not in text(as_alice.get(APPLY))
        assert send(as_alice).status_code == 302


class TestNetworks:
    @pytest.fixture
    def nocs(self, people: dict[str, User]) -> Network:
        network = Network.objects.create(
            description="noc only", cluster=estate.put("north"), link="br0", mode="bridged"
        )
        network.groups.add(Group.objects.get(name="noc"))
        return network

    def test_that_of_ones_group_is_chosen_and_can_be_changed(self, as_erik: Browser, nocs: Network) -> None:
        page = text(as_erik.get(APPLY))
        assert f'value="{nocs.pk}" selected' in page
        assert "noc only on North" in page
        send(as_erik, wanted_network="")
        assert InstanceApplication.objects.get().wanted_network is None

    def test_others_are_not_asked_and_cannot_have_it(self, as_alice: Browser, nocs: Network) -> None:
        assert "noc only" not in text(as_alice.get(APPLY))
        send(as_alice, wanted_network=nocs.pk)
        assert InstanceApplication.objects.get().wanted_network is None

    def test_none_is_offered_where_no_vms_are_made(self, as_erik: Browser, nocs: Network) -> None:
        nocs.cluster.disable_instance_creation = True
        nocs.cluster.save()
        assert "noc only" not in text(as_erik.get(APPLY))


class TestSystems:
    def many(self, number: int) -> dict[str, Any]:
        families = ("Debian", "Ubuntu", "Rocky")
        found = {f"i{n}": {"description": f"{families[n % 3]} {n}", "provider": "noop"} for n in range(number)}
        return {**found, "alone": {"description": "Plan 9", "provider": "noop"}}

    def test_few_are_cards(self, as_alice: Browser) -> None:
        assert text(as_alice.get(APPLY)).count('type="radio"') == 2

    def test_many_are_a_list_in_groups_that_can_be_searched(self, as_alice: Browser, settings: Any) -> None:
        settings.OPERATING_SYSTEMS = self.many(500)
        page = text(as_alice.get(APPLY))
        assert page.count("<option") > 500
        assert page.count("<optgroup") == 3
        assert '<optgroup label="Debian"' in page
        assert 'data-finds="id_operating_system"' in page
        assert send(as_alice, operating_system="i499").status_code == 302

    def test_two_that_are_described_alike_are_told_apart(self, as_alice: Browser, settings: Any) -> None:
        settings.OPERATING_SYSTEMS = {name: {"description": "Debian", "provider": "noop"} for name in ("a", "b")}
        page = text(as_alice.get(APPLY))
        assert "Debian (a)" in page
        assert "Debian (b)" in page

    def test_none_at_all_is_said(self, as_alice: Browser, settings: Any) -> None:
        settings.OPERATING_SYSTEMS = {}
        assert "no system to choose from" in text(as_alice.get(APPLY))

    def test_who_has_no_key_is_warned_with_the_way_to_it(self, as_alice: Browser) -> None:
        page = text(as_alice.get(APPLY))
        assert page.count("data-takes-keys") == 1  # the system without keys is not marked
        assert "You have no SSH key here." in page
        assert 'href="/user/keys/"' in page

    def test_who_has_keys_reads_what_becomes_of_them(self, as_alice: Browser, people: dict[str, User]) -> None:
        SshPublicKey.objects.create(owner=people["alice"], key_type="ssh-ed25519", key="AAAA", fingerprint="SHA256:x")
        page = text(as_alice.get(APPLY))
        assert "Your SSH key is put in place" in page
        assert "You have no SSH key" not in page


class TestTheNameWhileItIsTyped:
    def said(self, browser: Browser, name: str) -> str:
        return text(browser.get("/application/hostname/", {"hostname": name}))

    def test_a_free_one_a_taken_one_and_a_wrong_one(self, as_charlie: Browser, people: dict[str, User]) -> None:
        estate.put("north", estate.instance("web.example.org"))
        filed(people["alice"], "asked.example.org")
        assert "Nothing speaks against" in self.said(as_charlie, " NEW.example.org. ")
        assert "a VM of this name already" in self.said(as_charlie, "web.example.org")
        assert "an application for a VM of this name" in self.said(as_charlie, "asked.example.org")
        assert "with its domain" in self.said(as_charlie, "web")
        assert self.said(as_charlie, "").strip() == ""

    @pytest.mark.parametrize("name", ["x" * 100_000, "a\0b.example.org", HOSTILE])
    def test_nonsense_is_answered_with_a_sentence(self, as_charlie: Browser, name: str) -> None:
        said = self.said(as_charlie, name)
        assert "error" in said
        assert "<script>" not in said


class TestDrafts:
    def test_what_is_typed_is_there_again_after_a_lost_session(self, as_alice: Browser) -> None:
        assert as_alice.post(DRAFT, {**TYPED, "comments": "half a sent"}).status_code == 204
        page = text(as_alice.get(APPLY))
        assert "half a sent" in page
        assert 'value="new.example.org"' in page
        assert "What you typed earlier is here again." in page

    def test_terms_and_tokens_are_not_kept(self, as_alice: Browser) -> None:
        as_alice.post(DRAFT, {**TYPED, "csrfmiddlewaretoken": "x", "evil": "y"})
        assert not {"accept_tos", "csrfmiddlewaretoken", "evil"} & Draft.objects.get().fields.keys()

    def test_a_form_with_problems_is_kept_too(self, as_alice: Browser) -> None:
        send(as_alice, accept_tos=None)
        assert Draft.objects.get().fields["comments"] == "A shop for shells."

    def test_filing_ends_it(self, as_alice: Browser) -> None:
        as_alice.post(DRAFT, TYPED)
        send(as_alice)
        assert not Draft.objects.exists()

    def test_one_can_start_afresh(self, as_alice: Browser) -> None:
        as_alice.post(DRAFT, TYPED)
        assert as_alice.post(DRAFT, {"afresh": "1"}).headers["Location"] == APPLY
        assert "What you typed earlier" not in text(as_alice.get(APPLY))

    def test_nobody_sees_that_of_another(self, as_alice: Browser, as_charlie: Browser) -> None:
        as_alice.post(DRAFT, TYPED)
        assert "A shop for shells." not in text(as_charlie.get(APPLY))

    @pytest.mark.parametrize(
        "fields",
        [
            None,
            [],
            ["hostname"],
            "text",
            7,
            {"hostname": {"a": 1}, "memory": [1], "organization": "x", "wanted_network": "1 OR 1"},
            {"hostname": HOSTILE, "memory": HOSTILE, "disk_size": HOSTILE, "organization": "9" * 50, "comments": "\0"},
            {"hosts_mail_server": False, "operating_system": None, "user": "dora", "__class__": "x"},
        ],
    )
    def test_one_with_odd_contents_never_breaks_the_page(
        self, as_erik: Browser, people: dict[str, User], fields: Any
    ) -> None:
        Organization.objects.create(title="Library")
        Draft.objects.create(user=people["erik"], fields=fields if fields is not None else {})
        answer = as_erik.get(APPLY)
        assert answer.status_code == 200
        assert "<script>alert" not in text(answer)

    def test_one_that_is_too_long_is_not_kept(self, as_alice: Browser) -> None:
        assert as_alice.post(DRAFT, {**TYPED, "comments": "x" * 60_000}).status_code == 413
        assert not Draft.objects.exists()

    def test_that_of_an_application_sent_again_is_for_it_alone(
        self, as_alice: Browser, people: dict[str, User]
    ) -> None:
        application = filed(people["alice"])
        decisions.withdraw(application, Actor(people["alice"]))
        address = f"/application/{application.pk}/again/"
        as_alice.post(DRAFT, {**TYPED, "comments": "better", "again": str(application.pk)})
        assert "better" not in text(as_alice.get(APPLY))
        assert "better" in text(as_alice.get(address))
        gone = as_alice.post(DRAFT, {"afresh": "1", "again": str(application.pk)})
        assert gone.headers["Location"] == address


class TestMyApplications:
    def test_nothing_yet_leads_to_the_form(self, as_alice: Browser) -> None:
        page = text(as_alice.get(MINE))
        assert "You have not applied for a VM yet" in page
        assert f'href="{APPLY}"' in page

    def test_one_sees_ones_own_with_their_state(self, as_alice: Browser, people: dict[str, User]) -> None:
        filed(people["alice"], "mine.example.org")
        filed(people["charlie"], "his.example.org")
        page = text(as_alice.get(MINE))
        assert "mine.example.org" in page
        assert "his.example.org" not in page
        assert "Waiting for a decision" in page

    def test_many_cost_no_more_queries_than_one(
        self, as_alice: Browser, people: dict[str, User], django_assert_max_num_queries: Any
    ) -> None:
        for number in range(60):
            filed(people["alice"], f"vm{number}.example.org")
        with django_assert_max_num_queries(14):
            page = text(as_alice.get(MINE))
        assert page.count('class="name"') == 50
        assert "page=2" in page

    @pytest.mark.parametrize("path", ["/", "/application/mine/"])
    def test_the_way_to_the_form_is_found(self, as_charlie: Browser, path: str) -> None:
        estate.put("north", estate.instance("web.example.org"))
        assert f'href="{APPLY}"' in text(as_charlie.get(path))

    def test_owners_find_it_above_their_vms(self, as_alice: Browser) -> None:
        estate.put("north", estate.instance("web.example.org"))
        assert f'href="{APPLY}"' in text(as_alice.get("/"))


class TestOneApplication:
    @pytest.fixture
    def application(self, people: dict[str, User]) -> InstanceApplication:
        return filed(people["alice"])

    def page(self, browser: Browser, application: InstanceApplication) -> str:
        return text(browser.get(f"/application/{application.pk}/"))

    @pytest.mark.parametrize("status", Status)
    def test_every_state_is_told_in_plain_words(
        self, as_alice: Browser, application: InstanceApplication, status: Status
    ) -> None:
        InstanceApplication.objects.update(status=status)
        answer = as_alice.get(f"/application/{application.pk}/")
        assert answer.status_code == 200
        assert (">Withdraw<" in text(answer)) == (status == Status.PENDING)
        assert ("Change and send again" in text(answer)) == (status in (Status.REFUSED, Status.WITHDRAWN))

    def test_it_is_withdrawn_while_it_waits(self, as_alice: Browser, application: InstanceApplication) -> None:
        as_alice.post(f"/application/{application.pk}/withdraw/")
        application.refresh_from_db()
        assert application.status == Status.WITHDRAWN
        page = text(as_alice.post(f"/application/{application.pk}/withdraw/", follow=True))
        assert "Meanwhile" in page

    def test_a_question_is_read_and_answered_where_it_stands(
        self, as_alice: Browser, application: InstanceApplication, people: dict[str, User]
    ) -> None:
        decisions.ask(application, Actor(people["dora"]), "Why <b>so</b> big?")
        page = self.page(as_alice, application)
        assert "Why &lt;b&gt;so&lt;/b&gt; big?" in page
        as_alice.post(f"/application/{application.pk}/answer/", {"text": "It has many shells."})
        assert [event.kind for event in application.events.all()] == ["filed", "question", "answer"]
        page = self.page(as_alice, application)
        assert "It has many shells." in page
        assert 'id="answer"' not in page
        assert OutgoingMail.objects.get(occasion="application_answer").recipient == "dora@example.org"

    def test_an_empty_answer_gets_a_sentence(
        self, as_alice: Browser, application: InstanceApplication, people: dict[str, User]
    ) -> None:
        decisions.ask(application, Actor(people["dora"]), "Why?")
        answer = as_alice.post(f"/application/{application.pk}/answer/", {"text": " "})
        assert "text" in answer.context["form"].errors

    def test_an_answer_that_comes_too_late_is_told_and_kept(
        self, as_alice: Browser, application: InstanceApplication, people: dict[str, User]
    ) -> None:
        decisions.ask(application, Actor(people["dora"]), "Why?")
        decisions.refuse(application, Actor(people["dora"]), "Too slow.")
        page = text(as_alice.post(f"/application/{application.pk}/answer/", {"text": "Because I can."}))
        assert "Because I can." in page
        assert "rejected by dora" in page

    def test_a_rejected_one_is_changed_and_sent_again(
        self, as_alice: Browser, application: InstanceApplication, people: dict[str, User]
    ) -> None:
        decisions.change(application, Actor(people["dora"]), {"memory": 16384, "disk_size": 200})
        decisions.refuse(application, Actor(people["dora"]), "Say more.")
        address = f"/application/{application.pk}/again/"
        page = text(as_alice.get(address))
        assert "Say more." in page
        assert 'value="16384" selected' in page  # what a reviewer gave is not taken away by the form
        answer = as_alice.post(address, {**TYPED, "memory": "16384", "disk_size": "200", "comments": "More."})
        assert answer.status_code == 302
        application.refresh_from_db()
        assert (application.status, application.comments, application.memory) == (Status.PENDING, "More.", 16384)

    def test_sent_again_for_a_name_that_is_taken_meanwhile_loses_nothing(
        self, as_alice: Browser, application: InstanceApplication, people: dict[str, User]
    ) -> None:
        decisions.withdraw(application, Actor(people["alice"]))
        filed(people["charlie"], application.hostname)
        answer = as_alice.post(f"/application/{application.pk}/again/", {**TYPED, "comments": "Mine!"})
        assert "already" in errors(answer)["hostname"][0]
        assert "Mine!" in text(answer)

    def test_progress_is_live_with_ganetis_log_lines(self, as_alice: Browser, application: InstanceApplication) -> None:
        log = [[1.0, "* creating instance <disks>..."]]
        job = Job.objects.create(
            cluster=estate.put("north"), instance="new.example.org", kind=Job.Kind.CREATE, state="submitted",
            holds="x", job_id=7, log=log,
        )  # fmt: skip
        InstanceApplication.objects.update(status=Status.SUBMITTED, job=job)
        page = self.page(as_alice, application)
        assert "creating instance &lt;disks&gt;" in page
        assert "data-live" in page
        Job.objects.update(holds=None, state="failed")
        InstanceApplication.objects.update(status=Status.FAILED, backend_message="not enough <memory>")
        page = self.page(as_alice, application)
        assert "data-live" not in page
        assert "not enough" not in page, "what Ganeti prints is for administrators"

    def test_the_vm_is_linked_as_long_as_it_is_there(self, as_alice: Browser, application: InstanceApplication) -> None:
        row = estate.put("north", estate.instance("new.example.org"))
        job = Job.objects.create(cluster=row, instance="new.example.org", kind=Job.Kind.CREATE, state="succeeded")
        InstanceApplication.objects.update(status=Status.SUCCESS, job=job)
        assert 'href="/instances/north/new.example.org/"' in self.page(as_alice, application)
        estate.put("north")
        page = self.page(as_alice, application)
        assert 'href="/instances/north/new.example.org/"' not in page
        assert "not among the VMs any more" in page

    def test_the_history_of_both_sides_is_escaped(self, as_alice: Browser, application: InstanceApplication) -> None:
        for kind in ApplicationEvent.Kind:
            ApplicationEvent.objects.create(application=application, kind=kind, by_name=HOSTILE, text=HOSTILE)
        page = self.page(as_alice, application)
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page

    def test_what_is_internal_is_not_shown(self, as_alice: Browser, application: InstanceApplication) -> None:
        ApplicationEvent.objects.create(application=application, kind="changed", text="between us", is_internal=True)
        assert "between us" not in self.page(as_alice, application)


class TestMails:
    def test_a_name_with_line_breaks_adds_no_header(self, people: dict[str, User]) -> None:
        evil = User.objects.create(username="eve\r\nBcc: all@example.org", email="eve@example.org")
        application = filed(evil, comments="x\r\nBcc: all@example.org")
        decisions.ask(application, Actor(people["dora"]), "Why?\r\nBcc: all@example.org")
        for mail in OutgoingMail.objects.all():
            assert "\n" not in mail.subject
            assert "\r" not in mail.subject
            assert "all@example.org" not in mail.recipient


def test_a_cluster_that_dies_between_form_and_submit_does_not_stop_anybody(as_alice: Browser) -> None:
    a_cluster()
    as_alice.get(APPLY)
    a_cluster(state="unreachable")
    assert send(as_alice).status_code == 302
