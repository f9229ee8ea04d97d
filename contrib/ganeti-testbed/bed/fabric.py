"""The network between a cluster's nodes, held by one process, which also passes connections on into it."""

import asyncio
import functools
import json
import os
import socket
import struct
import sys
from pathlib import Path
from typing import NamedTuple

from .machine import CLONE_NEWNET, PidFile, run, start_process_that_stays, unshare, wait_for

SECONDS_TO_CONNECT = 10


class Forward(NamedTuple):
    """Where the machine listens, and whom in the cluster it connects with."""

    host: str
    port: int
    target: str
    target_port: int


class Fabric:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.process = PidFile(directory / "fabric.pid")

    def start(self, address: str, forwards: list[Forward]) -> None:
        log = self.directory / "fabric.log"
        started = start_process_that_stays(["_fabric", str(self.directory), address, json.dumps(forwards)], log)
        wait_for(
            f"the network in {self.directory}",
            lambda: self.process.pid() is not None,
            10,
            gave_up=lambda: started.poll() is not None,
            log=log,
        )

    def runs(self) -> bool:
        return self.process.pid() is not None

    def stop(self) -> bool:
        """Whether there was something to stop."""
        return self.process.kill()

    def plug_in(self, cable: str, node_pid: int) -> None:
        """Gives a node an eth0 that ends in the bridge here."""
        inside = ["nsenter", "-t", str(self.process.pid()), "-n", "ip", "link"]
        run([*inside, "add", cable, "type", "veth", "peer", "name", "eth0", "netns", str(node_pid)])
        run([*inside, "set", cable, "master", "br0", "up"])


def be_the_fabric(directory: Path, address: str, forwards: list[Forward]) -> None:
    """The life of the process that holds a cluster's network."""
    # The listeners belong to the machine's network, so they come before the namespace
    listeners = [(listen(forward), forward) for forward in forwards]
    unshare(CLONE_NEWNET)
    run(["ip", "link", "set", "lo", "up"])
    run(["ip", "link", "add", "br0", "type", "bridge"])
    run(["ip", "addr", "add", f"{address}/24", "dev", "br0"])
    run(["ip", "link", "set", "br0", "up"])
    os.chdir("/")
    asyncio.run(serve(listeners, PidFile(directory / "fabric.pid")))


def listen(forward: Forward) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((forward.host, forward.port))
    except OSError as error:
        sys.exit(f"cannot listen on {forward.host}:{forward.port}: {error}")
    listener.listen(128)
    return listener


async def serve(listeners: list[tuple[socket.socket, Forward]], pidfile: PidFile) -> None:
    servers = [
        await asyncio.start_server(functools.partial(pass_on, forward), sock=listener)
        for listener, forward in listeners
    ]
    pidfile.write(os.getpid())
    await asyncio.gather(*[server.serve_forever() for server in servers])


async def pass_on(forward: Forward, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    target = asyncio.open_connection(forward.target, forward.target_port)
    try:
        target_reader, target_writer = await asyncio.wait_for(target, SECONDS_TO_CONNECT)
    except OSError:
        reset(writer)
        return
    await asyncio.gather(pump(reader, target_writer), pump(target_reader, writer))
    for end in (writer, target_writer):
        end.close()


def reset(writer: asyncio.StreamWriter) -> None:
    """Tells a client that nobody is there: a reset says more than a clean end."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.close()


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        writer.close()
