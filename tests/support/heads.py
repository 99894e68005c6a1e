"""A real Ray cluster for tests: `ray start` in processes of their own, behind a token."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from terrasweep.infra.cluster.connection import START_ENV

RAY = (sys.executable, "-m", "ray.scripts.scripts", "start", "--block")
QUICK = {"RAY_metrics_report_interval_ms": "500"}
STARTS = 2
"""How often the start of a node is tried: on a busy machine its processes may be late."""
ANY = 0
"""A free port: the one Ray would take is the same for every cluster of a machine."""
UP = "To terminate the Ray runtime"


@dataclass(frozen=True)
class Head:
    """A head that knows one token; it has never seen our rooms."""

    address: str
    dashboard: str
    """Its URL; nobody answers there if the head was started without one."""
    token: str
    figures: str
    """Where Prometheus asks."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def head(
    token: str, temp: Path, *, dashboard: bool = False, agent_port: int = ANY
) -> Iterator[Head]:
    """Start a head with one CPU."""
    port, pages, figures = free_port(), free_port(), free_port()
    options = [f"--port={port}", "--num-cpus=1", f"--temp-dir={temp}"]
    options.append(f"--metrics-export-port={figures}")
    options += [f"--include-dashboard={str(dashboard).lower()}", f"--dashboard-port={pages}"]
    with _started(["--head", *options], token=token, cwd=temp, agent_port=agent_port):
        at = "127.0.0.1"
        metrics = f"http://{at}:{figures}/metrics"
        yield Head(f"{at}:{port}", f"http://{at}:{pages}", token, metrics)


@contextmanager
def node(of: Head, temp: Path) -> Iterator[None]:
    """Start a second node with one CPU; like a node elsewhere, it keeps files of its own."""
    options = [f"--address={of.address}", "--num-cpus=1", f"--temp-dir={temp}"]
    with _started(options, token=of.token, cwd=temp):
        yield


@contextmanager
def _started(options: list[str], *, token: str, cwd: Path, agent_port: int = ANY) -> Iterator[None]:
    for _ in range(STARTS):
        up = _start(options, token=token, cwd=cwd, agent_port=agent_port)
        if _is_up(up):
            break
        _end(up)
    else:
        raise TimeoutError(f"Ray did not start in {STARTS} attempts: {options}")
    try:
        yield
    finally:
        _end(up)


def _start(
    options: list[str], *, token: str, cwd: Path, agent_port: int
) -> "subprocess.Popen[str]":
    auth = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token}
    bare = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    path = os.pathsep.join([str(Path(sys.executable).parent), bare.get("PATH", "")])
    return subprocess.Popen(
        [*RAY, f"--dashboard-agent-listen-port={agent_port}", *options],
        env={**START_ENV, **bare, **QUICK, "PATH": path, **auth},
        cwd=cwd,
        stdout=subprocess.PIPE,
        text=True,
    )


def _is_up(node: "subprocess.Popen[str]") -> bool:
    """Wait until a node is up, or has ended."""
    assert node.stdout is not None
    return any(UP in line for line in node.stdout)


def _end(node: "subprocess.Popen[str]") -> None:
    with suppress(psutil.NoSuchProcess):
        for process in psutil.Process(node.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                process.kill()
    node.kill()
    node.wait()
    assert node.stdout is not None
    node.stdout.close()
