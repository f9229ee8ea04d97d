"""SSH keys: which ones are taken, which are refused and why, and what one's own page does with them."""

import base64
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser
from hypothesis import given
from hypothesis import strategies as st

from accounts import sshkeys
from accounts.models import OutgoingMail, SshPublicKey
from apps.audit.models import AuditEntry

# What ssh-keygen made and says of it
ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIACOHsFV5VIyJPWMjUlc8UFMmsyi6hGVxDv6C7xcGAWo"
ED25519_SHA256 = "SHA256:czEgD/vtY5z/VhTdJgsLoXPBL3ZGl2wSB73bEk2+4g0"
ED25519_MD5 = "5e:c8:87:ec:fb:69:b5:99:0b:8d:94:6d:b2:b4:ad:85"
ECDSA = (
    "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBHHQP9idwEr55yzW5iN38EMErR0F7OgnkEZbOqX9"
    "v+Yz/0swYa4klLHplMU3qWtB3coFU+CNEfU9obet4qrcAnE="
)
ECDSA_SHA256 = "SHA256:XxfPvKzAV3T7yVvz7gEpErXO5hmWkI09hwJwSIhJ5i4"
SHORT_RSA = (
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQCzp76r/KnxLvBpCx5Qpos5TEPjowZNkUQFGFjnCoAffcTT1exGBmmCyi21doBnZHYGcxsLvNjG"
    "Qoqx0q3yQr9XF2MHIZI+/aSmkcaRHoF89EZeMRYwAsfq218GyP0RQBExc2D/PSMLehYO5KcNd14EOV61/yfiZ42lp12we7y1QQ=="
)
CERTIFICATE = "ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29t alice@laptop"
RFC4716 = f'---- BEGIN SSH2 PUBLIC KEY ----\nComment: "a"\n{ED25519.split()[1]}\n---- END SSH2 PUBLIC KEY ----'
KEYS = "/user/keys/"


def line_of(private: Any) -> str:
    return private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def spelt(*parts: bytes) -> str:
    """A key made of these parts, as base64."""
    return base64.b64encode(b"".join(struct.pack(">I", len(part)) + part for part in parts)).decode()


def security_keys() -> list[str]:
    """Public keys of hardware tokens: an ordinary key and what it is for."""
    edwards = ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    curve = ec.generate_private_key(ec.SECP256R1()).public_key()
    point = curve.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    first, second = sshkeys.SECURITY_KEY_TYPES
    return [
        f"{first} {spelt(first.encode(), edwards, b'ssh:')}",
        f"{second} {spelt(second.encode(), b'nistp256', point, b'ssh:')}",
    ]


def private_key() -> str:
    return (
        ed25519.Ed25519PrivateKey.generate()
        .private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        .decode()
        .strip()
    )


def another_key(comment: str = "") -> str:
    return f"{line_of(ed25519.Ed25519PrivateKey.generate())} {comment}".strip()


def refusal_of(text: str) -> sshkeys.Refusal:
    found = sshkeys.parse(text)
    assert found.keys == []
    (refusal,) = found.refusals
    return refusal


class TestGoodKeys:
    def test_the_fingerprints_are_those_of_ssh_keygen(self) -> None:
        first, second = sshkeys.parse(f"{ED25519} alice@laptop\n{ECDSA}").keys
        assert (first.fingerprint, first.fingerprint_md5, first.comment) == (
            ED25519_SHA256,
            ED25519_MD5,
            "alice@laptop",
        )
        assert (second.fingerprint, second.comment) == (ECDSA_SHA256, "")

    @pytest.mark.services
    def test_ssh_keygen_says_the_same_of_every_type(self, tmp_path: Path) -> None:
        makes = [
            ed25519.Ed25519PrivateKey.generate(),
            *(ec.generate_private_key(curve()) for curve in (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)),
            *(rsa.generate_private_key(65537, bits) for bits in (2048, 3072, 4096)),
        ]
        lines = [*map(line_of, makes), *security_keys()]
        assert {line.split()[0] for line in lines} == set(sshkeys.TYPES)
        for line in lines:
            (key,) = sshkeys.parse(line).keys
            file = tmp_path / "key.pub"
            file.write_text(f"{key.key_type} {key.key} {key.comment}\n")
            said = {
                kind: subprocess.run(
                    ["ssh-keygen", "-E", kind, "-lf", file], check=True, capture_output=True, text=True
                ).stdout.split()[1]
                for kind in ("sha256", "md5")
            }
            assert said == {"sha256": key.fingerprint, "md5": f"MD5:{key.fingerprint_md5}"}

    def test_security_keys_are_taken(self) -> None:
        assert [key.key_type for key in sshkeys.parse("\n".join(security_keys())).keys] == [*sshkeys.SECURITY_KEY_TYPES]

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_each_system_ends_lines_in_its_own_way(self, end: str) -> None:
        assert len(sshkeys.parse(f"{ED25519} a{end}{end}# a remark{end}  {ECDSA}\t b{end}").keys) == 2

    @pytest.mark.parametrize(
        ("typed", "kept"),
        [
            ("alice@laptop", "alice@laptop"),
            ("  at   home ", "at home"),
            ("κλειδί", "κλειδί"),
            ("a\x00b\x07c\x1b[31m", "a b c [31m"),
            ("evil\u202egnp.exe", "evilgnp.exe"),
            ("one\u2028two\x85three\x0bfour", "one two three four"),
            ("x" * 300, "x" * 255),
            ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ],
    )
    def test_comments_are_cleaned(self, typed: str, kept: str) -> None:
        (key,) = sshkeys.parse(f"{ED25519} {typed}").keys
        assert key.comment == kept

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
    def test_a_file_may_come_from_any_editor(self, encoding: str) -> None:
        text = sshkeys.text_of(f"{ED25519} κλειδί".encode(encoding))
        assert sshkeys.parse(text).keys[0].comment == "κλειδί"


class TestRefusals:
    @pytest.mark.parametrize(
        ("line", "word"),
        [
            (SHORT_RSA, "1024 bits"),
            (f"ssh-dss {'A' * 200} old", "DSA"),
            (f'from="10.0.0.0/8" {ED25519}', "options"),
            (f'command="rm -rf /",no-pty {ED25519} a', "options"),
            (f"restrict {ED25519}", "options"),
            (CERTIFICATE, "certificate"),
            (RFC4716, "ssh-keygen -i -f FILE"),
            ("-----BEGIN PUBLIC KEY-----\nMIIBIjANBg\n-----END PUBLIC KEY-----", "PKCS8"),
            ("ssh-ed25519", "itself is missing"),
            (ED25519.split()[1], "part of a key"),
            (ED25519[:-8], "damaged"),
            (f"{ED25519}AAAA", "damaged"),
            (ED25519.replace("ssh-ed25519", "ssh-rsa"), "damaged"),
            ("ssh-ed25519 AAAA!!!!", "damaged"),
            ("ssh-ed25519 " + base64.b64encode(b"rubbish").decode(), "damaged"),
            (ED25519.replace("ssh-ed25519", "ssh-ed448"), "do not know this type"),
            ("hello world", "no SSH public key"),
            ("ssh", "no SSH public key"),
            ("\x00\x01\x02", "no SSH public key"),
            ("<html>", "no SSH public key"),
        ],
    )
    def test_each_has_its_sentence(self, line: str, word: str) -> None:
        assert word in refusal_of(line).reason

    @pytest.mark.parametrize("zeros", [b"\0", b"\0\0"])
    def test_a_key_in_another_spelling_is_refused(self, zeros: bytes) -> None:
        """Leading zeros would give one key many fingerprints: duplicates would pass."""
        numbers = rsa.generate_private_key(65537, 2048).public_key().public_numbers()
        modulus = zeros + b"\0" + numbers.n.to_bytes(256, "big")
        body = spelt(b"ssh-rsa", b"\x01\x00\x01", modulus)
        assert "damaged" in refusal_of(f"ssh-rsa {body}").reason

    def test_a_key_that_was_broken_into_lines_is_told_in_two_ways(self) -> None:
        found = sshkeys.parse(f"{ECDSA[:80]}\n{ECDSA[80:]}")
        assert found.keys == []
        assert [refusal.number for refusal in found.refusals] == [1, 2]
        assert "broken into several lines" in found.refusals[0].reason
        assert "part of a key" in found.refusals[1].reason

    def test_the_number_is_that_of_the_line(self) -> None:
        found = sshkeys.parse(f"# mine\n{ED25519}\n\nrubbish\n{RFC4716}\nrubbish again")
        assert [refusal.number for refusal in found.refusals] == [4, 5, 9]

    @pytest.mark.parametrize("before", ["", "   ", "my key: ", f"{ED25519}\n"])
    def test_a_private_key_is_a_warning_and_is_not_given_back(self, before: str) -> None:
        secret = private_key()
        found = sshkeys.parse(f"{before}{secret}\nrubbish")
        warning, other = found.refusals
        assert warning.is_secret
        assert "Never paste it" in warning.reason
        assert other.reason.startswith("This is no SSH")
        assert secret.splitlines()[1] not in found.rest

    def test_so_is_one_that_lost_its_end_or_its_line_breaks(self) -> None:
        secret = private_key()
        for broken in (secret.replace("\n", " "), secret.rsplit("\n", 1)[0]):
            found = sshkeys.parse(broken)
            assert found.refusals[0].is_secret
            assert found.rest == ""

    def test_so_is_puttys(self) -> None:
        file = f"PuTTY-User-Key-File-3: ssh-ed25519\nPublic-Lines: 1\n{ED25519.split()[1]}\nPrivate-MAC: 00\n{ED25519}"
        found = sshkeys.parse(file)
        assert found.refusals[0].is_secret
        assert len(found.keys) == 1
        assert found.rest == ""

    def test_what_is_not_taken_is_the_rest(self) -> None:
        found = sshkeys.parse(f"# mine\nrubbish\n{ED25519}\nmore rubbish")
        assert found.rest == "# mine\nrubbish\nmore rubbish"

    @pytest.mark.parametrize(
        "hostile",
        [
            "-----BEGIN " * 6000,
            " ssh-a" * 10_000,
            "ssh-rsa " + "A" * 65_000,
            "\n" * 65_000,
            "x\n" * 32_000,
            "=" * 65_000,
            ", ssh-" * 10_000 + " " * 5000,
        ],
    )
    def test_what_would_take_minutes_if_work_grew_with_the_square_of_the_text_is_answered(self, hostile: str) -> None:
        assert sshkeys.parse(hostile).keys == []


ALPHABETS = st.sampled_from(
    [ED25519, ECDSA, SHORT_RSA, RFC4716, CERTIFICATE, "ssh-rsa ", "AAAA", "\n", "\r", "\x0b", " "]
)


class TestWhateverIsPasted:
    @given(st.text())
    def test_any_text_is_answered(self, text: str) -> None:
        self.check(text)

    @given(st.lists(st.one_of(st.text(max_size=20), ALPHABETS), max_size=12).map("".join))
    def test_so_are_pieces_of_keys(self, text: str) -> None:
        self.check(text)

    @given(st.binary(max_size=200), st.sampled_from(sshkeys.TYPES))
    def test_so_are_keys_of_arbitrary_bytes(self, body: bytes, key_type: str) -> None:
        self.check(f"{key_type} {base64.b64encode(body).decode()}")
        self.check(f"{key_type} {spelt(key_type.encode(), body)}")

    @given(st.integers(0, len(ECDSA) - 1), st.characters())
    def test_so_are_keys_with_a_letter_changed(self, at: int, letter: str) -> None:
        self.check(ECDSA[:at] + letter + ECDSA[at + 1 :])

    @given(st.binary())
    def test_so_is_any_file(self, content: bytes) -> None:
        self.check(sshkeys.text_of(content))

    def check(self, text: str) -> None:
        for key in sshkeys.parse(text).keys:
            line = SshPublicKey(key_type=key.key_type, key=key.key, comment=key.comment).line
            assert len(line.splitlines()) == 1
            assert key.key_type in sshkeys.TYPES
            assert base64.b64encode(base64.b64decode(key.key, validate=True)).decode() == key.key
            assert sshkeys.parse(line).keys[0].fingerprint == key.fingerprint


# ---- one's own page ------------------------------------------------------------------------------------------


@pytest.fixture
def alice(people: dict[str, User]) -> User:
    return people["alice"]


def comments_of(user: User) -> list[str]:
    return [key.comment for key in user.ssh_keys.all()]


def paste(browser: Browser, text: str = "", file: bytes | None = None) -> Any:
    data: dict[str, Any] = {"text": text}
    if file is not None:
        data["file"] = SimpleUploadedFile("key.pub", file)
    return browser.post(KEYS, data)


def box_of(answer: Any) -> str:
    """What stands in the textarea."""
    return str(answer.context["sections"]["keys"]["form"]["text"].value() or "")


@pytest.mark.django_db
class TestAdding:
    def test_a_pasted_key_is_kept_and_shown(self, as_alice: Browser, alice: User) -> None:
        assert paste(as_alice, f"{ED25519} laptop")["Location"] == "/user/profile/#keys"
        page = as_alice.get("/user/profile/").content.decode()
        for shown in ("laptop", ED25519_SHA256, f"MD5:{ED25519_MD5}", "ssh-ed25519", "1 key is added."):
            assert shown in page
        assert alice.ssh_keys.get().line == f"{ED25519} laptop"

    def test_a_file_does_as_well_and_both_may_come_together(self, as_alice: Browser, alice: User) -> None:
        paste(as_alice, f"{ED25519} pasted", another_key("from a file").encode())
        assert comments_of(alice) == ["pasted", "from a file"]

    def test_the_good_ones_are_kept_and_the_bad_ones_stay_with_their_reasons(
        self, as_alice: Browser, alice: User
    ) -> None:
        answer = paste(as_alice, f"rubbish one\n{ED25519} laptop\n{SHORT_RSA}\n{ECDSA} phone")
        assert comments_of(alice) == ["laptop", "phone"]
        assert box_of(answer) == f"rubbish one\n{SHORT_RSA}"
        page = answer.content.decode()
        assert "2 keys are added." in page
        assert "Line 1: This is no SSH public key" in page
        assert "Line 2: This RSA key has 1024 bits" in page  # by its number in the box as it is now

    def test_a_private_key_is_neither_kept_nor_shown(self, as_alice: Browser, alice: User) -> None:
        secret = private_key()
        answer = paste(as_alice, f"{secret}\n{ED25519} laptop\nrubbish")
        page = answer.content.decode()
        assert "Never paste it" in page
        assert secret.splitlines()[1] not in page
        assert box_of(answer) == "rubbish"
        assert comments_of(alice) == ["laptop"]
        written = [*OutgoingMail.objects.values_list("text"), *AuditEntry.objects.values_list("detail")]
        assert secret.splitlines()[1] not in str(written)

    def test_one_that_is_there_already_is_named(self, as_alice: Browser, alice: User) -> None:
        paste(as_alice, f"{ED25519} laptop")
        paste(as_alice, f"{ED25519} the same again\n{ECDSA} phone")
        page = as_alice.get("/user/profile/").content.decode()
        assert "You had this key already: laptop." in page
        assert comments_of(alice) == ["laptop", "phone"]

    def test_one_that_is_pasted_twice_is_kept_once(self, as_alice: Browser, alice: User) -> None:
        paste(as_alice, f"{ED25519} first\n{ED25519} second")
        assert comments_of(alice) == ["first"]

    def test_two_people_may_have_the_same_key(self, as_alice: Browser, as_bob: Browser) -> None:
        paste(as_alice, ED25519)
        paste(as_bob, ED25519)
        assert SshPublicKey.objects.count() == 2

    @pytest.mark.parametrize("text", ["", "  \n ", "# only a remark"])
    def test_nothing_is_told(self, as_alice: Browser, text: str) -> None:
        answer = paste(as_alice, text)
        assert answer.status_code == 200
        assert 'id="keys-text_error"' in answer.content.decode()

    def test_a_megabyte_is_refused_with_a_sentence_and_does_not_come_back(self, as_alice: Browser, alice: User) -> None:
        answer = paste(as_alice, f"{ED25519}\n" * 12_000)
        assert "at most 64 KiB" in answer.content.decode()
        assert len(answer.content) < 200_000
        assert comments_of(alice) == []

    def test_what_is_too_much_for_any_form_gets_a_page(self, as_alice: Browser) -> None:
        answer = as_alice.post(KEYS, {"text": "x" * 3_000_000})
        assert answer.status_code == 400
        assert "too much at once" in answer.content.decode()

    def test_so_is_a_file_of_a_megabyte(self, as_alice: Browser) -> None:
        assert "at most 64 KiB" in paste(as_alice, "", b"x" * 1_000_000).content.decode()

    def test_a_thousand_bad_lines_are_told_in_short(self, as_alice: Browser) -> None:
        page = paste(as_alice, "rubbish of a line\n" * 1000).content.decode()
        assert "Line 20:" in page
        assert "Line 21:" not in page
        assert "And 980 more lines are no keys." in page

    @pytest.mark.parametrize("file", [b"\x89PNG\r\n\x1a\n\x00\x00", b"\xff\xfe\x00", b"", b"\x00" * 100])
    def test_a_file_that_is_no_text_gets_a_sentence(self, as_alice: Browser, file: bytes) -> None:
        answer = paste(as_alice, "", file)
        assert answer.status_code == 200
        assert 'id="keys-text_error"' in answer.content.decode()

    def test_there_is_a_limit_and_nothing_is_lost_at_it(self, as_alice: Browser, alice: User, settings: Any) -> None:
        settings.SSH_KEYS_PER_PERSON = 2
        paste(as_alice, f"{ED25519} laptop")
        text = f"{ED25519} known\n{another_key('one')}\n{another_key('two')}"
        answer = paste(as_alice, f"{private_key()}\n{text}")
        assert "You can have 2 keys, and these would make it 3." in answer.content.decode()
        assert box_of(answer) == text
        assert comments_of(alice) == ["laptop"]

    def test_it_leaves_an_audit_entry_and_a_mail(self, as_alice: Browser, alice: User) -> None:
        paste(as_alice, f"{ED25519} laptop\n{ECDSA} phone")
        entries = AuditEntry.objects.filter(action="SSH key added")
        assert {entry.detail for entry in entries} == {f"{ED25519_SHA256} laptop", f"{ECDSA_SHA256} phone"}
        mail = OutgoingMail.objects.get(occasion="ssh_key_added")
        assert mail.user == alice
        assert f"- {ED25519_SHA256} laptop\n- {ECDSA_SHA256} phone\n" in mail.text

    def test_a_comment_is_no_html_in_the_page(self, as_alice: Browser) -> None:
        paste(as_alice, f"{ED25519} <script>alert(1)</script>")
        assert "<script>alert" not in as_alice.get("/user/profile/").content.decode()

    def test_htmx_gets_the_section_alone_with_the_news(self, as_alice: Browser) -> None:
        answer = as_alice.post(KEYS, {"text": f"{ED25519} laptop\nrubbish"}, headers={"HX-Request": "true"})
        page = answer.content.decode()
        assert page.lstrip().startswith('<section class="panel section" id="keys"')
        assert "1 key is added." in page
        assert "Line 1:" in page
        assert 'id="name"' not in page

    def test_a_link_only_leads_to_the_page(self, as_alice: Browser, alice: User) -> None:
        assert as_alice.get(KEYS, {"text": ED25519})["Location"] == "/user/profile/#keys"
        assert comments_of(alice) == []


@pytest.mark.django_db
class TestRemoving:
    @pytest.fixture
    def key(self, as_alice: Browser, alice: User) -> SshPublicKey:
        paste(as_alice, f"{ED25519} laptop")
        return alice.ssh_keys.get()

    def test_ones_own_key_goes(self, as_alice: Browser, key: SshPublicKey) -> None:
        assert as_alice.post(f"/user/keys/delete/{key.pk}")["Location"] == "/user/profile/#keys"
        assert not SshPublicKey.objects.exists()
        assert "The key laptop is gone." in as_alice.get("/user/profile/").content.decode()
        assert AuditEntry.objects.get(action="SSH key removed").detail == f"{ED25519_SHA256} laptop"

    @pytest.mark.parametrize("who", ["bob", "charlie", "dora"])
    def test_somebody_elses_does_not_exist(self, sign_in: Any, key: SshPublicKey, who: str) -> None:
        assert sign_in(who).post(f"/user/keys/delete/{key.pk}").status_code == 404
        assert SshPublicKey.objects.exists()

    def test_a_link_removes_nothing(self, as_alice: Browser, key: SshPublicKey) -> None:
        assert as_alice.get(f"/user/keys/delete/{key.pk}").status_code == 405
        assert SshPublicKey.objects.exists()

    def test_twice_is_once(self, as_alice: Browser, key: SshPublicKey) -> None:
        as_alice.post(f"/user/keys/delete/{key.pk}")
        assert as_alice.post(f"/user/keys/delete/{key.pk}").status_code == 404

    @pytest.mark.parametrize("number", ["0", "99999999999999999999999999"])
    def test_numbers_that_no_key_has_are_no_error(self, as_alice: Browser, number: str) -> None:
        assert as_alice.post(f"/user/keys/delete/{number}").status_code == 404
