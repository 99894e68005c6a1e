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

RAY = (sys.executable, "-m", "ray.scripts.scripts", "start", "--block")
QUICK = {"RAY_metrics_report_interval_ms": "500"}
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
    bare = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    path = os.pathsep.join([str(Path(sys.executable).parent), bare.get("PATH", "")])
    up = subprocess.Popen(
        [*RAY, f"--dashboard-agent-listen-port={agent_port}", *options],
        env={**bare, **QUICK, "PATH": path, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token},
        cwd=cwd,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert up.stdout is not None
    try:
        for line in up.stdout:
            if UP in line:
                break
        yield
    finally:
        for process in psutil.Process(up.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        up.kill()
        up.wait()
        up.stdout.close()
