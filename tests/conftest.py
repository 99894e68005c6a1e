"""What every test may ask for: a store here or on S3, and a machine fit for it."""

import itertools
import os
import re
import shutil
import subprocess
import sys
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from filelock import FileLock
from hypothesis import settings
from pyarrow.fs import S3FileSystem
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from terrasweep.infra.install import ROOMS, import_root
from terrasweep.infra.storage.store import Store

settings.register_profile("laptop", deadline=None, max_examples=50)
settings.register_profile("ci", deadline=None, max_examples=50, derandomize=True, print_blob=True)
settings.register_profile("nightly", deadline=None, max_examples=1000)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE", "ci" if "CI" in os.environ else "laptop")
)

# Ray has its workers yield to all else, which here is another test that waits for nobody.
os.environ.setdefault("RAY_worker_niceness", "0")

EACH_ALONE = "tests/house/test_readme.py::test_a_page_s_own_commands_run"
MOST_PROCESSES = 8
"""Each may run a Ray of its own, which takes a gigabyte or two."""

_numbers = itertools.count()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write tests/golden anew")


def pytest_xdist_auto_num_workers() -> int:
    """One process more than cores: tests of a cluster wait as often as they compute."""
    return min((os.cpu_count() or 1) + 1, MOST_PROCESSES)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what the machine lacks, and begin with the files that take long.

    Tests marked `ray` run everywhere, or they fail.
    """
    if not _has_gpu():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="this machine has no accelerator"))
    slow = {
        item.path
        for item in items
        if item.get_closest_marker("slow") or item.get_closest_marker("slow_by_nature")
    }
    items.sort(key=lambda item: item.path not in slow)


class OneFileOneProcess(LoadScopeScheduling):  # type: ignore[misc]
    """Tests of a file share what they set up; the pages of the documentation share nothing."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if nodeid.startswith(EACH_ALONE) else nodeid.split("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    return OneFileOneProcess(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one line for each reason how many tests were skipped."""
    skipped = [report.longrepr for report in terminalreporter.stats.get("skipped", [])]
    reasons = Counter(place[2].removeprefix("Skipped: ") for place in skipped)
    for reason, count in reasons.items():
        terminalreporter.write_line(f"not tested: {count} tests, because {reason}", yellow=True)


@pytest.fixture(scope="session")
def first_sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the smoke sweep was run, once for all processes; copy it to write in it.

    The file `outcome.json` holds what the run printed, and is written last.
    """
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "first-sweep"
    with FileLock(f"{folder}.lock"):
        if not (folder / "outcome.json").exists():
            folder.mkdir(exist_ok=True)
            command = [sys.executable, "-m", "terrasweep", "run", "smoke", "--json"]
            done = subprocess.run(
                command, cwd=folder, env=at_home(), capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
            (folder / "outcome.json").write_text(done.stdout)
    return folder


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of an S3 server in a process of its own."""
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        told = (re.search(r"http://127\.0\.0\.1:\d+", line) for line in server.stderr)
        address = next(found[0] for found in told if found)
        # Nobody reading, the server would stop once the pipe is full.
        reader = Thread(target=deque, args=(server.stderr, 0))
        reader.start()
        yield address
        server.terminate()
        reader.join()


@pytest.fixture
def s3(s3_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URI of a fresh bucket."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("TERRASWEEP_CACHE", str(tmp_path / "cache"))
    bucket = f"bucket-{next(_numbers)}"
    S3FileSystem(
        endpoint_override=s3_server, region="us-east-1", allow_bucket_creation=True
    ).create_dir(bucket)
    return f"s3://{bucket}"


@pytest.fixture(params=["local", "s3"])
def store_uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a store may be opened, each kind of place in turn."""
    if request.param == "s3":
        return f"{request.getfixturevalue('s3')}/some/prefix"
    return str(tmp_path / "store")


@pytest.fixture
def store(store_uri: str) -> Store:
    """An empty store, each kind of place in turn."""
    return Store.open(store_uri)


def at_home() -> dict[str, str]:
    """Return an environment in which a process in any folder imports this checkout."""
    return {**os.environ, "PYTHONPATH": str(import_root())}


def _has_gpu() -> bool:
    if shutil.which("nvidia-smi") is None:
        return False
    return subprocess.run(["nvidia-smi"], capture_output=True, check=False).returncode == 0


class _NoBareRooms:
    """Refuse `import infra`: beside `terrasweep.infra` it would make every class twice."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if path is None and name in ROOMS:
            raise ImportError(f"import terrasweep.{name}", name=name)


sys.meta_path.insert(0, _NoBareRooms())
