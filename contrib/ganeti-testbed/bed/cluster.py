"""Nodes that form one Ganeti cluster, and its way from nothing to ready."""

from __future__ import annotations

import concurrent.futures
import hashlib
import shutil
import ssl
from pathlib import Path
from typing import Any

from .fabric import Fabric, Forward
from .machine import Failure, remove_directory, run, say, wait_for
from .node import DAEMON_UTIL, Node
from .rapi import Rapi
from .systems import SYSTEMS

DOMAIN = "ganeti.example"
RAPI_PORT = 5080
USERS = {"ganetimgr": ("testbed", "write"), "reader": ("reader", "read"), "guest": ("guest", "")}

KVM_PARAMETERS = (
    "kvm:kvm_path=/usr/bin/qemu-system-x86_64,kernel_path=,initrd_path=,serial_console=false,vnc_bind_address=0.0.0.0"
)
# Ganeti counts VNC ports up from here; these are passed on from the machine's loopback interface
VNC_PORTS = range(11000, 11032)

SSHD_CONFIG = """\
Port 22
HostKey /etc/ssh/ssh_host_rsa_key
AuthorizedKeysFile /etc/ssh/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
StrictModes no
PidFile /run/sshd.pid
Subsystem sftp internal-sftp
"""
SSH_CONFIG = """\
Host *
    IdentityFile /etc/ssh/login_key
    IdentitiesOnly yes
    LogLevel ERROR
"""


class Cluster:
    def __init__(self, state: Path, index: int, nodes: int, port: int, hypervisor: str = "fake") -> None:
        self.index = index
        self.port = port
        self.hypervisor = hypervisor
        self.slug = f"c{index}"
        self.domain = f"{self.slug}.{DOMAIN}"
        self.name = f"cluster.{self.domain}"
        self.directory = state / self.slug
        self.certificate = self.directory / "rapi-cert.pem"
        self.fabric = Fabric(self.directory)
        self.nodes = [
            Node(self.directory, self.domain, number, self.address(10 + number)) for number in range(1, nodes + 1)
        ]

    @property
    def layout(self) -> dict[str, Any]:
        """What makes this cluster again: the arguments of its constructor."""
        return {"index": self.index, "nodes": len(self.nodes), "port": self.port, "hypervisor": self.hypervisor}

    @property
    def master(self) -> Node:
        return self.nodes[0]

    @property
    def groups(self) -> list[str]:
        return list(dict.fromkeys(node.group for node in self.nodes))

    def node(self, name: str) -> Node:
        for node in self.nodes:
            if name in (node.short, node.name):
                return node
        raise Failure(f"cluster {self.slug} has no node {name}")

    def address(self, last: int) -> str:
        """An address in the cluster's own network; 2 is the master's."""
        return f"10.254.{self.index}.{last}"

    def loopback(self, last: int) -> str:
        """The address on the machine's loopback interface that leads to the same host."""
        return f"127.254.{self.index}.{last}"

    def forwards(self) -> list[Forward]:
        forwards = [Forward(host, port, self.address(2), RAPI_PORT) for host, port in self.rapi_addresses()]
        if self.hypervisor == "kvm":
            forwards += [
                Forward(self.loopback(10 + node.index), port, node.address, port)
                for node in self.nodes
                for port in VNC_PORTS
            ]
        return forwards

    def rapi_addresses(self) -> list[tuple[str, int]]:
        return [("127.0.0.1", self.port), (self.loopback(2), RAPI_PORT)]

    def rapi(self, timeout: float = 30) -> Rapi:
        return Rapi(self.port, "ganetimgr", USERS["ganetimgr"][0], timeout)

    def answers(self) -> bool:
        return self.rapi(timeout=10).answers()

    @property
    def mark_of_completion(self) -> Path:
        return self.directory / "complete"

    def is_up(self) -> bool:
        """Whether it was built to the end, runs and answers."""
        return self.mark_of_completion.exists() and self.fabric.runs() and self.master.runs() and self.answers()

    # From nothing to ready

    def up(self) -> None:
        """Builds the cluster, unless it is up already; a broken one is built anew."""
        if self.is_up():
            say(f"{self.slug}: already up")
            return
        self.down()
        say(f"{self.slug}: starting {len(self.nodes)} nodes")
        self.directory.mkdir(parents=True)
        self.prepare()
        self.fabric.start(self.address(1), self.forwards())
        for node in self.nodes:
            node.prepare()
            node.start(self.fabric)
        self.initialise()
        # One before the others: it is to be the second master candidate
        for node in self.nodes[1:2]:
            self.join(node)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(self.join, self.nodes[2:]))
        self.furnish()
        self.mark_of_completion.touch()
        say(f"{self.slug}: up, RAPI on https://127.0.0.1:{self.port}")

    def prepare(self) -> None:
        """Makes the files that all nodes of the cluster share."""
        (self.directory / "shared").mkdir()
        (self.directory / "resolv.conf").write_text("")
        self.write_hosts()
        self.write_ssh_files()
        self.write_rapi_files()

    def write_hosts(self) -> None:
        rows = ["127.0.0.1 localhost", f"{self.address(2)} {self.name}"]
        rows += [f"{node.address} {node.name} {node.short}" for node in self.nodes]
        rows += [f"{self.address(100 + number)} vm{number:02d}.{self.domain}" for number in range(1, 100)]
        (self.directory / "hosts").write_text("".join(f"{row}\n" for row in rows))

    def write_ssh_files(self) -> None:
        ssh = self.directory / "etc-ssh"
        ssh.mkdir()
        keygen = ["ssh-keygen", "-q", "-N", "", "-C", self.name]
        run([*keygen, "-t", "rsa", "-b", "2048", "-f", str(ssh / "ssh_host_rsa_key")])
        run([*keygen, "-t", "ed25519", "-f", str(ssh / "login_key")])
        shutil.copyfile(ssh / "login_key.pub", ssh / "authorized_keys")
        (ssh / "sshd_config").write_text(SSHD_CONFIG)
        (ssh / "ssh_config").write_text(SSH_CONFIG)

    def write_rapi_files(self) -> None:
        """Makes a certificate that names the addresses on this machine, and the users with their passwords."""
        key = self.directory / "rapi-key.pem"
        names = [f"DNS:{self.name}", "DNS:localhost", f"IP:{self.address(2)}"]
        names += [f"IP:{host}" for host, _ in self.rapi_addresses()]
        request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650"]
        request += ["-subj", f"/CN={self.name}", "-addext", f"subjectAltName={','.join(names)}"]
        run([*request, "-keyout", str(key), "-out", str(self.certificate)])
        self.write_secret("rapi.pem", key.read_text() + self.certificate.read_text())
        self.write_secret(
            "rapi-users", "".join(f"{user} {password} {right}\n" for user, (password, right) in USERS.items())
        )
        for user, (password, _) in USERS.items():
            self.write_secret(self.password_file(user).name, f"{password}\n")

    def write_secret(self, name: str, text: str) -> None:
        path = self.directory / name
        path.touch(mode=0o600)
        path.write_text(text)

    def password_file(self, user: str) -> Path:
        return self.directory / f"password-of-{user}"

    def initialise(self) -> None:
        """Makes the first node a cluster of one whose RAPI answers."""
        hypervisor = ["--enabled-hypervisors=fake"]
        if self.hypervisor == "kvm":
            hypervisor = ["--enabled-hypervisors=kvm,fake", f"--hypervisor-parameters={KVM_PARAMETERS}"]
        self.master.command(
            "gnt-cluster",
            "init",
            *hypervisor,
            "--no-ssh-init",
            "--no-etc-hosts",
            "--enabled-disk-templates=diskless,file,sharedfile",
            "--ipolicy-disk-templates=diskless,file,sharedfile",
            "--file-storage-dir=/srv/ganeti/file-storage",
            "--shared-file-storage-dir=/srv/ganeti/shared-file-storage",
            "--master-netdev=br0",
            "--master-netmask=24",
            "--nic-parameters=mode=bridged,link=br0",
            "--backend-parameters=minmem=128,maxmem=128,vcpus=1",
            "--ipolicy-vcpu-ratio=8",
            "--candidate-pool-size=2",
            f"--mac-prefix=aa:00:{self.index:02x}",
            self.name,
        )
        library = self.master.directory / "var-lib-ganeti"
        (library / "rapi").mkdir(exist_ok=True)
        shutil.copyfile(self.directory / "rapi.pem", library / "rapi.pem")
        shutil.copyfile(self.directory / "rapi-users", library / "rapi/users")
        self.master.shell(
            f"/usr/lib/ganeti/ensure-dirs && {DAEMON_UTIL} stop ganeti-rapi && {DAEMON_UTIL} start ganeti-rapi"
        )
        self.wait_for_rapi()
        if "rack2" in self.groups:
            self.master.command("gnt-group", "add", "rack2")

    def wait_for_rapi(self) -> None:
        wait_for(f"RAPI of {self.slug}", self.answers, 60)

    def join(self, node: Node) -> None:
        self.master.command("gnt-node", "add", "--no-ssh-key-check", "--node-group", node.group, node.name)
        say(f"{self.slug}: {node.short} joined")

    def furnish(self) -> None:
        """Adds networks, tags and node roles, as jobs side by side."""
        rapi = self.rapi()
        public = {
            "network_name": "net-public",
            "network": "192.0.2.0/24",
            "gateway": "192.0.2.1",
            "network6": f"2001:db8:{self.index}::/64",
            "gateway6": f"2001:db8:{self.index}::1",
            "tags": ["testbed:public"],
        }
        private = {"network_name": "net-private", "network": "198.51.100.0/24", "tags": []}
        jobs = [rapi.ok("POST", "/2/networks", network) for network in (public, private)]
        jobs.append(rapi.ok("PUT", f"/2/tags?tag=testbed:{self.slug}"))
        jobs += [rapi.ok("PUT", f"/2/nodes/{node.name}/role", node.role) for node in self.nodes[3:5]]
        rapi.wait_for_success(jobs)
        jobs = [
            rapi.ok(
                "PUT",
                "/2/networks/net-public/connect",
                {"group_name": group, "network_mode": "bridged", "network_link": "br-public"},
            )
            for group in self.groups
        ]
        jobs.append(
            rapi.ok(
                "PUT",
                "/2/networks/net-private/connect",
                {"group_name": "default", "network_mode": "routed", "network_link": "private"},
            )
        )
        rapi.wait_for_success(jobs)
        for node in self.nodes:
            if node.role == "offline":
                node.stop()

    def down(self) -> bool:
        """Whether there was something to end or to remove."""
        had_something = [node.stop() for node in self.nodes] + [self.fabric.stop(), self.directory.exists()]
        remove_directory(self.directory)
        return any(had_something)

    # What others need to know

    def facts(self) -> dict[str, Any]:
        """What a test needs: where RAPI is, who may do what there, and what the cluster consists of."""
        return {
            "slug": self.slug,
            "name": self.name,
            "up": self.is_up(),
            "rapi": {
                "url": f"https://127.0.0.1:{self.port}",
                "host": "127.0.0.1",
                "port": self.port,
                "default_port_host": self.loopback(2),
                "ca_file": str(self.certificate),
                "fingerprint": self.fingerprint(),
                "users": {user: password for user, (password, _) in USERS.items()},
            },
            "nodes": [self.facts_of(node) for node in self.nodes],
            "groups": self.groups,
            "networks": ["net-public", "net-private"],
            "os": [name for system in SYSTEMS for name in system.full_names],
            "hypervisor": self.hypervisor,
            "disk_templates": ["diskless", "file", "sharedfile"],
        }

    def facts_of(self, node: Node) -> dict[str, Any]:
        return {
            "name": node.name,
            "ip": node.address,
            "group": node.group,
            "role": node.role,
            "running": node.runs(),
            "vnc_host": self.loopback(10 + node.index) if self.hypervisor == "kvm" else None,
            "logs": str(node.directory / "var-log-ganeti"),
        }

    def fingerprint(self) -> str:
        """SHA-256 of the RAPI certificate, as "AB:CD:..."."""
        digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(self.certificate.read_text())).hexdigest().upper()
        return ":".join(digest[position : position + 2] for position in range(0, len(digest), 2))

    def how_to_add_it(self) -> str:
        """The command that adds this cluster to ganetimgr."""
        return (
            f"manage.py cluster add {self.slug} --host 127.0.0.1 --port {self.port} --username ganetimgr"
            f" --password-file {self.password_file('ganetimgr')} --fingerprint {self.fingerprint()}"
        )
