"""Ray's Jobs API: hand a sweep to a cluster, and follow it from one's own machine.

A job carries a folder that was made for it, with the rooms and the file of its sweep and nothing
else; other files of the researcher are never sent. Jobs of a sweep are numbered.
"""

import asyncio
import logging
import os
import shutil
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from terrasweep.infra.cluster import connection
from terrasweep.infra.cluster.connection import ClusterError
from terrasweep.infra.cluster.shutdown import GRACE_S
from terrasweep.infra.errors import nearest
from terrasweep.infra.install import package_folder

OVERRIDES = ("RAY_API_SERVER_ADDRESS", connection.ADDRESS)
"""Variables that Ray's client takes before any address that it is given."""
STOP_WAIT_S = round(3 * GRACE_S)
"""How long a job may take to stop: to save, to write down rows, to bring up the mirror."""
LOOK_EVERY_S = 0.5
FORWARD_PORT = (
    "give the address of its dashboard, such as http://127.0.0.1:8265; it listens on its own "
    "machine alone, so let ssh or kubectl forward the port"
)
RESTART_AGENT = (
    "try again in a minute; if another Ray on that machine holds the port of the head's agent, "
    "start the head with --dashboard-agent-listen-port=0"
)
RUNNING = ("pending", "running")
NO_AGENT = "No available agent"
"""What Ray's message contains if the head has no agent to take jobs."""


@dataclass(frozen=True)
class SubmittedJob:
    """A sweep that was handed to a cluster."""

    name: str
    """`<sweep>-<number>`."""
    sweep: str
    store: str
    state: str
    """pending, running, stopped, succeeded or failed."""
    exit_code: int | None
    began: datetime | None
    message: str

    @property
    def is_over(self) -> bool:
        """Whether it has ended, well or not."""
        return self.state not in RUNNING


class ClusterJobs:
    """The jobs of one cluster, over HTTP."""

    def __init__(self, address: str) -> None:
        """Reach the cluster's dashboard.

        Raises:
            ClusterError: If nothing answers there, or the cluster wants another token.
        """
        self.address = address if "://" in address else f"http://{address}"
        with self._talking():
            connection.take_token()
            from ray.job_submission import JobSubmissionClient  # local: seconds to import

            logging.getLogger("ray.dashboard.modules.job.sdk").setLevel(logging.WARNING)
            self._client = JobSubmissionClient(self.address)

    def submit(self, sweep: str, *, command: str, folder: Path, store: str) -> SubmittedJob:
        """Run a command on the cluster's head, in a copy of a folder."""
        number = max((_number(job) for job in self.of(sweep)), default=0) + 1
        with self._talking():
            name = self._client.submit_job(
                entrypoint=command,
                submission_id=f"{sweep}-{number}",
                metadata={"sweep": sweep, "store": store},
                runtime_env={
                    "working_dir": str(folder),
                    "env_vars": {"RAY_JOB_STOP_WAIT_TIME_S": str(STOP_WAIT_S)},
                },
            )
        return self.named(sweep, name)

    def of(self, sweep: str) -> list[SubmittedJob]:
        """Return the jobs of a sweep, the oldest first."""
        with self._talking():
            listed = self._client.list_jobs()
        jobs = [_job(one) for one in listed if (one.metadata or {}).get("sweep") == sweep]
        return sorted(jobs, key=_number)

    def last(self, sweep: str) -> SubmittedJob:
        """Return the newest job of a sweep.

        Raises:
            ClusterError: If there is none.
        """
        jobs = self.of(sweep)
        if not jobs:
            raise ClusterError(
                f"a job of sweep {sweep!r} at {self.address}",
                got="none",
                fix=f"`terrasweep submit` starts one; {nearest(sweep, self._sweeps())}",
            )
        return jobs[-1]

    def named(self, sweep: str, name: str) -> SubmittedJob:
        """Return a job as it is now."""
        return next(job for job in self.of(sweep) if job.name == name)

    def stop(self, job: SubmittedJob) -> SubmittedJob:
        """Ask a job to stop, wait until it has saved what it has, and return it."""
        with self._talking():
            self._client.stop_job(job.name)
        return self.wait_until_over(job)

    def wait_until_over(self, job: SubmittedJob) -> SubmittedJob:
        """Return a job once its state says that it is over, or as it is after the time to stop."""
        end = time.monotonic() + STOP_WAIT_S + GRACE_S
        while not (now := self.named(job.sweep, job.name)).is_over and time.monotonic() < end:
            time.sleep(LOOK_EVERY_S)
        return now

    def logs(self, job: SubmittedJob) -> str:
        """Return what a job has printed so far."""
        with self._talking():
            return str(self._client.get_job_logs(job.name))

    def follow(self, job: SubmittedJob) -> Iterator[str]:
        """Yield what a job prints, until it is over."""
        with self._talking(), asyncio.Runner() as runner:
            lines: AsyncIterator[str] = self._client.tail_job_logs(job.name)
            while (text := runner.run(_next(lines))) is not None:
                yield text

    def _sweeps(self) -> set[str]:
        with self._talking():
            return {str((one.metadata or {}).get("sweep", "")) for one in self._client.list_jobs()}

    @contextmanager
    def _talking(self) -> Iterator[None]:
        """Talk to the cluster that was named; every error becomes a ClusterError."""
        import requests  # local: the front door stays light
        from ray.exceptions import AuthenticationError

        kept = {name: os.environ.pop(name) for name in OVERRIDES if name in os.environ}
        try:
            yield
        except AuthenticationError as error:
            raise connection.refused_error(self.address) from error
        except (ConnectionError, requests.RequestException, RuntimeError, ValueError) as error:
            message = " ".join(str(error).split()) or type(error).__name__
            raise ClusterError(
                f"to talk to the Ray cluster at {self.address}",
                got=message,
                fix=RESTART_AGENT if NO_AGENT in message else FORWARD_PORT,
            ) from error
        finally:
            os.environ.update(kept)


def pack(folder: Path) -> None:
    """Copy the package into a folder that is to travel; a checkout's links become folders."""
    source = package_folder()
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(source, folder / source.name, ignore=ignored)


async def _next(lines: AsyncIterator[str]) -> str | None:
    return await anext(lines, None)


def _job(details: Any) -> SubmittedJob:
    metadata: Mapping[str, str] = details.metadata or {}
    began = details.start_time
    return SubmittedJob(
        name=str(details.submission_id),
        sweep=metadata["sweep"],
        store=metadata.get("store", ""),
        state=str(details.status.value).lower(),
        exit_code=details.driver_exit_code,
        began=datetime.fromtimestamp(began / 1000, UTC) if began else None,
        message=" ".join((details.message or "").split()),
    )


def _number(job: SubmittedJob) -> int:
    number = job.name.rpartition("-")[2]
    return int(number) if number.isdigit() else 0
