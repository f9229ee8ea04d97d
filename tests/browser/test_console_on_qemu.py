"""The console on a real QEMU instance of the testbed: what the browser draws is what the machine's own memory holds."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.plugins.real_ganeti import RealGaneti
from tests.plugins.servers import free_port
from tests.site.running import Site

pytestmark = pytest.mark.browser

SETTINGS = """
INVENTORY_INTERVAL = INVENTORY_INTERVAL_WATCHED = 1
CONSOLE_PORT = {port}
CONSOLE_URL = "ws://{{host}}:{port}"
CONSOLE_NODE_ADDRESSES = {addresses!r}
"""
COLUMNS, ROWS, CELL = 80, 25, (9, 16)  # VGA's text mode

# Run on the node: asks QEMU's own monitor for the text that lies in the VGA's memory.
MONITOR = """
import re, socket, sys
monitor = socket.socket(socket.AF_UNIX)
monitor.settimeout(20)
monitor.connect("/run/ganeti/kvm-hypervisor/ctrl/" + sys.argv[1] + ".monitor")
def until_prompt():
    said = b""
    while not said.endswith(b"(qemu) "):
        said += monitor.recv(65536)
    return said.decode("latin-1")
until_prompt()
monitor.sendall(b"xp /4000xb 0xb8000\\n")
found = re.findall("0x([0-9a-f]{2})\\\\b", "".join(line.partition(":")[2] for line in until_prompt().splitlines()))
print("".join(chr(int(byte, 16)) for byte in found[::2]))
"""


@pytest.fixture(scope="module")
def machine(kvm_ganeti: RealGaneti) -> Iterator[str]:
    """The name of a running QEMU instance of Alice's."""
    with kvm_ganeti.an_instance(
        disk_template="file",
        disks=[{"size": 1024}],
        os_type="image+default",
        beparams={"memory": 128},
        tags=["ganetimgr:users:alice"],
        start=True,
    ) as name:
        yield name


@pytest.fixture(scope="module")
def kvm_site(kvm_ganeti: RealGaneti, machine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site over that cluster, with all its processes."""
    port = free_port()
    addresses = {node["name"]: node["vnc_host"] for node in kvm_ganeti.facts["nodes"]}
    site = Site(tmp_path_factory.mktemp("qemu"), SETTINGS.format(port=port, addresses=addresses))
    try:
        site.add_cluster(kvm_ganeti.endpoint())
        site.start_web()
        site.start_watcher()
        site.start_console()
        alice = site.sign_in("alice")
        page = f"/instances/{kvm_ganeti.slug}/{machine}/novnc/"
        site.until(lambda: "Ctrl+Alt+Del" in alice.text(page), "the instance and its screen")
        yield site
    finally:
        site.stop()


@pytest.fixture
def console(chromium: Browser, kvm_site: Site, kvm_ganeti: RealGaneti, machine: str) -> Iterator[Page]:
    """The console's page as Alice sees it, connected."""
    alice = kvm_site.sign_in("alice")
    context = chromium.new_context(base_url=kvm_site.url, viewport={"width": 1280, "height": 800})
    cookie = {"name": "sessionid", "value": alice.session.cookies["sessionid"], "url": kvm_site.url}
    context.add_cookies([cookie])  # type: ignore[list-item]
    page = context.new_page()
    page.goto(f"/instances/{kvm_ganeti.slug}/{machine}/novnc/")
    expect(page.locator("#console-state")).to_contain_text("Connected", timeout=30_000)
    yield page
    context.close()


def text_in_memory(ganeti: RealGaneti, name: str) -> list[str]:
    """The lines of the VGA's text, as QEMU's monitor tells them."""
    text = ganeti.testbed("exec", ganeti.slug, "--", "python3", "-c", MONITOR, name).rstrip("\n")
    return [text[start : start + COLUMNS].replace("\0", " ").rstrip() for start in range(0, COLUMNS * ROWS, COLUMNS)]


def cells(page: Page) -> list[list[str]]:
    """What the browser's canvas holds in each cell of the text: its lit dots, as a word."""
    drawn: Any = page.evaluate(
        """([columns, rows, width, height]) => {
            const canvas = document.querySelector("#screen canvas");
            const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            const lit = (x, y) => pixels[4 * (y * canvas.width + x) + 1] > 80 ? "1" : "0";
            const cell = (column, row) => {
                let dots = "";
                for (let y = 0; y < height; y += 1)
                    for (let x = 0; x < width; x += 1) dots += lit(column * width + x, row * height + y);
                return dots;
            };
            const numbers = (length) => Array.from({ length }, (_, number) => number);
            return numbers(rows).map((row) => numbers(columns).map((column) => cell(column, row)));
        }""",
        [COLUMNS, ROWS, *CELL],
    )
    return drawn  # type: ignore[no-any-return]


def read(drawn: list[list[str]], row: int, letters: dict[str, str]) -> str:
    return "".join(letters.get(dots, "?") for dots in drawn[row]).rstrip()


def until(condition: Any, what: str) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.2)


def row_of(lines: list[str], name: str) -> int:
    return next((number for number, line in enumerate(lines) if name in line), -1)


def test_the_screen_shows_the_instance_s_name_and_keys_arrive(
    console: Page, kvm_ganeti: RealGaneti, machine: str
) -> None:
    """Letters are learned from the whole screen: every dot pattern stands for one character of the VGA's memory, and
    never for two. Then the canvas alone is read.
    """
    until(lambda: row_of(text_in_memory(kvm_ganeti, machine), machine) >= 0, "the boot code to run")
    lines = text_in_memory(kvm_ganeti, machine)
    row = row_of(lines, machine)
    until(lambda: "1" in "".join(cells(console)[row]), "the picture to arrive")
    drawn = cells(console)
    meanings: dict[str, set[str]] = {}
    for number, line in enumerate(lines):
        for dots, character in zip(drawn[number], line.ljust(COLUMNS), strict=True):
            meanings.setdefault(dots, set()).add(character)
    letters = {dots: min(characters) for dots, characters in meanings.items() if len(characters) == 1}
    assert machine in read(drawn, row, letters)

    before = "".join(text_in_memory(kvm_ganeti, machine))
    console.keyboard.type("qemu")
    until(lambda: "qemu" in "".join(text_in_memory(kvm_ganeti, machine)).replace(before, ""), "the keys in its memory")
    console.get_by_role("button", name="Paste").click()
    console.get_by_label("Text that is typed into the VM").fill("Root: ~/a_B #1")
    console.get_by_role("button", name="Type it").click()
    until(lambda: "Root: ~/a_B #1" in "".join(text_in_memory(kvm_ganeti, machine)), "the pasted text in its memory")
    typed_row = row_of(text_in_memory(kvm_ganeti, machine), "qemu")
    until(lambda: "1" in "".join(cells(console)[typed_row]), "the keys on the canvas")
