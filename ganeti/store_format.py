"""The bytes in which snapshots lie in a store: the same for a file and for a value in Redis.

    body    magic, then a msgpack array of the slow parts, the distinct hvparams, the instances
    facts   magic, then the facts
    index   for each owner, where their instances lie within the body: "first last first last ..."
            (byte numbers, inclusive), in pairs: the range of an instance's hvparams, then its own
    jobs    magic, then the list of the newest jobs, of which there is one for each cluster, of no generation

So an owner's instances are cut out of the body without decoding it and without a copy of their
own: with one, an instance with 4,096 owners would be stored 4,096 times. Hvparams are 80% of an
instance and nearly always those of its neighbours, so equal ones are stored, and remembered, once.
"""

import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec

from ganeti import tags
from ganeti.inventory import Departed, Facts, Head, Snapshot
from ganeti.joblist import JobList, ListedJob, Step, Story
from ganeti.objects import (
    ClusterInfo,
    Disk,
    Instance,
    LogLine,
    Network,
    NetworkConnection,
    Nic,
    Node,
    NodeGroup,
    PendingJob,
    Policy,
    Spec,
    Value,
    share_equal_parts,
)

FORMAT = 1  # raise it when the meaning of stored values changes; their fields are watched below

T = TypeVar("T")
Hvparams = dict[str, str | int | float | bool | None]

_STORED = (
    Head, PendingJob, Facts, Snapshot, Departed, Instance, Nic, Disk, Node, NodeGroup, Network, NetworkConnection,
    ClusterInfo, Policy, Spec, JobList, ListedJob, Story, Step, LogLine,
)  # fmt: skip
_ENCODER = msgspec.msgpack.Encoder(order="deterministic")
_ARRAY_OF_8 = b"\x98"  # msgpack: an array of exactly eight items, the fields of _Body
_ARRAY_32 = b"\xdd"  # msgpack: an array, its length in the next four bytes


class _Body(Value, frozen=True):
    nodes: tuple[Node, ...]
    groups: tuple[NodeGroup, ...]
    networks: tuple[Network, ...]
    info: ClusterInfo
    departed: tuple[Departed, ...]
    which_hvparams: tuple[int, ...]  # for each instance, the number of its hvparams
    hvparams: tuple[Hvparams, ...]
    instances: tuple[Instance, ...]  # without hvparams


class Packed(NamedTuple):
    body: bytes
    facts: bytes
    owners: dict[str, str]  # the index


class Format:
    """Packs and unpacks; what it cannot read (damaged, of another format) comes back as None."""

    def __init__(self, number: int = FORMAT) -> None:
        self.magic = f"ganetimgr inventory {number} {_fingerprint_of_fields():08x}\n".encode()

    def seal(self, value: Any) -> bytes:
        return self.magic + _ENCODER.encode(value)

    def open(self, blob: bytes | None, kind: type[T]) -> T | None:
        if blob is None or not blob.startswith(self.magic):
            return None
        return _decode(memoryview(blob)[len(self.magic) :], kind)

    def pack(self, snapshot: Snapshot, tag_prefix: str) -> Packed:
        blobs = [_ENCODER.encode(instance.hvparams) for instance in snapshot.instances]
        distinct = {blob: number for number, blob in enumerate(dict.fromkeys(blobs))}
        body = bytearray(self.magic + _ARRAY_OF_8)
        for value in (snapshot.nodes, snapshot.groups, snapshot.networks, snapshot.info, snapshot.departed):
            body += _ENCODER.encode(value)
        body += _ENCODER.encode([distinct[blob] for blob in blobs])
        of_hvparams = _append_array(body, list(distinct))
        of_instances = _append_array(
            body, [_ENCODER.encode(msgspec.structs.replace(instance, hvparams={})) for instance in snapshot.instances]
        )
        index: dict[str, list[str]] = {}
        for number, instance in enumerate(snapshot.instances):
            where = f"{of_hvparams[distinct[blobs[number]]]} {of_instances[number]}"
            for owner in tags.owners(instance.tags, tag_prefix):
                index.setdefault(owner, []).append(where)
        ranges = {owner: " ".join(index[owner]) for owner in sorted(index)}
        return Packed(bytes(body), self.seal(snapshot.facts), ranges)

    def unpack(self, slug: str, generation: int, blob: bytes | None) -> Snapshot | None:
        body = self.open(blob, _Body)
        if body is None or len(body.which_hvparams) != len(body.instances):
            return None
        for instance, number in zip(body.instances, body.which_hvparams, strict=True):
            if not 0 <= number < len(body.hvparams):
                return None
            _set_hvparams(instance, body.hvparams[number])
        share_equal_parts(body.instances)
        return Snapshot(
            slug, generation, body.instances, body.nodes, body.groups, body.networks, body.info, body.departed
        )


def ranges_of(where: str) -> list[tuple[int, int]]:
    """The (first, last) pairs of an index entry; nothing where it cannot be read."""
    try:
        numbers = [int(number) for number in where.split()]
    except ValueError:
        return []
    return list(zip(numbers[::2], numbers[1::2], strict=False))


def instances_from(pieces: Sequence[bytes] | None) -> list[Instance] | None:
    """The instances cut out of a body as the index says: hvparams and instance by turns. None: not readable."""
    if pieces is None:
        return None
    shared: dict[bytes, Hvparams | None] = {}
    found = []
    for hvparams_blob, blob in zip(pieces[::2], pieces[1::2], strict=False):
        if hvparams_blob not in shared:
            shared[hvparams_blob] = _decode(hvparams_blob, Hvparams)
        instance, hvparams = _decode(blob, Instance), shared[hvparams_blob]
        if instance is None or hvparams is None:
            return None
        _set_hvparams(instance, hvparams)
        found.append(instance)
    return found


def _append_array(body: bytearray, blobs: list[bytes]) -> list[str]:
    """Appends encoded items as one array; where each of them lies: "first last"."""
    body += _ARRAY_32 + len(blobs).to_bytes(4, "big")
    ranges = []
    for blob in blobs:
        ranges.append(f"{len(body)} {len(body) + len(blob) - 1}")
        body += blob
    return ranges


def _set_hvparams(instance: Instance, hvparams: Hvparams) -> None:
    """Completes an instance that was just decoded, and that nobody else has seen yet."""
    msgspec.structs.force_setattr(instance, "hvparams", hvparams)


def _decode(blob: bytes | memoryview, kind: Any) -> Any:
    try:
        return msgspec.msgpack.decode(blob, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _fingerprint_of_fields() -> int:
    """Changes with any field's name, type or place: values are stored without names, and nobody remembers FORMAT."""
    fields = [
        (kind.__name__, [(field.name, str(field.type)) for field in msgspec.structs.fields(kind)]) for kind in _STORED
    ]
    return zlib.crc32(repr(fields).encode())
