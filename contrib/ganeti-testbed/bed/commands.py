"""What a person types: see README.md, or "testbed --help"."""

import argparse
import concurrent.futures
import fcntl
import json
import os
import signal
from pathlib import Path
from typing import NoReturn

from .cluster import Cluster
from .fabric import Forward, be_the_fabric
from .machine import CLEAN_ENVIRONMENT, Failure, install, say
from .node import DAEMON_UTIL, Node, be_a_node
from .seeds import Spellings, seed

DEFAULT_STATE = "/var/tmp/ganeti-testbed"
PACKAGES = ["ganeti", "openssl", "util-linux", "iproute2"]
KVM_PACKAGES = ["qemu-system-x86"]
NO_TESTBED = 3


class Testbed:
    """The clusters that are written down in a state directory."""

    def __init__(self, state: Path) -> None:
        self.state = state.resolve()
        self.file = self.state / "testbed.json"
        if self.state.parts[1:2] in (("run",), ("srv",), ("proc",), ("sys",)):
            raise Failure(f"the nodes hide {self.state} behind their own; choose another directory")

    def clusters(self) -> list[Cluster]:
        if not self.file.exists():
            return []
        return [Cluster(self.state, **layout) for layout in json.loads(self.file.read_text())["clusters"]]

    def write_down(self, clusters: list[Cluster]) -> None:
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps({"clusters": [cluster.layout for cluster in clusters]}, indent=2))
        new.rename(self.file)

    def cluster(self, slug: str) -> Cluster:
        for cluster in self.clusters():
            if cluster.slug == slug:
                return cluster
        there = ", ".join(cluster.slug for cluster in self.clusters()) or "none"
        raise Failure(f"no cluster {slug} (there are: {there})")

    def node(self, where: str) -> tuple[Cluster, Node]:
        """The cluster and the node meant by "c1/node2"; "c1" alone means its master."""
        slug, _, name = where.partition("/")
        cluster = self.cluster(slug)
        return cluster, cluster.node(name) if name else cluster.master

    def facts(self) -> str:
        """What tests need to know, as JSON."""
        clusters = self.clusters()
        if not clusters:
            raise Failure(f"no testbed in {self.state}")
        return json.dumps({"state": str(self.state), "clusters": [cluster.facts() for cluster in clusters]}, indent=2)

    def lock(self) -> None:
        """Returns when no other command builds or removes here; held until this program ends."""
        while True:
            self.state.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.state, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                say("waiting for another testbed command")
                fcntl.flock(handle, fcntl.LOCK_EX)
            # The one we waited for may have removed the directory, and a third may have made it again
            if self.state.exists() and os.path.samestat(os.fstat(handle), self.state.stat()):
                return
            os.close(handle)


def up(bed: Testbed, asked: argparse.Namespace) -> None:
    bed.lock()
    wanted = clusters_asked_for(bed, asked)
    there = bed.clusters()
    if there and [cluster.layout for cluster in there] != [cluster.layout for cluster in wanted]:
        raise Failure(f'{bed.state} holds a testbed with another layout; run "down" first')
    install(PACKAGES + (KVM_PACKAGES if asked.hypervisor == "kvm" else []))
    bed.write_down(wanted)

    def bring_up(cluster: Cluster) -> str:
        try:
            cluster.up()
            seed(cluster, asked.seed, Spellings(asked.user_tag, asked.group_tag))
        except Failure as failure:
            return f"{cluster.slug}: {failure}"
        return ""

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        failures = [failure for failure in pool.map(bring_up, wanted) if failure]
    if failures:
        raise Failure("\n".join([*failures, f"the daemons' logs: {bed.state}/c*/node*/var-log-ganeti"]))
    print(bed.facts())


def clusters_asked_for(bed: Testbed, asked: argparse.Namespace) -> list[Cluster]:
    counts = [int(count) for count in asked.nodes.split(",")]
    counts += [counts[-1]] * (asked.clusters - len(counts))
    last = asked.first + asked.clusters - 1
    if not (1 <= asked.first <= last <= 250 and min(counts) >= 1 and max(counts) <= 80):
        raise Failure("clusters c1 to c250, with 1 to 80 nodes each")
    return [
        Cluster(bed.state, index, count, asked.base_port + index - 1, asked.hypervisor)
        for index, count in zip(range(asked.first, last + 1), counts, strict=False)
    ]


def down(bed: Testbed, asked: argparse.Namespace) -> None:
    bed.lock()
    ended = [cluster.down() for cluster in bed.clusters()]
    bed.file.unlink(missing_ok=True)
    if not any(bed.state.iterdir()):
        bed.state.rmdir()
    say("down" if any(ended) else "there was nothing to take down")


def status(bed: Testbed, asked: argparse.Namespace) -> int:
    """0 when all clusters are well, 1 when one is not, 3 when there is no testbed."""
    clusters = bed.clusters()
    if not clusters:
        print(f"no testbed in {bed.state}")
        return NO_TESTBED
    well = [cluster.is_up() for cluster in clusters]
    for cluster, is_well in zip(clusters, well, strict=True):
        print(f"{cluster.slug}  https://127.0.0.1:{cluster.port}  {'RAPI answers' if is_well else 'not well'}")
        for node in cluster.nodes:
            print(f"    {node.name:<28} {node.address:<12} {'runs' if node.runs() else 'is off'}")
    if all(well):
        print("\nTo add them:")
        print("\n".join(f"    {cluster.how_to_add_it()}" for cluster in clusters))
    return 0 if all(well) else 1


def env(bed: Testbed, asked: argparse.Namespace) -> None:
    print(bed.facts())


def execute(bed: Testbed, asked: argparse.Namespace) -> NoReturn:
    command = asked.command[1:] if asked.command[:1] == ["--"] else asked.command
    if not command:
        raise Failure("exec: no command given")
    words = bed.node(asked.where)[1].entrance() + command
    os.execvpe(words[0], words, CLEAN_ENVIRONMENT | {"TERM": os.environ.get("TERM", "dumb")})


def rapi(bed: Testbed, asked: argparse.Namespace) -> None:
    cluster = bed.cluster(asked.cluster)
    if asked.action in ("start", "stop"):
        cluster.master.command(DAEMON_UTIL, asked.action, "ganeti-rapi")
    else:
        signal_name = "STOP" if asked.action == "pause" else "CONT"
        cluster.master.shell(f"kill -{signal_name} $(cat /run/ganeti/ganeti-rapi.pid)")
    if asked.action in ("start", "resume"):
        cluster.wait_for_rapi()


def node(bed: Testbed, asked: argparse.Namespace) -> None:
    cluster, the_node = bed.node(asked.where)
    if asked.action == "stop":
        the_node.stop()
    elif the_node.start(cluster.fabric):
        the_node.command(DAEMON_UTIL, "start-all")
        if the_node is cluster.master:
            cluster.wait_for_rapi()


def crash(bed: Testbed, asked: argparse.Namespace) -> None:
    cluster = bed.cluster(asked.cluster)
    instance = cluster.rapi().ok("GET", f"/2/instances/{asked.instance}")
    cluster.node(instance["pnode"]).command("rm", "--", f"/run/ganeti/fake-hypervisor/{instance['name']}")


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="testbed", description="Real Ganeti clusters on this machine, for tests.")
    top.add_argument(
        "--state",
        type=Path,
        default=os.environ.get("GANETI_TESTBED_STATE", DEFAULT_STATE),
        help="directory of the testbed (default: %(default)s, or GANETI_TESTBED_STATE)",
    )
    verbs = top.add_subparsers(dest="verb", required=True)

    verb = verbs.add_parser("up", help="bring the clusters up, print what tests need as JSON")
    verb.add_argument("--clusters", type=int, default=2)
    verb.add_argument("--first", type=int, default=1, metavar="N", help="begin with cluster cN, for a second testbed")
    verb.add_argument("--nodes", default="5,2", help="nodes of each cluster (default: %(default)s)")
    verb.add_argument("--base-port", type=int, default=15080, help="RAPI port of c1 (default: %(default)s)")
    verb.add_argument("--hypervisor", choices=["fake", "kvm"], default="fake", help="kvm: QEMU, with VNC")
    verb.add_argument("--seed", type=int, default=0, metavar="N", help="make N instances with owners in every cluster")
    verb.add_argument("--user-tag", default=Spellings().user, help="default: %(default)s")
    verb.add_argument("--group-tag", default=Spellings().group, help="default: %(default)s")
    verb.set_defaults(run=up)

    verbs.add_parser("down", help="end the clusters and remove their files").set_defaults(run=down)
    verbs.add_parser("status", help="what runs, and how to add it to ganetimgr").set_defaults(run=status)
    verbs.add_parser("env", help="what tests need as JSON").set_defaults(run=env)

    verb = verbs.add_parser("exec", help="run a command on a node")
    verb.add_argument("where", help="c1 for its master, or c1/node2")
    verb.add_argument("command", nargs=argparse.REMAINDER)
    verb.set_defaults(run=execute)

    verb = verbs.add_parser("rapi", help="make RAPI refuse (stop, start) or hang (pause, resume)")
    verb.add_argument("action", choices=["stop", "start", "pause", "resume"])
    verb.add_argument("cluster")
    verb.set_defaults(run=rapi)

    verb = verbs.add_parser("node", help="switch a node off or on")
    verb.add_argument("action", choices=["stop", "start"])
    verb.add_argument("where", help="like c1/node3")
    verb.set_defaults(run=node)

    verb = verbs.add_parser("crash", help="end a running instance behind Ganeti's back: it becomes ERROR_down")
    verb.add_argument("cluster")
    verb.add_argument("instance")
    verb.set_defaults(run=crash)
    return top


def main(arguments: list[str]) -> int | str:
    """The exit status, or the sentence that says why it did not work."""
    os.umask(0o022)
    # The two kinds of process that stay are this program, too
    if arguments[:1] == ["_node"]:
        be_a_node(Path(arguments[1]), arguments[2])
    if arguments[:1] == ["_fabric"]:
        be_the_fabric(Path(arguments[1]), arguments[2], [Forward(*forward) for forward in json.loads(arguments[3])])
    asked = parser().parse_args(arguments)
    if os.geteuid() != 0:
        return "testbed: this needs root"
    # A person's Ctrl-C and a supervisor's SIGTERM end it alike
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return asked.run(Testbed(asked.state), asked) or 0
    except Failure as failure:
        return f"testbed: {failure}"
    except KeyboardInterrupt:
        return 130
