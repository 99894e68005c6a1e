"""The one door to Ray: connect, and leave nothing behind.

Local Ray has a folder of its own and ends with its driver, however that one ends. A remote cluster
gets the rooms as ``py_modules``: a working directory would carry a researcher's ``.git`` and data
along, and his own ``models/`` folder could hide ours.
"""

import logging
import os
import secrets
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, chdir, closing, contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from types import TracebackType

from terrasweep.infra.cluster import ray_patches
from terrasweep.infra.cluster.shutdown import StopSignal, process_signal
from terrasweep.infra.errors import UserError
from terrasweep.infra.install import import_root, package_folder
from terrasweep.infra.telemetry.provenance import COMMIT_ENV, commit

ADDRESS = "RAY_ADDRESS"
AUTO = "auto"
AUTH_MODE = "RAY_AUTH_MODE"
TOKEN = "RAY_AUTH_TOKEN"
TOKEN_PATH = "RAY_AUTH_TOKEN_PATH"
OBJECT_STORE_BYTES = 384 * 2**20
LONGEST_TEMP = 40  # sockets lie below it, and their whole path may have 107 bytes
PREFIX = "terrasweep-ray-"
SCRATCH = "TERRASWEEP_SCRATCH"
RAYS_OWN = ("RAY_", "TUNE_", "PYTHONBREAKPOINT")
"""How the variables begin that Ray and we set for a connection."""

WORKER_ENV = {
    "OMP_NUM_THREADS": "1",  # one slot, one thread: sums must not depend on the machine
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",
    "RAY_TRAIN_METRICS_ENABLED": "0",
    "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": "300",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
}
START_WAIT_S = 180
"""How long Ray's own processes wait for each other: on a loaded machine that takes minutes."""
START_ENV = {
    "RAY_raylet_start_wait_time_s": str(START_WAIT_S),
    "RAY_gcs_server_port_wait_time_s": str(START_WAIT_S),
    "RAY_gcs_server_request_timeout_seconds": str(START_WAIT_S),
    "RAY_DASHBOARD_STARTUP_TIMEOUT_S": str(START_WAIT_S),
    "RAY_agent_register_timeout_ms": str(1000 * START_WAIT_S),
    "RAY_worker_register_timeout_seconds": str(START_WAIT_S),
}
"""Ray's own settings of how long its start on this machine may take; who joins a cluster with a
wrong token would wait as long."""
STARTS = 2
"""How often the start of local Ray is tried."""
DRIVER_ENV = {
    "RAY_AIR_NEW_OUTPUT": "0",  # the new one prints even when it is told to be silent
    "RAY_DEDUP_LOGS": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_TQDM": "0",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # Ctrl-C is one exception, and ends in our ``finally``
    "TUNE_GLOBAL_CHECKPOINT_S": "3600",  # nobody restores from Tune's own state
    "TUNE_RESULT_BUFFER_LENGTH": "0",
    "TUNE_WARN_THRESHOLD_S": "60",
}


class ClusterError(UserError):
    """The cluster cannot be reached, or turns us away."""


@contextmanager
def connect(
    address: str | None = None,
    *,
    cpus: int | None = None,
    dashboard: bool = True,
    stop: StopSignal | None = None,
) -> Iterator[None]:
    """Be connected to Ray within the block; within another such block, join it.

    Args:
        address: ``host:port`` of a running cluster, or ``auto`` for the one that a job of it
            runs in; none starts Ray on this machine.
        cpus: How many CPUs local Ray may use; none means all of them.
        dashboard: Whether local Ray starts its dashboard, a gigabyte. Ray Train hangs without it.
        stop: What says that the run is to stop; left out, the signal of this process.

    Raises:
        ClusterError: If Ray does not start, does not answer, or wants another token.
        Stopped: If the run was asked to stop.
    """
    if _is_connected():
        yield
        return
    stop = stop or process_signal()
    with ExitStack() as stack:
        stack.enter_context(_environment(_settings(is_local=address is None)))
        home = stack.enter_context(_short_folder())
        os.environ[SCRATCH] = str(home)
        stack.push(partial(_leave, stop))
        stack.push(stop.run_stop_callbacks)
        stack.enter_context(stop.handle_sigterm())
        # Ray puts the current folder first on the workers' path: a stranger's models/ may be there.
        with chdir(home), ray_patches.applied(ray_patches.CONNECT):
            if address is None:
                _start(cpus=cpus, home=home, dashboard=dashboard)
            else:
                _join(_resolved(address))
        # Ray's core has put a handler below Python's, which would end the process: ours again.
        stack.enter_context(stop.handle_sigterm())
        yield


def _settings(*, is_local: bool) -> dict[str, str]:
    return WORKER_ENV | DRIVER_ENV | (START_ENV if is_local else {}) | _python_path()


def _is_connected() -> bool:
    """Return whether we are connected; Ray is not imported before its settings are there."""
    ray = sys.modules.get("ray")
    return ray is not None and bool(ray.is_initialized())


def _leave(
    stop: StopSignal,
    kind: type[BaseException] | None,
    error: BaseException | None,
    trace: TracebackType | None,
) -> None:
    """Shut Ray down; after an error the end of the process does, if threads still wait in Ray."""
    import ray

    if kind is None or not stop.leaves_ray_threads():
        ray.shutdown()


def kill_local_ray() -> None:
    """Kill what local Ray has started for us, at the very end of this process; Ray dies with it.

    Its agents would notice a minute later.
    """
    import psutil  # comes with Ray

    for pid in ray_patches.raylet_pids():
        with suppress(psutil.Error):
            for child in psutil.Process(pid).children():
                child.kill()


def scratch() -> Path:
    """Return a folder that goes with this driver, even if it is killed."""
    return Path(os.environ.get(SCRATCH, tempfile.gettempdir()))


def resources() -> dict[str, float]:
    """Return what the connected cluster has in all, by name: CPU, GPU and others."""
    import ray

    has: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return has


def _start(*, cpus: int | None, home: Path, dashboard: bool) -> None:
    """Start Ray on this machine; a start that fails is tried once more.

    Raises:
        ClusterError: If that fails too.
    """
    import ray  # local: keeps the front door light

    if not _has_token():  # else Ray writes one under the home folder, which may be read-only
        os.environ[TOKEN] = _own_token()
    for attempt in range(1, STARTS + 1):
        try:
            ray.init(
                address="local",
                num_cpus=cpus,
                object_store_memory=OBJECT_STORE_BYTES,
                include_dashboard=dashboard,  # it listens on loopback alone
                log_to_driver=False,
                logging_level=logging.ERROR,
                _temp_dir=str(home),
            )
            return
        except Exception as error:  # Ray raises a bare one when its processes are late
            ray.shutdown()
            _kill_started(home)
            if attempt == STARTS:
                raise _not_started(error) from error


def _kill_started(home: Path) -> None:
    """Kill the processes of a start that failed: Ray forgets them, and they hold memory."""
    import psutil  # comes with Ray

    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if str(home) in " ".join(child.cmdline()):
                child.kill()


def _not_started(error: Exception) -> ClusterError:
    message = " ".join(str(error).split()) or "no message"
    return ClusterError(
        f"Ray to start on this machine, in {STARTS} attempts",
        got=f"{type(error).__name__}: {message.rstrip('.')}",
        fix="end other programs that keep the processors or the memory busy, and run the same "
        "command again; `terrasweep doctor` checks what else a start needs",
    )


def take_token() -> None:
    """Show the token at hand from here on, if there is one.

    An explicit address leaves tokens off unless the variable was set before Ray was imported.
    """
    from ray._private.authentication.authentication_token_setup import (
        maybe_enable_token_auth_if_token_available,
    )

    logging.getLogger("ray._private.authentication").setLevel(logging.ERROR)
    maybe_enable_token_auth_if_token_available(warn_if_disabled=False)


def refused_error(address: str) -> ClusterError:
    """Return the error of a cluster that wants another token."""
    return ClusterError(
        f"to join the Ray cluster at {address}",
        got=f"a cluster that {_why_refused()}",
        fix=f"set {AUTH_MODE}=token and {TOKEN} (or {TOKEN_PATH}) to the cluster's token, "
        "which `ray get-auth-token` prints on its head node",
    )


def _join(address: str) -> None:
    import ray
    from ray.exceptions import AuthenticationError

    _check_somebody_listens(address)
    take_token()
    try:
        ray.init(
            address=address,
            log_to_driver=False,
            logging_level=logging.ERROR,
            runtime_env={
                "py_modules": [str(package_folder())],
                "env_vars": WORKER_ENV | {COMMIT_ENV: commit()},
                "excludes": ["__pycache__", "*.pyc"],
            },
        )
    except (AuthenticationError, ConnectionError) as error:
        raise refused_error(address) from error


def _resolved(address: str) -> str:
    """Return where a cluster is; Ray tells the jobs of one in a variable."""
    if address != AUTO:
        return address
    if ADDRESS not in os.environ:
        raise ClusterError(
            f"to join the Ray cluster at {address!r}",
            got=f"no {ADDRESS} in the environment, so this is no job of a cluster",
            fix="give host:port of a running head node, or leave --address out",
        )
    return os.environ[ADDRESS]


def _check_somebody_listens(address: str) -> None:
    """Ask before Ray does, which waits for a minute and then ends the whole process."""
    host, _, port = address.rpartition(":")
    try:
        if "://" in address:
            raise ValueError("an address with a scheme; the driver must stand in the cluster")
        with closing(socket.create_connection((host, int(port)), timeout=10)):
            return
    except (OSError, ValueError, OverflowError) as error:
        raise ClusterError(
            f"to join the Ray cluster at {address!r}",
            got=str(error),
            fix="give host:port of a running head node (`ray start --head` prints it), "
            "or leave --address out to run on this machine",
        ) from error


@cache
def _own_token() -> str:
    """Return this process's token; Ray remembers the first it saw."""
    return secrets.token_hex(32)


def _has_token() -> bool:
    at_home = Path.home() / ".ray" / "auth_token"
    return bool(os.environ.get(TOKEN) or os.environ.get(TOKEN_PATH)) or at_home.exists()


def _why_refused() -> str:
    if not _has_token():
        return "lets nobody in without a token, and no token at hand"
    if os.environ.get(AUTH_MODE) != "token":
        return f"lets nobody in without a token, and {AUTH_MODE}={os.environ.get(AUTH_MODE)}"
    return "does not answer, or does not accept the token at hand"


def _python_path() -> dict[str, str]:
    """Let local workers find the rooms where the driver found them, wherever it was started."""
    known = os.environ.get("PYTHONPATH", "")
    return {"PYTHONPATH": os.pathsep.join(part for part in (str(import_root()), known) if part)}


@contextmanager
def _environment(wanted: Mapping[str, str]) -> Iterator[None]:
    """Set variables that the user has not set, and put back those and Ray's own afterwards.

    Whatever another thread sets meanwhile stays: the mirror sets MLflow's.
    """
    before = dict(os.environ)
    for name, value in wanted.items():
        if name == "PYTHONPATH" or name not in os.environ:
            os.environ[name] = value
    try:
        yield
    finally:
        own = {*wanted, SCRATCH, *(name for name in os.environ if name.startswith(RAYS_OWN))}
        for name in own | {name for name in before if name.startswith(RAYS_OWN)}:
            if name in before:
                os.environ[name] = before[name]
            else:
                os.environ.pop(name, None)


@contextmanager
def _short_folder() -> Iterator[Path]:
    """Hand out Ray's folder and remove it, and those of drivers that were killed."""
    temp = Path(tempfile.gettempdir())
    parent = temp if len(str(temp)) <= LONGEST_TEMP else Path("/tmp")
    for folder in parent.glob(f"{PREFIX}*"):
        if not _alive(folder.name.removeprefix(PREFIX).partition("-")[0]):
            shutil.rmtree(folder, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except PermissionError:
        return True
    except (ProcessLookupError, ValueError):
        return False
    return True
