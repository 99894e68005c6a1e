"""A small town to be laid waste: a Ray cluster of three raylets, an S3 server, an MLflow server.

All of it is real and runs in processes of its own on this machine, so that each can be killed. The
S3 server forgets everything when it dies, so what is killed is the door in front of it.
"""

import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

import psutil
from pyarrow.fs import S3FileSystem

from terrasweep.infra.cluster.connection import START_ENV, START_WAIT_S
from terrasweep.infra.install import import_root
from tests.support.heads import free_port
from tests.support.paths import REPOSITORY

DOOR = """
import asyncio, sys
async def copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()
async def come(reader, writer):
    inner, outer = await asyncio.open_connection("127.0.0.1", int(sys.argv[2]))
    await asyncio.gather(copy(reader, outer), copy(inner, writer), return_exceptions=True)
async def main():
    server = await asyncio.start_server(come, "127.0.0.1", int(sys.argv[1]))
    async with server:
        await server.serve_forever()
asyncio.run(main())
"""
RAY = (sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats")


def kill_all(process: "subprocess.Popen[bytes]") -> None:
    """Kill a process and all that it started."""
    with suppress(psutil.NoSuchProcess):
        for one in [*psutil.Process(process.pid).children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                one.kill()
    process.kill()
    process.wait()


@dataclass
class Town:
    """Servers that run, and what is needed to reach them."""

    home: Path
    num_nodes: int = 2
    env: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    nodes: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    """The head first."""
    door_port: int = field(default_factory=free_port)
    s3_port: int = 0
    door: "subprocess.Popen[bytes] | None" = None

    @property
    def address(self) -> str:
        """Where the cluster is."""
        return f"127.0.0.1:{self.port}"

    def build(self, stack: ExitStack) -> None:
        """Start the cluster; all goes when the stack does."""
        bare = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
        self.env = (
            START_ENV
            | bare
            | {
                "PYTHONPATH": str(import_root()),
                "RAY_AUTH_MODE": "token",
                "RAY_AUTH_TOKEN": secrets.token_hex(32),
                "TERRASWEEP_CACHE": str(self.home / "cache"),
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.door_port}",
                "AWS_ACCESS_KEY_ID": "testing",
                "AWS_SECRET_ACCESS_KEY": "testing",
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_EC2_METADATA_DISABLED": "true",
            }
        )
        stack.callback(self.raze)
        head = (f"--port={self.port}", "--head", "--include-dashboard=false", "--num-cpus=1")
        self.start_node(*head, f"--temp-dir={self.home / 'ray'}")
        wait_for(lambda: _listens(self.port), seconds=START_WAIT_S)
        for _ in range(self.num_nodes):
            self.add_node()

    def add_node(self) -> None:
        """Start one more raylet."""
        self.start_node(f"--address={self.address}", "--num-cpus=1")

    def start_node(self, *options: str) -> None:
        """Start Ray's processes of one node."""
        store = "--object-store-memory=100000000"
        node = subprocess.Popen(
            [*RAY, store, *options],
            env=self.env,
            cwd=self.home,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.nodes.append(node)

    def kill_raylet(self, place: int) -> None:
        """Kill the raylet of a node that is not the head, and start another in its place."""
        node = self.nodes.pop(1 + place % (len(self.nodes) - 1))
        for one in _children(node):
            if _called(one) == "raylet":
                one.kill()
        kill_all(node)
        self.add_node()

    def workers(self) -> list[psutil.Process]:
        """Return the workers that are at something, in no order that means anything."""
        titles = {one: _title(one) for node in self.nodes for one in _children(node)}
        return [one for one, title in titles.items() if _is_busy(title)]

    def start_s3(self, stack: ExitStack) -> str:
        """Start the S3 server and its door, and return the URI of a bucket."""
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
        server = stack.enter_context(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
        stack.callback(server.kill)
        assert server.stderr is not None
        told = (re.search(r"http://127\.0\.0\.1:(\d+)", line) for line in server.stderr)
        self.s3_port = int(next(found[1] for found in told if found))
        Thread(target=deque, args=(server.stderr, 0), daemon=True).start()
        inner = f"http://127.0.0.1:{self.s3_port}"
        files = S3FileSystem(
            endpoint_override=inner,
            region="us-east-1",
            access_key="testing",
            secret_key="testing",
            allow_bucket_creation=True,
        )
        files.create_dir("chaos")
        self.open_door()
        stack.callback(self.kill_door)
        return "s3://chaos"

    def open_door(self) -> None:
        """Let S3 be reached."""
        command = [sys.executable, "-c", DOOR, str(self.door_port), str(self.s3_port)]
        self.door = subprocess.Popen(command)
        wait_for(lambda: _listens(self.door_port), seconds=START_WAIT_S)

    def kill_door(self) -> None:
        """Let S3 be gone."""
        if self.door is not None:
            kill_all(self.door)

    def raze(self) -> None:
        """Kill everything."""
        for node in reversed(self.nodes):
            kill_all(node)


@contextmanager
def town(num_nodes: int = 2) -> Iterator[Town]:
    """Build a town, and leave nothing of it."""
    with ExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory(dir="/tmp", prefix="ts-"))
        built = Town(Path(home), num_nodes)
        built.build(stack)
        yield built


def wait_for(is_so: Callable[[], bool], *, seconds: float) -> None:
    """Wait until something is so.

    Raises:
        TimeoutError: If it is not.
    """
    ends = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > ends:
            raise TimeoutError(f"not so within {seconds:g} s")
        time.sleep(0.1)


def driver(
    town: Town, sweep: Path, *, store: str, tracking: str = "off", env: dict[str, str] | None = None
) -> "subprocess.Popen[bytes]":
    """Start `terrasweep run` as a user would."""
    line = ("run", str(sweep), "--store", store, "--address", town.address, "--tracking", tracking)
    with (town.home / "driver.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "terrasweep", *line, "--retry-pause-s", "0.5"],
            cwd=REPOSITORY,
            env=town.env | (env or {}),
            stdout=log,
            stderr=log,
        )


def kill(process: "subprocess.Popen[bytes] | psutil.Process") -> None:
    """Kill one process, if it is still there."""
    with suppress(psutil.NoSuchProcess, ProcessLookupError):
        process.send_signal(signal.SIGKILL)


def _children(node: "subprocess.Popen[bytes]") -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return list(psutil.Process(node.pid).children(recursive=True))
    return []


def _title(one: psutil.Process) -> str:
    with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        return " ".join(one.cmdline())
    return ""


def _is_busy(title: str) -> bool:
    word = title.partition(" ")[0]
    own = ("ray::IDLE", "ray::_", "ray::DashboardAgent", "ray::RuntimeEnvAgent")
    return word.startswith("ray::") and not word.startswith(own)  # Ray's own stay with the cluster


def _called(one: psutil.Process) -> str:
    with suppress(psutil.NoSuchProcess):
        return str(one.name())
    return ""


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
