"""People of an LDAP directory sign in: against a real OpenLDAP server."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client

from accounts import refusals
from apps.audit.models import AuditEntry
from apps.clusters.models import Renaming
from ganetimgr import sitefile
from tests.plugins.ldap import GROUPS, PEOPLE, READER, SECRET, Slapd
from tests.site.running import ROOT, Site

PASSWORD = "a long pass phrase"
WRONG = "do not belong together"
AWAY = "does not answer at the moment"

needs_server = pytest.mark.services


@pytest.fixture
def site(settings: Any, directory: Slapd, db: None) -> Any:
    """The settings of a site whose people are in the directory, over StartTLS."""
    import ldap
    from django_auth_ldap.config import GroupOfNamesType, LDAPSearch

    settings.AUTHENTICATION_BACKENDS = sitefile.with_ldap(settings.AUTHENTICATION_BACKENDS)
    settings.AUTH_LDAP_SERVER_URI = directory.uri
    settings.AUTH_LDAP_START_TLS = True
    settings.AUTH_LDAP_CONNECTION_OPTIONS = {ldap.OPT_X_TLS_CACERTFILE: str(directory.ca)}
    settings.AUTH_LDAP_BIND_DN = READER
    settings.AUTH_LDAP_BIND_PASSWORD = SECRET
    settings.AUTH_LDAP_USER_SEARCH = LDAPSearch(PEOPLE, ldap.SCOPE_SUBTREE, "(uid=%(user)s)")
    settings.AUTH_LDAP_USER_ATTR_MAP = {"first_name": "givenName", "last_name": "sn", "email": "mail"}
    settings.AUTH_LDAP_GROUP_SEARCH = LDAPSearch(GROUPS, ldap.SCOPE_SUBTREE, "(objectClass=groupOfNames)")
    settings.AUTH_LDAP_GROUP_TYPE = GroupOfNamesType()
    return settings


@pytest.fixture
def lena(directory: Slapd) -> Iterator[str]:
    """The DN of somebody who is in the directory only."""
    details = {"givenName": "Lena", "sn": "Weiss", "mail": "lena@example.org"}
    dn = directory.add_person("lena", PASSWORD, **details)
    yield dn
    directory.remove(dn)


@pytest.fixture
def put(directory: Slapd) -> Iterator[Callable[..., str]]:
    """Puts people (`put(uid, ...)`) and groups (`put(group=..., members=...)`) in, until the test is over."""
    there: list[str] = []

    def put(uid: Any = None, group: str = "", members: Any = (), **attributes: Any) -> str:
        dn = directory.add_group(group, *members) if group else directory.add_person(uid, PASSWORD, **attributes)
        there.append(dn)
        return dn

    yield put
    for dn in there:
        directory.remove(dn)


def sign_in(name: str = "lena", password: str = PASSWORD) -> str:
    """Who is signed in then, or what the page says instead."""
    client = Client()
    answer = client.post("/user/login/", {"username": name, "password": password})
    if answer.status_code == 302:
        return str(User.objects.get(pk=client.session["_auth_user_id"]).username)
    assert answer.status_code in (200, 429)
    errors = answer.context["form"].non_field_errors()
    return " ".join(str(error) for error in errors)


def test_a_name_that_a_running_renaming_keeps_is_nobodys(db: None) -> None:
    from accounts.ldap import CarryableGroups, Refused, refuse_unfit

    class AsTheyAre:
        def group_name_from_info(self, info: Any) -> Any:
            return info[1]

    refuse_unfit("lena")
    assert CarryableGroups(AsTheyAre()).group_name_from_info(("cn=noc", "noc")) == "noc"
    for kind, name in (("user", "lena"), ("group", "noc")):
        Renaming.objects.create(kind=kind, old=name, new="x", holds=Renaming.hold_on(kind, name))
    with pytest.raises(Refused, match="until just now"):
        refuse_unfit("lena")
    assert CarryableGroups(AsTheyAre()).group_name_from_info(("cn=noc", "noc")) is None


@needs_server
class TestSigningIn:
    def test_the_directory_s_password_opens(self, site: Any, lena: str) -> None:
        assert sign_in() == "lena"

    def test_the_account_is_made_with_a_profile_names_and_address_and_no_password(self, site: Any, lena: str) -> None:
        sign_in()
        account = User.objects.get()
        assert (account.get_full_name(), account.email) == ("Lena Weiss", "lena@example.org")
        assert account.profile
        assert not account.has_usable_password()
        assert not account.is_staff

    def test_changed_details_are_taken_over_at_the_next_sign_in(
        self,
        site: Any,
        directory: Slapd,
        put: Any,
    ) -> None:
        dn = put("marie", sn="Weiss")
        sign_in("marie")
        directory.change(dn, sn="Schwarz", mail="marie@example.org")
        sign_in("marie")
        assert User.objects.values_list("last_name", "email").get() == ("Schwarz", "marie@example.org")

    def test_who_signed_in_once_may_give_the_address_instead_of_the_name(self, site: Any, lena: str) -> None:
        sign_in()
        assert sign_in("Lena@Example.org") == "lena"

    @pytest.mark.parametrize("password", ["wrong", " ", PASSWORD.upper(), "x" * 300_000])
    def test_a_wrong_password_does_not(self, site: Any, lena: str, password: str) -> None:
        assert WRONG in sign_in(password=password)
        assert not User.objects.exists()

    def test_an_empty_one_which_ldap_itself_would_let_through_does_not(self, site: Any, lena: str) -> None:
        from django.contrib.auth import authenticate

        site.AUTH_LDAP_PERMIT_EMPTY_PASSWORD = True
        assert authenticate(username="lena", password="") is None
        sign_in(password="")
        assert not User.objects.exists()

    @pytest.mark.parametrize("name", ["l*na", "*", "l*", "lena)(uid=*", "*)(uid=*", "lena\\", "lena)", "(lena", "%s"])
    def test_no_name_reaches_into_the_filter(self, site: Any, lena: str, name: str) -> None:
        assert WRONG in sign_in(name)
        assert not User.objects.exists()

    @pytest.mark.parametrize("name", ["lena,ou=people", "lena+cn=x", "*", "lena,"])
    def test_no_name_reaches_into_the_dn(self, site: Any, lena: str, name: str) -> None:
        site.AUTH_LDAP_USER_DN_TEMPLATE = f"uid=%(user)s,{PEOPLE}"
        assert sign_in() == "lena"
        assert WRONG in sign_in(name)

    def test_a_name_is_the_same_in_whatever_capitals(self, site: Any, lena: str) -> None:
        assert [sign_in(name) for name in ("LENA", "lena", "Lena")] == ["lena"] * 3
        assert User.objects.count() == 1

    def test_failures_are_counted_like_anybody_s(self, site: Any, lena: str) -> None:
        for _ in range(site.AXES_FAILURE_LIMIT):
            sign_in(password="wrong")
        assert "too many tries" in sign_in()
        assert not User.objects.exists()

    def test_two_first_sign_ins_at_once_make_one_account(self, site: Any, lena: str) -> None:
        looked: list[str] = []

        def the_other_one_is_faster(execute: Any, sql: str, *details: Any) -> Any:
            result = execute(sql, *details)
            if "LIKE" in sql and "auth_user" in sql and not looked:
                looked.append(sql)
                User.objects.create_user("lena")
            return result

        with connection.execute_wrapper(the_other_one_is_faster):
            assert sign_in() == "lena"
        assert looked
        assert User.objects.values_list("username", "last_name").get() == ("lena", "Weiss")


@needs_server
class TestWhoHasWhichAccount:
    def test_an_account_with_a_password_here_is_not_the_directory_s(self, site: Any, lena: str) -> None:
        User.objects.create_user("lena", password="kept here")
        assert WRONG in sign_in()
        assert sign_in(password="kept here") == "lena"
        assert User.objects.get().check_password("kept here")

    def test_whatever_capitals_it_has(self, site: Any, lena: str) -> None:
        User.objects.create_user("Lena", password="kept here")
        assert "has had an account called “Lena” before" in sign_in("lena")
        assert User.objects.get().check_password("kept here")

    def test_unless_the_site_says_so(self, site: Any, lena: str) -> None:
        site.LDAP_TAKES_OVER_LOCAL_ACCOUNTS = True
        User.objects.create_user("lena", "old@example.org", "kept here")
        assert sign_in() == "lena"
        assert WRONG in sign_in(password="kept here")
        assert User.objects.get().email == "lena@example.org"
        assert AuditEntry.objects.filter(action="Account taken over by the directory", person="lena").exists()

    @pytest.mark.parametrize("flag", ["is_staff", "is_superuser"])
    def test_those_of_staff_never(self, site: Any, lena: str, flag: str) -> None:
        site.LDAP_TAKES_OVER_LOCAL_ACCOUNTS = True
        User.objects.create_user("lena", password="kept here", **{flag: True})
        assert WRONG in sign_in()
        assert sign_in(password="kept here") == "lena"

    def test_an_older_site_s_name_keeps_its_capitals(self, site: Any, lena: str) -> None:
        User.objects.create_user("Lena")
        assert [sign_in(name) for name in ("lena", "Lena", "LENA")] == ["Lena"] * 3

    def test_two_accounts_that_differ_in_capitals_are_nobody_s(self, site: Any, lena: str) -> None:
        User.objects.create_user("Lena")
        User.objects.create_user("LENA")
        assert "Several accounts have your name: LENA, Lena" in sign_in("lena")

    def test_an_account_that_is_switched_off_stays_so(self, site: Any, lena: str) -> None:
        site.AUTH_LDAP_USER_FLAGS_BY_GROUP = {"is_active": f"cn=nobody,{GROUPS}"}
        User.objects.create_user("lena", is_active=False, last_name="Before")
        assert "switched off" in sign_in()
        assert WRONG in sign_in(password="wrong")
        assert User.objects.values_list("is_active", "last_name").get() == (False, "Before")

    @pytest.mark.parametrize(
        ("uid", "words"),
        [("λένα", "Latin letters"), ("le na", "Latin letters"), ("-lena", "Latin letters"), ("root", "reserved")],
    )
    def test_a_name_that_cannot_be_one_here_is_told_to_who_knows_the_password(
        self, site: Any, put: Any, uid: str, words: str
    ) -> None:
        put(uid)
        assert words in sign_in(uid)
        assert WRONG in sign_in(uid, "wrong")
        assert not User.objects.exists()

    def test_the_directory_s_own_name_counts_where_people_are_found_by_more(self, site: Any, put: Any) -> None:
        import ldap
        from django_auth_ldap.config import LDAPSearch

        put("nora", mail="nora@example.org")
        site.AUTH_LDAP_USER_SEARCH = LDAPSearch(PEOPLE, ldap.SCOPE_SUBTREE, "(|(uid=%(user)s)(mail=%(user)s))")
        site.AUTH_LDAP_USER_ATTR_MAP = {"username": "uid"}
        assert [sign_in(name) for name in ("nora@example.org", "Nora")] == ["nora", "nora"]

    def test_nobody_becomes_somebody_else_by_a_second_name(self, site: Any, put: Any) -> None:
        put(["mallory", "carol"])
        site.AUTH_LDAP_USER_ATTR_MAP = {"username": "uid"}
        User.objects.create_user("carol")
        assert "by which one name you go" in sign_in("carol")

    def test_a_session_ends_when_the_account_is_switched_off(self, site: Any, lena: str) -> None:
        client = Client()
        client.post("/user/login/", {"username": "lena", "password": PASSWORD})
        assert client.get("/").status_code == 200
        User.objects.update(is_active=False)
        assert client.get("/")["Location"].startswith("/user/login/")


@needs_server
class TestHostileValues:
    def test_what_does_not_fit_a_line_or_a_column_is_made_to_fit(self, site: Any, put: Any) -> None:
        put("otto", givenName="a\r\nBcc: victim@example.org\u202e", sn="x" * 1_000_000, mail="no address\n")
        assert sign_in("otto") == "otto"
        account = User.objects.get()
        assert account.first_name == "a Bcc: victim@example.org"
        assert account.last_name == "x" * 150
        assert account.email == ""

    def test_what_is_no_text_is_made_one(self, site: Any, put: Any) -> None:
        site.AUTH_LDAP_USER_ATTR_MAP = {"first_name": "audio", "email": "jpegPhoto"}
        put("paul", audio=b"P\xff\x00\x01ul", jpegPhoto=b"\xff@example.org")
        assert sign_in("paul") == "paul"
        assert User.objects.values_list("first_name", "email").get() == ("P\ufffd ul", "")

    def test_no_attribute_gives_rights(self, site: Any, put: Any) -> None:
        site.AUTH_LDAP_USER_ATTR_MAP = {"is_superuser": "description", "password": "description"}
        put("quentin", description="True")
        sign_in("quentin")
        account = User.objects.get()
        assert not account.is_superuser
        assert not account.has_usable_password()


@needs_server
class TestGroups:
    @pytest.fixture
    def groups_of(self, lena: str) -> Callable[[], list[str]]:
        def signed_in() -> list[str]:
            assert sign_in() == "lena"
            return sorted(User.objects.get(username="lena").groups.values_list("name", flat=True))

        return signed_in

    def test_they_are_left_alone_unless_the_site_wants_them(
        self, site: Any, put: Any, lena: str, groups_of: Any
    ) -> None:
        put(group="noc", members=[lena])
        assert groups_of() == []
        assert not Group.objects.exists()

    def test_they_come_and_go_with_the_directory_s(
        self,
        site: Any,
        directory: Slapd,
        put: Any,
        lena: str,
        groups_of: Any,
    ) -> None:
        site.AUTH_LDAP_MIRROR_GROUPS = True
        noc = put(group="noc", members=[lena])
        put(group="web", members=[lena])
        put(group="others")
        assert groups_of() == ["noc", "web"]
        directory.change(noc, member=f"cn=nobody,{PEOPLE}")
        assert groups_of() == ["web"]
        assert Group.objects.filter(name="noc").exists()
        told = AuditEntry.objects.filter(action="Rights from the directory", person="lena").order_by("pk")
        assert [entry.detail for entry in told] == ["gained group noc, gained group web", "lost group noc"]

    def test_named_ones_only_leave_the_site_s_own_alone(self, site: Any, put: Any, lena: str, groups_of: Any) -> None:
        site.AUTH_LDAP_MIRROR_GROUPS = ["noc", "gone"]
        put(group="noc", members=[lena])
        put(group="web", members=[lena])
        account = User.objects.create_user("lena")
        account.groups.set([Group.objects.create(name="customers"), Group.objects.create(name="gone")])
        assert groups_of() == ["customers", "noc"]

    def test_all_but_the_site_s_own(self, site: Any, put: Any, lena: str, groups_of: Any) -> None:
        site.AUTH_LDAP_MIRROR_GROUPS_EXCEPT = ["customers"]
        put(group="noc", members=[lena])
        put(group="customers", members=[lena])
        assert groups_of() == ["noc"]
        User.objects.get().groups.add(Group.objects.create(name="customers"), Group.objects.create(name="old"))
        assert groups_of() == ["customers", "noc"]

    def test_a_group_that_no_tag_can_carry_is_left_out(self, site: Any, put: Any, lena: str, groups_of: Any) -> None:
        site.AUTH_LDAP_MIRROR_GROUPS = True
        for name in ("Domain Users", "διαχειριστές", "x" * 200, "noc"):
            put(group=name, members=[lena])
        assert groups_of() == ["noc"]

    def test_flags_come_and_go_with_a_group(
        self,
        site: Any,
        directory: Slapd,
        put: Any,
        lena: str,
    ) -> None:
        staff = put(group="staff", members=[lena])
        site.AUTH_LDAP_USER_FLAGS_BY_GROUP = {"is_staff": staff, "is_superuser": [staff]}
        assert sign_in() == "lena"
        assert User.objects.values_list("is_staff", "is_superuser").get() == (True, True)
        directory.change(staff, member=f"cn=nobody,{PEOPLE}")
        assert sign_in() == "lena"
        assert User.objects.values_list("is_staff", "is_superuser").get() == (False, False)

    def test_only_members_of_the_required_group_come_in(
        self,
        site: Any,
        directory: Slapd,
        put: Any,
        lena: str,
    ) -> None:
        customers = put(group="customers")
        site.AUTH_LDAP_REQUIRE_GROUP = customers
        assert WRONG in sign_in()
        directory.change(customers, member=lena)
        assert sign_in() == "lena"
        site.AUTH_LDAP_DENY_GROUP = customers
        assert WRONG in sign_in()

    def test_pages_do_not_ask_the_directory(self, site: Any, directory: Slapd, put: Any, lena: str) -> None:
        site.AUTH_LDAP_FIND_GROUP_PERMS = site.AUTH_LDAP_AUTHORIZE_ALL_USERS = True
        client = Client()
        client.post("/user/login/", {"username": "lena", "password": PASSWORD})
        directory.stop()
        try:
            account = User.objects.get()
            from django.contrib.auth import load_backend

            again = load_backend(client.session["_auth_user_backend"]).get_user(account.pk)
            assert not again.has_perm("ganeti.view_instances")
            assert client.get("/").status_code == 200
        finally:
            directory.start()


@needs_server
class TestEncryption:
    def test_ldaps_is_as_good(self, site: Any, directory: Slapd, lena: str) -> None:
        site.AUTH_LDAP_SERVER_URI, site.AUTH_LDAP_START_TLS = directory.tls_uri, False
        assert sign_in() == "lena"

    @pytest.mark.parametrize("start_tls", [True, False])
    def test_a_certificate_of_a_stranger_is_refused(
        self,
        site: Any,
        directory: Slapd,
        lena: str,
        start_tls: bool,
    ) -> None:
        import ldap

        site.AUTH_LDAP_SERVER_URI = directory.uri if start_tls else directory.tls_uri
        site.AUTH_LDAP_START_TLS = start_tls
        other = directory.certificates.ca("other")
        site.AUTH_LDAP_CONNECTION_OPTIONS = {ldap.OPT_X_TLS_NEWCTX: 0, ldap.OPT_X_TLS_CACERTFILE: str(other)}
        assert AWAY in sign_in()
        assert not User.objects.exists()

    def test_a_server_that_demands_tls_gets_no_password_in_plain_text(
        self,
        site: Any,
        directory_that_demands_tls: Slapd,
    ) -> None:
        import ldap

        server = directory_that_demands_tls
        site.AUTH_LDAP_SERVER_URI = server.uri
        site.AUTH_LDAP_CONNECTION_OPTIONS = {ldap.OPT_X_TLS_CACERTFILE: str(server.ca)}
        dn = server.add_person("rita", PASSWORD)
        try:
            site.AUTH_LDAP_START_TLS = False
            assert AWAY in sign_in("rita")
            site.AUTH_LDAP_START_TLS = True
            assert sign_in("rita") == "rita"
        finally:
            server.remove(dn)

    def test_a_wrong_password_of_our_own_is_no_fault_of_the_person(self, site: Any, lena: str) -> None:
        site.AUTH_LDAP_BIND_PASSWORD = "changed since"
        assert AWAY in sign_in()


@needs_server
class TestADirectoryThatIsAway:
    @pytest.fixture
    def quickly(self, site: Any) -> Any:
        """A site that bears less silence: the tests wait for it."""
        import ldap

        short = {ldap.OPT_NETWORK_TIMEOUT: 0.5, ldap.OPT_TIMEOUT: 0.5}
        site.AUTH_LDAP_CONNECTION_OPTIONS = {**site.AUTH_LDAP_CONNECTION_OPTIONS, **short}
        return site

    @pytest.fixture(params=["paused", "stopped"])
    def away(self, request: Any, directory: Slapd, quickly: Any) -> Iterator[Slapd]:
        """Silent: connections stand, nothing is said. Or gone."""
        paused = request.param == "paused"
        directory.pause() if paused else directory.stop()
        yield directory
        directory.resume() if paused else directory.start()

    @pytest.mark.parametrize("encryption", ["none", "starttls", "ldaps"])
    def test_its_people_are_told(self, site: Any, away: Slapd, encryption: str) -> None:
        site.AUTH_LDAP_SERVER_URI = away.tls_uri if encryption == "ldaps" else away.uri
        site.AUTH_LDAP_START_TLS = encryption == "starttls"
        assert AWAY in sign_in()

    def test_who_has_a_password_here_comes_in(self, away: Slapd) -> None:
        User.objects.create_user("sam", password=PASSWORD)
        assert sign_in("sam") == "sam"

    def test_a_wrong_password_does_not_tell_which_accounts_are_kept_here(self, away: Slapd) -> None:
        User.objects.create_user("sam", password=PASSWORD)
        User.objects.create_user("tina")
        assert sign_in("sam", "wrong") == sign_in("tina", "wrong") == sign_in("nobody", "wrong")

    def test_another_server_is_asked_where_there_is_one(self, site: Any, directory: Slapd, lena: str) -> None:
        site.AUTH_LDAP_SERVER_URI = f"ldap://127.0.0.1:1 {directory.uri}"
        assert sign_in() == "lena"

    def test_a_sentence_needs_no_request(self) -> None:
        refusals.give(None, "nobody reads it")
        assert refusals.given(None) == ""


SITE = """
import ldap
from django_auth_ldap.config import LDAPSearch

AUTH_LDAP_SERVER_URI = {uri!r}
AUTH_LDAP_START_TLS = True
AUTH_LDAP_CONNECTION_OPTIONS = {{ldap.OPT_X_TLS_CACERTFILE: {ca!r}}}
AUTH_LDAP_BIND_DN = {reader!r}
AUTH_LDAP_BIND_PASSWORD = {secret!r}
AUTH_LDAP_USER_SEARCH = LDAPSearch({people!r}, ldap.SCOPE_SUBTREE, "(uid=%(user)s)")
"""


@pytest.fixture(scope="module")
def running(directory: Slapd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One gunicorn worker whose site file names the directory."""
    names = {"uri": directory.uri, "ca": str(directory.ca), "reader": READER, "secret": SECRET, "people": PEOPLE}
    site = Site(tmp_path_factory.mktemp("site"), SITE.format(**names))
    site.start_web()
    yield site
    site.stop()


@needs_server
class TestOnGreenThreads:
    def test_somebody_signs_in(self, running: Site, put: Any) -> None:
        put("uwe", userPassword="uwe")
        assert "Signed in as uwe" in running.sign_in("uwe").text("/")

    def test_others_are_served_while_a_silent_directory_is_waited_for(
        self,
        running: Site,
        directory: Slapd,
        put: Any,
    ) -> None:
        session = requests.Session()
        page = f"{running.url}/user/login/"
        session.get(page, timeout=60)
        form = {"username": "uwe", "password": "uwe", "csrfmiddlewaretoken": session.cookies["csrftoken"]}
        answered = []

        def try_to_sign_in() -> None:
            text = session.post(page, data=form, timeout=60).text
            answered.append("sign-in" if AWAY in text else text)

        directory.pause()
        try:
            trying = threading.Thread(target=try_to_sign_in)
            trying.start()
            running.until(directory.has_somebody_connected, "the web process to ask the directory")
            assert requests.get(page, timeout=60).status_code == 200
            answered.append("page")
            trying.join()
        finally:
            directory.resume()
        assert answered == ["page", "sign-in"]


class TestWithoutThePackages:
    """Run in a process in which neither python-ldap nor django-auth-ldap can be imported."""

    WITHOUT = """
import runpy, sys
sys.modules["ldap"] = sys.modules["_ldap"] = sys.modules["django_auth_ldap"] = None
sys.argv = ["manage.py", "check"]
runpy.run_path("manage.py", run_name="__main__")
"""

    @pytest.fixture
    def check(self, tmp_path: Path) -> Callable[[str], subprocess.CompletedProcess[str]]:
        def run(settings: str) -> subprocess.CompletedProcess[str]:
            (tmp_path / "settings.py").write_text(f"VAR_DIR = {str(tmp_path / 'var')!r}\n{settings}")
            environment = {**os.environ, "GANETIMGR_SETTINGS": str(tmp_path / "settings.py")}
            environment.pop("DJANGO_SETTINGS_MODULE", None)
            command = [sys.executable, "-c", self.WITHOUT]
            return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

        return run

    def test_the_product_works(self, check: Any) -> None:
        done = check("")
        assert done.returncode == 0, done.stderr

    @pytest.mark.parametrize(
        "text",
        ['AUTH_LDAP_SERVER_URI = "ldap://ldap.example.org"', "import ldap", "from django_auth_ldap.config import x"],
    )
    def test_who_switches_ldap_on_reads_what_to_install(self, check: Any, text: str) -> None:
        done = check(text)
        assert done.returncode == 1
        assert "apt-get install build-essential python3-dev libldap-dev libsasl2-dev" in done.stderr
        assert "pip install -r requirements/ldap.txt" in done.stderr
        assert "Traceback" not in done.stderr

    def test_what_the_sentence_names_is_what_the_requirements_name(self) -> None:
        reasons = (ROOT / "requirements" / "ldap.txt").read_text()
        packages = sitefile.LDAP_IS_MISSING.split("install ")[1].split(";")[0]
        assert packages in reasons
