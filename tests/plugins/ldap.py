"""A real OpenLDAP server with a certificate of a made-up authority, and the people and groups that a test puts into it.

python-ldap is imported by what uses it: `make test-fast` reads this file where it is not installed.
"""

import io
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.plugins.servers import Server, free_port

BASE = "dc=example,dc=org"
PEOPLE = f"ou=people,{BASE}"
GROUPS = f"ou=groups,{BASE}"
MANAGER = f"cn=manager,{BASE}"
READER = f"cn=ganetimgr,{BASE}"
SECRET = "for tests only"

CONFIGURATION = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {directory}/pid
TLSCACertificateFile {ca}
TLSCertificateFile {directory}/server.pem
TLSCertificateKeyFile {directory}/server.key
access to attrs=userPassword by anonymous auth
access to * by dn.exact="{reader}" read by self read by anonymous auth
{more}
database mdb
suffix "{base}"
rootdn "{manager}"
rootpw "{secret}"
directory {directory}/data
"""


class Certificates:
    """Authorities, and what they sign: `ca("good")`, `ca("other")`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def ca(self, name: str) -> Path:
        path = self.directory / f"{name}.pem"
        if not path.exists():
            self._openssl("req", "-x509", "-subj", f"/CN={name}", *self._new_key(name), "-out", str(path))
        return path

    def sign(self, ca: str, name: str) -> None:
        """A certificate for 127.0.0.1, in NAME.pem and NAME.key."""
        by = ["-CA", str(self.ca(ca)), "-CAkey", str(self.directory / f"{ca}.key")]
        names = ["-subj", "/CN=directory", "-addext", "subjectAltName=IP:127.0.0.1"]
        leaf = ["-addext", "basicConstraints=critical,CA:FALSE"]
        out = ["-out", str(self.directory / f"{name}.pem")]
        self._openssl("req", "-x509", *by, *names, *leaf, *self._new_key(name), *out)

    def _new_key(self, name: str) -> list[str]:
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        return [*curve, "-keyout", str(self.directory / f"{name}.key")]

    def _openssl(self, *words: str) -> None:
        done = subprocess.run(["openssl", *words], check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


class Slapd(Server):
    """A directory with ou=people and ou=groups, on `uri` (where StartTLS can be had) and `tls_uri`."""

    def __init__(self, directory: Path, more: str = "") -> None:
        super().__init__(directory)
        self.tls_port = free_port()
        self.certificates = Certificates(directory)
        self.ca = self.certificates.ca("good")
        self.certificates.sign("good", "server")
        (directory / "data").mkdir()
        # AppArmor, where it is on, lets Debian's own slapd keep files in /var/lib/ldap only: it goes by the path
        self.program = Path(shutil.copy("/usr/sbin/slapd", directory))
        (directory / "slapd.conf").write_text(
            CONFIGURATION.format(
                directory=directory, ca=self.ca, base=BASE, manager=MANAGER, reader=READER, secret=SECRET, more=more
            )
        )
        self._fill()

    def command(self) -> list[str]:
        where = f"{self.uri}/ {self.tls_uri}/"
        return [str(self.program), "-d", "0", "-f", str(self.directory / "slapd.conf"), "-h", where]

    @property
    def uri(self) -> str:
        return f"ldap://127.0.0.1:{self.port}"

    @property
    def tls_uri(self) -> str:
        return f"ldaps://127.0.0.1:{self.tls_port}"

    def _fill(self) -> None:
        import ldif

        text = io.StringIO()
        writer = ldif.LDIFWriter(text)
        for dn, entry in (
            (BASE, {"objectClass": ["dcObject", "organization"], "dc": ["example"], "o": ["Example"]}),
            (PEOPLE, {"objectClass": ["organizationalUnit"]}),
            (GROUPS, {"objectClass": ["organizationalUnit"]}),
            (READER, {"objectClass": ["applicationProcess", "simpleSecurityObject"], "userPassword": [SECRET]}),
        ):
            writer.unparse(dn, encoded(entry))
        command = [str(self.program), "-T", "add", "-f", str(self.directory / "slapd.conf")]
        done = subprocess.run(command, input=text.getvalue(), check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    # ---- what is in it -----------------------------------------------------------------------------

    def add_person(self, uid: str | list[str], password: str, **attributes: Any) -> str:
        """Somebody with this user name (or several): the DN. Attributes are given as texts, bytes or lists of them."""
        uids = [uid] if isinstance(uid, str) else uid
        dn = f"uid={escaped(uids[0])},{PEOPLE}"
        entry = {"objectClass": ["inetOrgPerson"], "cn": ["Somebody"], "sn": ["Somebody"], "uid": uids}
        self._manage("add_s", dn, {**entry, "userPassword": [password], **attributes})
        return dn

    def add_group(self, name: str, *members: str) -> str:
        """A group of these DNs: its own one."""
        dn = f"cn={escaped(name)},{GROUPS}"
        nobody = f"cn=nobody,{BASE}"  # groupOfNames wants somebody
        self._manage("add_s", dn, {"objectClass": ["groupOfNames"], "member": [nobody, *members]})
        return dn

    def change(self, dn: str, **attributes: Any) -> None:
        """Puts other values for these attributes."""
        import ldap

        changes = [(ldap.MOD_REPLACE, name, values) for name, values in encoded(attributes).items()]
        with self._as_manager() as connection:
            connection.modify_s(dn, changes)

    def remove(self, dn: str) -> None:
        with self._as_manager() as connection:
            connection.delete_s(dn)

    def _manage(self, verb: str, dn: str, entry: dict[str, Any]) -> None:
        with self._as_manager() as connection:
            getattr(connection, verb)(dn, list(encoded(entry).items()))

    def _as_manager(self) -> Any:
        """A connection that may write, whatever the server demands of others."""
        import ldap
        from ldap.ldapobject import SimpleLDAPObject

        class Closing(SimpleLDAPObject):
            def __enter__(self) -> "Closing":
                return self

            def __exit__(self, *error: object) -> None:
                self.unbind_s()

        connection = Closing(self.tls_uri)
        connection.set_option(ldap.OPT_X_TLS_CACERTFILE, str(self.ca))
        connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
        connection.simple_bind_s(MANAGER, SECRET)
        return connection

    def has_somebody_connected(self) -> bool:
        """Whether a client's connection stands, by the kernel's word: a paused server would not tell."""
        established, port = "01", f":{self.port:04X}"
        tables = [Path("/proc/net/tcp"), Path("/proc/net/tcp6")]
        lines = [line.split() for table in tables if table.exists() for line in table.read_text().splitlines()[1:]]
        return any(fields[2].endswith(port) and fields[3] == established for fields in lines)


def encoded(entry: dict[str, Any]) -> dict[str, list[bytes]]:
    """The same as python-ldap wants it: lists of bytes."""
    lists = {name: values if isinstance(values, list) else [values] for name, values in entry.items()}
    return {name: [v if isinstance(v, bytes) else str(v).encode() for v in values] for name, values in lists.items()}


def escaped(value: str) -> str:
    from ldap.dn import escape_dn_chars

    return str(escape_dn_chars(value))


def started(directory: Path, more: str = "") -> Iterator[Slapd]:
    server = Slapd(directory, more)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    yield from started(tmp_path_factory.mktemp("ldap"))


@pytest.fixture(scope="session")
def directory_that_demands_tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    """It takes no password that could be read on the way."""
    yield from started(tmp_path_factory.mktemp("ldap"), "security simple_bind=128")
