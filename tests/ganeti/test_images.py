"""The catalogue of operating systems: what settings, listings and descriptions say, and what of it we believe."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganeti import images
from ganeti.download import CannotFetch, Document
from ganeti.images import ARCHIVES, META, SNF, Image, Source

HERE = "https://images.example.org/vm/"
ARCHIVE = Source(ARCHIVES, HERE, provider="image+default", ssh_key_param="img_ssh_key_url")


class Web:
    """A web of some documents; everything else cannot be fetched."""

    def __init__(self, documents: dict[str, str | bytes]) -> None:
        self.documents = {
            address: text.encode() if isinstance(text, str) else text for address, text in documents.items()
        }
        self.asked: list[str] = []

    def __call__(self, url: str, **bounds: Any) -> Document:
        self.asked.append(url)
        if url not in self.documents:
            raise CannotFetch("the server answers 404")
        return Document(self.documents[url], "text/html", url)


def page(*names: str) -> str:
    return "".join(f'<a href="{name}">{name}</a>' for name in names)


def only(found: list[Image]) -> Image:
    [image] = found
    return image


class TestTheDictionary:
    def test_an_entry_becomes_an_image_with_its_parameters(self) -> None:
        entry = {"description": "Debian 12", "provider": "image+default", "osparams": {"img_id": "debian"},
                 "ssh_key_param": "img_ssh_key_url"}  # fmt: skip
        image = only(images.from_dictionary({"debian": entry}))
        assert (image.id, image.description, image.provider) == ("debian", "Debian 12", "image+default")
        assert image.osparams == {"img_id": "debian"}
        assert image.takes_keys

    @pytest.mark.parametrize("entry", [None, "text", {}, {"provider": ""}, {"provider": "noop", "osparams": "img_id"}])
    def test_what_ganeti_could_not_be_told_is_left_out(self, entry: Any) -> None:
        assert images.from_dictionary({"odd": entry}) == []

    def test_a_description_is_one_line_of_visible_text(self) -> None:
        image = only(images.from_dictionary({"a": {"provider": "noop", "description": " two\nlines\x07 \u202e"}}))
        assert image.description == "two lines"

    def test_parameters_stay_out_of_logs(self) -> None:
        image = only(images.from_dictionary({"a": {"provider": "noop", "osparams": {"img_passwd": "hidden"}}}))
        assert "hidden" not in repr(image)


class TestArchives:
    def found(self, *names: str, **described: str) -> list[Image]:
        texts = {f"{HERE}{name}.dsc": text for name, text in described.items()}
        return images.from_source(ARCHIVE, Web({HERE: page(*names), **texts}))

    @pytest.mark.parametrize(
        ("name", "image_id", "kind"),
        [
            ("debian-12-x86_64-default.tar.gz", "debian-12", "tarball"),
            ("ubuntu-amd64.img", "ubuntu", "qemu"),
            ("centos-i386-root.dump", "centos", "dump"),
            ("plain.tar.gz", "plain", "tarball"),
        ],
    )
    def test_the_name_says_id_and_format(self, name: str, image_id: str, kind: str) -> None:
        image = only(self.found(name))
        assert (image.id, image.osparams) == (image_id, {"img_id": image_id, "img_format": kind})
        assert (image.provider, image.ssh_key_param) == ("image+default", "img_ssh_key_url")

    def test_one_that_is_not_to_be_mounted_says_so_to_ganeti(self) -> None:
        assert only(self.found("nomount-windows.img")).osparams["img_nomount"] == "yes"

    def test_other_files_are_no_images(self) -> None:
        assert self.found("README", "../", "?C=N;O=D", "debian.tar.gz.sha256") == []

    def test_its_description_lies_beside_it(self) -> None:
        web = Web({HERE: page("debian.tar.gz", "debian.tar.gz.dsc"), f"{HERE}debian.tar.gz.dsc": "Debian\nstable"})
        assert only(images.from_source(ARCHIVE, web)).description == "Debian stable"

    def test_without_a_description_it_is_called_by_its_name_and_nobody_is_asked_in_vain(self) -> None:
        web = Web({HERE: page("debian.tar.gz")})
        assert only(images.from_source(ARCHIVE, web)).description == "debian"
        assert web.asked == [HERE]

    def test_a_description_that_does_not_come_costs_only_itself(self) -> None:
        web = Web({HERE: page("debian.tar.gz", "debian.tar.gz.dsc")})
        assert only(images.from_source(ARCHIVE, web)).description == "debian"

    def test_a_listing_that_does_not_come_is_an_error(self) -> None:
        with pytest.raises(CannotFetch, match="404"):
            images.from_source(ARCHIVE, Web({}))

    def test_a_listing_of_ten_thousand_archives_gives_a_bounded_number(self) -> None:
        assert len(self.found(*(f"image{number}.img" for number in range(10_000)))) == images.MAX_IMAGES


class TestDumps:
    def test_a_password_in_the_listings_address_is_no_part_of_what_people_read(self) -> None:
        here = "https://user:hidden@images.example.org/vm/"
        image = only(images.from_source(Source(SNF, here), Web({here: page("debian.img")})))
        assert image.id == f"{HERE}debian.img"
        assert image.osparams["img_id"] == f"{here}debian.img"

    def test_a_dump_is_known_by_its_whole_address(self) -> None:
        source = Source(SNF, HERE, extra={"img_properties": {"SWAP": "2:512"}, "img_passwd": "hidden"})
        image = only(images.from_source(source, Web({HERE: page("debian.img", "other.tar.gz")})))
        assert image.id == image.osparams["img_id"] == f"{HERE}debian.img"
        assert image.osparams["img_format"] == "diskdump"
        assert image.osparams["img_passwd"] == "hidden"
        assert (image.provider, image.ssh_key_users, image.description) == ("snf-image+default", "root", "debian")


class TestMeta:
    def found(self, **files: Any) -> list[Image]:
        documents = {
            f"{HERE}{name}.meta": text if isinstance(text, str) else json.dumps(text) for name, text in files.items()
        }
        return images.from_source(
            Source(META, HERE), Web({HERE: page(*(f"{name}.meta" for name in files)), **documents})
        )

    def test_a_file_says_everything_about_its_image(self) -> None:
        image = only(
            self.found(
                debian={
                    "description": "Debian",
                    "provider": "snf-image+default",
                    "osparams": {"img_id": "debian", "img_properties": {"SWAP": "2:512"}},
                    "ssh_key_users": "root",
                }
            )
        )
        assert (image.id, image.provider, image.ssh_key_users) == ("debian", "snf-image+default", "root")
        assert image.osparams["img_properties"] == {"SWAP": "2:512"}

    @pytest.mark.parametrize("rubbish", ["", "{", "[]", '{"osparams": {}}', '{"provider": "noop"}', "[" * 100_000])
    def test_rubbish_costs_only_itself(self, rubbish: str) -> None:
        good = {"provider": "noop", "osparams": {"img_id": "good"}}
        assert [image.id for image in self.found(bad=rubbish, good=good)] == ["good"]

    @pytest.mark.parametrize(
        "value", ["[" * 40 + "]" * 40, r'"\ud800"', '"' + "x" * 9000 + '"'], ids=["deep", "half a letter", "long"]
    )
    def test_parameters_that_break_whoever_reads_them_later_are_left_out(self, value: str) -> None:
        bad = f'{{"provider": "noop", "osparams": {{"img_id": "bad", "n": {value}}}}}'
        good = {"provider": "noop", "osparams": {"img_id": "good"}}
        assert [image.id for image in self.found(bad=bad, good=good)] == ["good"]


class TestTheCatalogue:
    def test_the_one_without_a_system_leads_and_the_others_follow_by_description(self) -> None:
        entries = {"b": {"provider": "p", "description": "Zeta"}, "a": {"provider": "p", "description": "alpha"},
                   "none": {"provider": "noop", "description": "No system"}}  # fmt: skip
        assert list(images.sorted_catalogue(images.from_dictionary(entries))) == ["none", "a", "b"]

    def test_the_first_of_two_with_one_id_wins(self) -> None:
        ours, theirs = Image("debian", "ours", "p"), Image("debian", "theirs", "p")
        assert images.sorted_catalogue([ours, theirs])["debian"].description == "ours"


class TestListings:
    @pytest.mark.parametrize(
        "elsewhere",
        ["https://evil.example/a.img", "/a.img", "../a.img", "sub/a.img", "//evil.example/a.img", "javascript:a.img"],
    )
    def test_what_lies_elsewhere_is_no_part_of_a_listing(self, elsewhere: str) -> None:
        assert images.links_of(Document(page(elsewhere).encode(), "text/html", HERE)) == []

    def test_a_link_that_is_no_address_costs_only_itself(self) -> None:
        listing = Document(page("//[", "a.img").encode(), "text/html", HERE)
        assert images.links_of(listing) == [f"{HERE}a.img"]

    def test_names_with_odd_letters_arrive(self) -> None:
        rows = [{"name": "a b?.img", "type": "file"}, {"type": "file"}, "text"]
        [link] = images.links_of(Document(json.dumps(rows).encode(), "application/json", HERE))
        assert (link, images.file_name(link)) == (f"{HERE}a%20b%3F.img", "a b?.img")

    @given(st.binary(max_size=300), st.sampled_from(["text/html", "application/json"]))
    def test_nothing_that_a_server_says_breaks_it(self, body: bytes, kind: str) -> None:
        for link in images.links_of(Document(body, kind, HERE)):
            assert link.startswith(HERE)
