"""What Ganeti says of hypervisor parameters that it does not take, in its words and its order of looking."""

import posixpath
import re
from collections.abc import Mapping
from typing import Any

from ganeti import hypervisors
from ganeti.hypervisors import BOOT_ORDER, CDROM_IMAGE_PATH, Hypervisor

Parameters = Mapping[str, Any]
Wrong = tuple[str, list[Any]]  # an error as Ganeti keeps it: its class and its arguments

# They belong to the cluster and not to an instance.
CLUSTER_WIDE = frozenset({"migration_bandwidth", "migration_mode", "migration_port", "xen_cmd"})

_URL = re.compile(r"(https?|ftps?)://")
_LETTERS_ONLY = "Invalid boot order specified, must be one or more of [acdn]"


def typed(name: str, value: Any, default: Any) -> tuple[Any, Wrong | None]:
    """A value made into what Ganeti keeps, or what it says of one that it cannot make into that."""
    if isinstance(default, bool):
        if isinstance(value, str) and value:
            if value.lower() not in ("true", "false"):
                return None, ("TypeEnforcementError", [f"'{name}' (value {value}) is not a valid boolean"])
            return value.lower() == "true", None
        return bool(value), None
    if isinstance(default, int):
        try:
            return int(value), None
        except (TypeError, ValueError):
            return None, ("TypeEnforcementError", [f"'{name}' (value {value}) is not a valid integer"])
    if isinstance(value, str):
        return value, None
    if isinstance(value, bool) and not value:
        return "", None
    return None, ("TypeEnforcementError", [f"'{name}' (value {value}) is not a valid string"])


def wrong_with(name: str, node: str, defaults: Parameters, now: Parameters, wishes: Parameters) -> Wrong | None:
    """What keeps an instance of the hypervisor `name` from being given `wishes`; None where nothing does.

    `defaults` are all parameters of the cluster, `now` those that the instance has of its own.
    """
    kept = {}
    for parameter, value in {**now, **wishes}.items():
        if value == "default":
            continue
        if parameter not in defaults:
            return "TypeEnforcementError", [f"Unknown parameter '{parameter}'"]
        kept[parameter], wrong = typed(parameter, value, defaults[parameter])
        if wrong:
            return wrong
    wanted, hypervisor = {**defaults, **kept}, hypervisors.known(name, defaults)
    return _wrong_syntax(hypervisor, wanted) or _wrong_on_the_node(hypervisor, node, now, wanted)


def _wrong_syntax(hypervisor: Hypervisor, wanted: Parameters) -> Wrong | None:
    for parameter in hypervisors.PARAMETERS:
        value = wanted.get(parameter)
        if parameter in hypervisor.offered:
            if value in (None, ""):
                return "HypervisorError", [f"Parameter '{parameter}' is required but is currently not defined"]
            if not hypervisor.accepts(parameter, str(value)):
                return _fails(parameter, _allowed(hypervisor, parameter), value)
        if parameter == CDROM_IMAGE_PATH and value and not _is_file(value):
            if not hypervisor.takes_web_images:
                return _fails(parameter, "must be an absolute normalized path", value)
            if not _URL.match(value):
                return _fails(parameter, "must be an absolute normalized path or a URL", value)
    if hypervisor.needs_cd_to_boot_from_it and wanted[BOOT_ORDER] == "cdrom" and not wanted[CDROM_IMAGE_PATH]:
        return "HypervisorError", ["Cannot boot from cdrom without an ISO path"]
    return None


def _allowed(hypervisor: Hypervisor, parameter: str) -> str:
    accepted = hypervisor.accepted.get(parameter)
    return f"The value must be one of: {', '.join(accepted)}" if accepted else _LETTERS_ONLY


def _fails(parameter: str, why: str, value: Any) -> Wrong:
    return "HypervisorError", [f"Parameter '{parameter}' fails syntax check: {why} (current value: '{value}')"]


def _is_file(value: str) -> bool:
    return value.startswith("/") and posixpath.normpath(value) == value


def _wrong_on_the_node(hypervisor: Hypervisor, node: str, now: Parameters, wanted: Parameters) -> Wrong | None:
    """No file lies on a simulated node but the one that an administrator has put in already."""
    image = wanted.get(CDROM_IMAGE_PATH) or ""
    if not hypervisor.offered or not _is_file(image) or image == now.get(CDROM_IMAGE_PATH):
        return None
    what = "not found or not a file or URL" if hypervisor.takes_web_images else "not found or not a file"
    fails = f"Parameter '{CDROM_IMAGE_PATH}' fails validation: {what} (current value: '{image}')"
    return "OpExecError", [f"Hypervisor parameter validation failed on node {node}: {fails}"]
