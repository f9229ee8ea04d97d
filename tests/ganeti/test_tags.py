import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganeti import tags


class TestParsing:
    def test_both_spellings_of_owners_count_once(self) -> None:
        said = tags.parse(
            ["ganetimgr:user:alice", "ganetimgr:users:alice", "ganetimgr:groups:noc", "ganetimgr:group:dev"]
        )
        assert said.users == ("alice",)
        assert said.groups == ("noc", "dev")

    def test_every_kind_is_understood(self) -> None:
        said = tags.parse(
            [
                "ganetimgr:org:uni",
                "ganetimgr:application:17",
                "ganetimgr:service:mail",
                "ganetimgr:service:web",
                "ganetimgr:vg:ssd",
                "ganetimgr:whitelist_ip:2001:db8::/32",
                "ganetimgr:adminlock",
                "ganetimgr:isolate",
                "ganetimgr:needsreboot",
            ]
        )
        assert said == tags.InstanceTags(
            organization="uni",
            application=17,
            services=("mail", "web"),
            volume_group="ssd",
            whitelist=("2001:db8::/32",),
            adminlock=True,
            isolate=True,
            needsreboot=True,
        )

    @pytest.mark.parametrize(
        "tag",
        [
            "debian",
            "other:user:alice",
            "ganetimgr",
            "ganetimgr:",
            "ganetimgr:user",
            "ganetimgr:user:",
            "ganetimgr:new:x",
            "ganetimgr:application:x",
        ],
    )
    def test_a_tag_without_a_meaning_is_kept_and_gives_nobody_rights(self, tag: str) -> None:
        assert tags.parse([tag]) == tags.InstanceTags(other=(tag,))
        assert tags.owners([tag]) == set()

    def test_a_lock_with_a_value_is_no_lock(self) -> None:
        assert not tags.parse(["ganetimgr:adminlock:no"]).adminlock

    def test_the_prefix_is_the_sites_choice(self) -> None:
        assert tags.parse(["vps:user:alice", "ganetimgr:user:bob"], "vps").users == ("alice",)

    def test_4096_tags_are_read(self) -> None:
        many = [f"ganetimgr:service:{number}" for number in range(tags.MAX_PER_OBJECT)]
        assert len(tags.parse(many).services) == tags.MAX_PER_OBJECT

    @given(st.lists(st.text() | st.text("ganetimgr:usergoplication", max_size=40)), st.text())
    def test_nothing_that_ganeti_may_send_raises(self, texts: list[str], prefix: str) -> None:
        tags.parse(texts, prefix)
        tags.owners(texts, prefix)

    @given(st.text().map("ganetimgr:application:{}".format))
    def test_no_application_number_raises(self, tag: str) -> None:
        number = tags.parse([tag]).application
        assert number is None or number < 10**18


class TestWriting:
    @given(st.sampled_from(["user", "group"]), st.from_regex(r"[\w.+*/:@-]{1,80}", fullmatch=True), st.booleans())
    def test_an_owner_written_is_an_owner_read(self, kind: str, name: str, singular: bool) -> None:
        try:
            tag = tags.owner_tag(kind, name, singular=singular)
        except ValueError:
            assert not name.isascii()
            return
        assert tags.owners([tag]) == {f"{kind}:{name}"}
        assert tag in tags.owner_tags(kind, name)

    def test_the_two_spellings(self) -> None:
        assert tags.owner_tag("user", "alice") == "ganetimgr:users:alice"
        assert tags.owner_tag("group", "noc", "vps", singular=True) == "vps:group:noc"

    def test_what_ganeti_cannot_carry_is_said(self) -> None:
        with pytest.raises(ValueError, match="cannot carry these characters: ' é'"):
            tags.owner_tag("user", "é é")
        with pytest.raises(ValueError, match="at most 128 characters"):
            tags.owner_tag("user", "x" * 128)
