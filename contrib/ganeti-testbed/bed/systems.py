"""Operating systems that can be installed on instances: what they write on disk 0 is what they were told."""

import shutil
from pathlib import Path
from typing import NamedTuple

SCRIPTS = Path(__file__).resolve().parent.parent / "os-scripts"

# 16 bit code for the first sector of a disk: prints the text that follows it, then shows every key that is typed,
# polls the ACPI power button of QEMU's "pc" machine and switches off
BOOT_CODE = bytes.fromhex(
    "31c08ed88ed0bc007cfcfbbe487cac84c07409b40ebb0700cd10ebf2ba0206b80001eff4"
    "b401cd16740bb400cd16b40ebb0700cd10ba0006edf6c40174e5ba0406b80020eff4ebfd"
)


class System(NamedTuple):
    name: str
    variants: tuple[str, ...] = ()
    takes_parameters: bool = True

    @property
    def full_names(self) -> list[str]:
        return [f"{self.name}+{variant}" for variant in self.variants] or [self.name]


SYSTEMS = [
    System("image", ("default", "debian", "windows")),
    System("snf-image", ("default",)),
    System("noop", takes_parameters=False),
]


def write_definitions(directory: Path) -> None:
    """Makes the directories in which Ganeti looks for operating systems."""
    for system in SYSTEMS:
        target = directory / system.name
        target.mkdir(parents=True, exist_ok=True)
        for script in ("create", "export", "import", "rename", *(["verify"] if system.takes_parameters else [])):
            shutil.copyfile(SCRIPTS / script, target / script)
            (target / script).chmod(0o755)
        if system.takes_parameters:
            shutil.copyfile(SCRIPTS / "parameters.list", target / "parameters.list")
        (target / "boot.bin").write_bytes(BOOT_CODE)
        # Parameters and variants exist from version 15 and 20 on
        (target / "ganeti_api_version").write_text("20\n15\n" if system.variants else "10\n")
        if system.variants:
            (target / "variants.list").write_text("".join(f"{variant}\n" for variant in system.variants))
