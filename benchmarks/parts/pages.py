"""MLflow's own server, which may be killed and started again at the same address."""

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.heads import free_port
from tests.support.ray_town import wait_for

START_S = 120.0
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


@dataclass
class Pages:
    """A server over a database; what it says goes to a file in its folder."""

    backend: str
    home: Path
    workers: int = 1
    env: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        place = ("--host", "127.0.0.1", "--port", str(self.port), "--workers", str(self.workers))
        artefacts = ("--artifacts-destination", str(self.home / "artefacts"))
        env = {**os.environ, **QUIET, **self.env, "MLFLOW_BACKEND_STORE_URI": self.backend}
        with (self.home / "mlflow.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "mlflow", "server", *place, *artefacts],
                stdout=log,
                stderr=log,
                env=env,
                cwd=self.home,
                start_new_session=True,
            )
        wait_for(self._answers, seconds=START_S)

    def kill(self) -> None:
        """Kill it and all its workers, as a machine that dies would."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def _answers(self) -> bool:
        asked = f"{self.address}/health"
        with suppress(OSError), urllib.request.urlopen(asked, timeout=2) as answer:
            return bool(answer.status == 200)
        return False


@contextmanager
def pages(
    backend: str, home: Path, *, workers: int = 1, env: Mapping[str, str] | None = None
) -> Iterator[Pages]:
    """Run a server until the block ends."""
    served = Pages(backend, home, workers, env or {})
    try:
        served.start()
        yield served
    finally:
        served.kill()
