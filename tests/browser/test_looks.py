"""Every page in every state, wide and narrow, light and dark: nothing that axe finds, nothing cut off.

The pictures are for people: var/pictures-of-tests/.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from playwright.sync_api import Page, expect

from apps.demo.seed import user
from apps.demo.server import SimulatedGaneti
from apps.demo.world import SimulatedCluster
from tests.browser.conftest import PACE, People, ask_again, jobs_without_end
from tests.look.order import in_order_for_everybody
from tests.simulated import SimulatedSide
from tests.site.running import ROOT, Site

pytestmark = pytest.mark.browser

PICTURES = ROOT / "var" / "pictures-of-tests"
NO_ROOM = "Instance creation failed on node1: not enough memory, needed 4096 MiB, available 1830 MiB"

# state -> (whose page, its address, what it shows when it is complete)
STATES = {
    "sign-in": ("", "/user/login/", "h1:text('Sign in')"),
    "list": ("alice", "/", ".silent"),
    "list-of-nobody": ("charlie", "/", ".empty"),
    "list-nothing-found": ("alice", "/?q=no+such+vm", ".empty"),
    "list-filtered": ("alice", "/?status=attention", "[aria-current=true]:text('Needs attention')"),
    "list-of-helpdesk": ("bob", "/", "tbody tr:nth-child(50)"),
    "list-of-administrator": ("dora", "/?status=attention", "tbody tr"),
    "vm-running": ("alice", "/instances/north/mail.example.org/", ".status-ok"),
    "vm-stopped": ("alice", "/instances/north/test.example.org/", ".status-idle"),
    "vm-pending": ("alice", "/instances/north/www.example.org/", "#jobstrip li:has-text('Ganeti began')"),
    "vm-failed": ("alice", "/instances/south/www.example.org/", "#failure"),
    "vm-locked": ("alice", "/instances/south/backup.example.org/", ".tag:has-text('Locked')"),
    "vm-maintenance": ("alice", "/instances/south/lab.example.org/", ".tag:has-text('Maintenance')"),
    "vm-silent-cluster": ("alice", "/instances/east/archive.example.com/", "#silent-east"),
    "vm-read-only-cluster": ("alice", "/instances/attic/attic.example.org/", "#read-only-attic"),
    "vm-of-everybody": ("dora", "/instances/north/isolated.example.com/", ".tag:has-text('Isolated')"),
    "vm-history": ("alice", "/instances/south/www.example.org/history/", "#events .status-bad"),
    "history": ("alice", "/history/", "tbody .status-work"),
    "history-of-administrator": ("dora", "/history/", "tbody .status-bad"),
    "clusters": ("bob", "/cluster/detail/?sort=trouble", "tr.silent"),
    "cluster": ("dora", "/cluster/detail/?cluster=south", "#networks .netmap"),
    "cluster-silent": ("bob", "/cluster/detail/?cluster=east", "#troubles .icon-bad"),
    "nodes": ("bob", "/cluster/nodes/", "#silent-east"),
    "nodes-by-memory": ("bob", "/cluster/nodes/?sort=-memory&cluster=north", "tbody tr:nth-child(5)"),
    "nodes-none-found": ("bob", "/cluster/nodes/?q=no+such+node", ".empty"),
    "node": ("dora", "/cluster/nodes/north/node1.north.example.org/", "#secondary tbody tr"),
    "node-offline": ("bob", "/cluster/nodes/south/kvm4.south.example.net/", ".notice-warn"),
    "users": ("dora", "/user/list/", "tbody tr:nth-child(50)"),
    "users-found": ("bob", "/user/list/?q=example.org&state=idle", "tbody tr"),
    "users-nobody-found": ("bob", "/user/list/?q=no+such+person", ".empty"),
    "user": ("dora", "/user/info/user/alice/", "#silent-east"),
    "user-with-little": ("bob", "/user/info/user/charlie/", "#vms .empty"),
    "user-without-account": ("bob", "/user/info/user/user01/", ".notice:has-text('no such account')"),
    "groups": ("bob", "/user/groups/", "tbody tr"),
    "group": ("bob", "/user/info/group/noc/", "#vms tbody tr"),
    "idle-accounts": ("dora", "/user/idle/", "tbody tr:nth-child(50)"),
    "idle-accounts-nobody": ("dora", "/user/idle/?q=no+such+person", ".empty"),
    "apply": ("alice", "/application/apply/", "#system"),
    "my-applications": ("alice", "/application/mine/", "tbody tr:nth-child(2)"),
    "my-applications-none": ("bob", "/application/mine/", ".empty"),
    "application-with-a-question": ("alice", "/application/9001/", "#answer"),
    "application-failed": ("alice", "/application/9002/", ".notice-bad"),
    "application-rejected": ("alice", "/application/9003/again/", ".notice-warn"),
    "applications": ("dora", "/application/list/", "#waiting tbody tr:nth-child(2)"),
    "applications-none-found": ("dora", "/application/list/?q=no+such+thing", "#page .empty"),
    "application-review": ("dora", "/application/9001/review/", "tr.silent"),
    "application-review-failed": ("dora", "/application/9002/review/", ".notice-bad"),
    "application-for-oneself": ("dora", "/application/save/", "tr.silent"),
    "not-found": ("alice", "/instances/north/no-such-vm.example.org/", "h1:text('nothing here')"),
}


# Many accounts, some of which nobody has used for long, and a user with all that a page can say of one.
PEOPLE = """
import datetime
from django.contrib.auth.models import Group, User
from django.utils import timezone
from accounts.models import EmailChange, Organization, SshPublicKey, UserProfile
long_ago = timezone.now() - datetime.timedelta(days=700)
names = [("Eleni", "Papadopoulou"), ("Yannis", "Georgiou"), ("Maria", "Ioannou"), ("Kostas", "Dimitriou")]
User.objects.bulk_create(
    User(username=f"person{number:03}", email=f"person{number:03}@example.org", date_joined=long_ago,
         first_name=names[number % 4][0], last_name=names[number % 4][1], is_active=number % 9 > 0)
    for number in range(120))
Group.objects.get(name="noc").user_set.add(*User.objects.filter(username__startswith="person"))
alice = User.objects.get(username="alice")
alice.first_name, alice.last_name, alice.email = "Alice", "Liddell", "alice@example.org"
alice.save()
alice.groups.add(Group.objects.create(name="Ομάδα δικτύου"))
rivers = Organization.objects.create(title="Institute of Rivers")
UserProfile.objects.filter(user=alice).update(telephone="+30 210 0000000", organization=rivers)
EmailChange.objects.create(user=alice, email="alice@rivers.example.org")
SshPublicKey.objects.create(owner=alice, key_type="ssh-ed25519", key="AAAA", comment="alice@laptop",
    fingerprint="SHA256:uNiVztksCsDhcc0u9e8BrrQrmG3Wz2ZgqS0PDlJ1Nl8",
    fingerprint_md5="16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48")
from apps.applications.models import ApplicationEvent, InstanceApplication
for number, name, state in ((9001, "a-wiki-for-the-whole-institute.rivers.example.org", 100),
                            (9002, "broken.example.org", 104), (9003, "rejected.example.org", 106)):
    InstanceApplication.objects.create(
        pk=number, hostname=name, holds=name if state < 105 else None, status=state, memory=2048, vcpus=2,
        disk_size=10, operating_system="none", comments="For the rivers.", applicant=alice, organization=rivers,
        admin_comments="Say more." if state == 106 else "",
        backend_message="Disk creation failed on node1.north.example.org" if state == 104 else "")
    ApplicationEvent.objects.create(application_id=number, kind="filed", by=alice, by_name="alice")
ApplicationEvent.objects.create(application_id=9001, kind="question", by_name="dora", text="Which rivers?")
"""


@pytest.fixture(scope="module")
def estate(site: Site, clusters: dict[str, SimulatedSide]) -> Iterator[None]:
    """One VM in each state: pending, failed, locked, on a silent cluster, on one that may only be looked at."""
    alice = site.sign_in("alice")
    locked = clusters["south"].server.world.instances["backup.example.org"]
    with ExitStack() as afterwards:
        afterwards.enter_context(an_attic(site))
        site.manage("shell", "-v0", "-c", PEOPLE)
        clusters["south"].faults.failing_jobs = NO_ROOM
        afterwards.callback(setattr, clusters["south"].faults, "failing_jobs", "")
        alice.post("/instances/south/www.example.org/reboot/")
        locked.tags.append("ganetimgr:adminlock")
        afterwards.callback(locked.tags.remove, "ganetimgr:adminlock")
        afterwards.enter_context(jobs_without_end(clusters["north"]))
        alice.post("/instances/north/www.example.org/reboot/")
        afterwards.enter_context(clusters["east"].refusing())
        site.until(lambda: "East has not answered" in alice.text("/"), "the silent cluster to be noticed")
        yield
    ask_again(site, "east")
    site.until(lambda: "East has not answered" not in alice.text("/"), "the silent cluster to be back")


@contextmanager
def an_attic(site: Site) -> Iterator[None]:
    """A fourth cluster, whose account may only read."""
    world = SimulatedCluster("attic", domain="attic.example.org", pace=PACE)
    world.add_group("default")
    world.add_node("node1.attic.example.org", "default", role="M")
    world.add_instance("attic.example.org", "node1.attic.example.org", tags=user("alice"))
    with SimulatedGaneti([world]) as ganeti:
        site.add_cluster(SimulatedSide(ganeti["attic"]).endpoint("reader"), "Attic")
        yield
        site.manage("cluster", "remove", "attic")


def look_at(page: Page, name: str) -> None:
    """Pictures of the page in every size and theme, with which axe has to be content."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    in_order_for_everybody(page, PICTURES / name)


@pytest.mark.usefixtures("estate")
class TestEveryState:
    @pytest.mark.parametrize("state", STATES)
    def test_everybody_can_use_the_page(self, visit: People, state: str) -> None:
        who, path, complete = STATES[state]
        page = visit(who, path)
        expect(page.locator(complete).first).to_be_attached(timeout=20_000)
        look_at(page, state)

    @pytest.mark.parametrize("state", ["list", "vm-pending", "history"])
    def test_greeks_can_use_the_page(self, visit: People, state: str) -> None:
        who, path, _ = STATES[state]
        page = visit(who, path, locale="el-GR")
        expect(page.locator("html")).to_have_attribute("lang", "el")
        look_at(page, f"{state}-in-greek")

    def test_everybody_can_use_menus_and_dialogs(self, visit: People) -> None:
        page = visit("alice", "/?q=mail")
        page.get_by_role("button", name="More for mail.example.org").click()
        look_at(page, "menu")
        page.get_by_role("button", name="Reboot").click()
        expect(page.get_by_role("dialog")).to_be_visible()
        look_at(page, "dialog")

    def test_the_helpdesk_can_use_the_pop_up(self, visit: People) -> None:
        page = visit("dora", "/?q=isolated")
        page.get_by_role("link", name="More for isolated.example.com").click()
        expect(page.get_by_role("dialog").get_by_role("heading", name="isolated.example.com")).to_be_visible()
        look_at(page, "popup")
