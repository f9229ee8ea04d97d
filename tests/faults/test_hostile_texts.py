"""Nothing that Ganeti can send runs in anybody's browser: markup in every text is shown as text."""

import time
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse

from apps.audit import models as audit
from apps.audit.models import Actor
from apps.clusters import actions, following
from apps.clusters.models import Cluster, Job
from ganeti.errors import Failed, Refused
from ganeti.objects import Job as GanetiJob
from tests.contract.powers import watch_until
from tests.faults import scripted
from tests.faults.conftest import READERS, WELL_KNOWN, Estate, Markup, detail_of

pytestmark = pytest.mark.django_db

MARKUP = "'\"></td><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7|add:7 }}"
NAME = MARKUP.replace("/", "")  # a name with a slash is no name
KINDS = ("users", "groups", "service", "org", "vg", "whitelist_ip", "application", "anything")


def hostile_instance(name: str, status: str) -> dict[str, Any]:
    """Markup wherever Ganeti has a text."""
    texts = ("uuid", "pnode", "os", "hypervisor", "disk_template", "admin_state")
    lists = ("snodes", "nic.macs", "nic.ips", "nic.modes", "nic.links", "nic.networks.names", "nic.names", "disk.names")
    return {
        "name": name,
        "status": status,
        "tags": ["ganetimgr:users:alice", MARKUP, *(f"ganetimgr:{kind}:{MARKUP}" for kind in KINDS)],
        "beparams": {MARKUP: MARKUP, "maxmem": MARKUP},
        "hvparams": {MARKUP: MARKUP},
        "disk.sizes": [1024],
        **dict.fromkeys(texts, MARKUP),
        **{field: [MARKUP] for field in lists},
    }


@pytest.fixture
def north(people: Any) -> Cluster:
    """A cluster in which every text is markup."""
    row = Cluster.objects.create(slug="north", hostname="127.0.0.1", port=1, username="u", description="North")
    object_of_kind = {"name": NAME, "tags": [MARKUP], "uuid": MARKUP}
    connected = {"group_list": [[MARKUP, MARKUP, MARKUP]], "network": MARKUP, "gateway": MARKUP}
    head = scripted.collect(
        row,
        {
            **scripted.instances(hostile_instance(NAME, "running"), hostile_instance("vm.example.org", MARKUP)),
            **scripted.nodes({**object_of_kind, "role": MARKUP, "group": MARKUP, "pip": MARKUP}),
            "GET /2/groups": [{**object_of_kind, "node_list": [MARKUP], "alloc_policy": MARKUP}],
            "GET /2/networks": [{**object_of_kind, **connected}],
            "GET /2/info": dict.fromkeys(("name", "software_version", "master", "default_hypervisor"), MARKUP),
        },
    )
    assert (head.state, head.instance_count) == ("ok", 2)
    return row


def a_row(north: Cluster, people: Any, name: str, job_id: int) -> Job:
    entry = audit.record(Actor(people["alice"]), "Start", cluster="north", instance=name)
    return Job.objects.create(
        cluster=north,
        instance=name,
        kind=Job.Kind.STARTUP,
        state=Job.State.SUBMITTED,
        job_id=job_id,
        holds=Job.hold_on(north, name),
        requested_by=people["alice"],
        requester_name="alice",
        audit_entry=entry,
    )


def assert_nothing_runs(sign_in: Any, *paths: str) -> None:
    for reader in READERS:
        browser = sign_in(reader)
        for path in (*paths, "/", "/?sort=node&tag=%3Cscript%3E&q=%3Cimg", "/history/"):
            for headers in ({}, {"HX-Request": "true"}):
                response = browser.get(path, headers=headers)
                assert response.status_code == 200, path
                assert Markup(response.content.decode()).runs == [], f"{path} for {reader}"


def test_of_instances_and_of_all_that_they_are_made_of(sign_in: Any, north: Cluster) -> None:
    shown = sign_in("alice").get("/").content.decode()
    assert "&lt;img src=x onerror=alert(1)&gt;" in shown, "it is shown, as text"
    assert_nothing_runs(sign_in, detail_of("vm.example.org"), reverse("instance-detail", args=["north", NAME]))


def test_of_jobs_their_log_lines_and_their_failures(sign_in: Any, people: Any, north: Cluster) -> None:
    rows = [a_row(north, people, "vm.example.org", 7), a_row(north, people, NAME, 8)]
    line = [1, [int(time.time()), 0], "message", MARKUP]
    op = {"OP_ID": MARKUP, "instance_name": MARKUP, "reason": [[MARKUP, MARKUP, 1]]}
    about = {"ops": [op], "summary": [MARKUP], "oplog": [[line, [2, [253402300799, 0], MARKUP, {MARKUP: [MARKUP]}]]]}
    failed = {**about, "id": 7, "status": "error", "opstatus": ["error"], "opresult": [[MARKUP, [MARKUP, MARKUP]]]}
    odd = {**about, "id": 8, "status": MARKUP}

    class Queue:
        def jobs_by_id(self, ids: Any) -> dict[int, GanetiJob]:
            return {job.id: job for job in (GanetiJob.from_rapi(failed), GanetiJob.from_rapi(odd))}

    queue: Any = Queue()
    following.follow(rows, queue, {})
    assert Job.objects.get(job_id=7).error == MARKUP
    assert Job.objects.get(job_id=8).is_unfinished
    assert "alert(1)" in sign_in("alice").get(detail_of("vm.example.org")).content.decode()
    assert_nothing_runs(sign_in, detail_of("vm.example.org"))


def test_of_a_job_that_fails_on_its_whole_way(sign_in: Any, estate: Estate) -> None:
    estate.collect("north")
    estate.north.faults.failing_jobs = MARKUP
    sign_in("alice").post(f"{detail_of(WELL_KNOWN)}reboot/")
    watch_until(lambda: not Job.objects.unfinished().exists())
    assert_nothing_runs(sign_in, detail_of(WELL_KNOWN))


def test_of_a_refusal_to_a_click(sign_in: Any, north: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing:
        def __init__(self, endpoint: object) -> None: ...

        def startup_instance(self, name: str, *, reason: str) -> int:
            raise Refused("north", MARKUP)

    monkeypatch.setattr(actions, "Client", Refusing)
    alice: Browser = sign_in("alice")
    shown = alice.post(f"{detail_of('vm.example.org')}startup/", follow=True).content.decode()
    assert "North says: " in shown
    assert Markup(shown).runs == []
    script = {"X-Requested-With": "XMLHttpRequest"}
    answer = alice.post(f"{detail_of('vm.example.org')}startup/", headers=script)
    assert answer.json()["action"].endswith(MARKUP)
    assert answer["Content-Type"] == "application/json", "no browser takes it for a page"
    assert_nothing_runs(sign_in, detail_of("vm.example.org"))


def test_of_a_cluster_that_says_why_it_does_not_work(sign_in: Any, north: Cluster) -> None:
    scripted.collect(north, {"PUT /2/query/instance": Failed("north", MARKUP)})
    shown = sign_in("bob").get("/").content.decode()
    assert "does not answer as it should: &#x27;&quot;&gt;" in shown, "it is shown, as text"
    assert_nothing_runs(sign_in, detail_of("vm.example.org"))
