"""Connecting to Ray: by the one door, with the right token or with a sentence."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest

from terrasweep.infra.cluster import connection
from terrasweep.infra.install import import_root, package_folder
from tests.support.heads import head

pytestmark = pytest.mark.ray

JOIN = """
import os, sys
from terrasweep.infra.cluster import connection
from terrasweep.infra.errors import UserError
try:
    with connection.connect(sys.argv[1]):
        import ray
        def home():
            import terrasweep.infra.spec
            return terrasweep.infra.spec.__file__
        print(ray.get(ray.remote(home).remote()))
except UserError as error:
    sys.exit(str(error))
"""

LOCAL = """
import signal, sys
from terrasweep.infra.cluster import connection
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
with connection.connect(cpus=1):
    print("up", flush=True)
    signal.pause()
"""


def _join(address: str, *, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return subprocess.run(
        [sys.executable, "-P", "-c", JOIN, address],
        cwd=cwd,
        env={**bare, "PYTHONPATH": str(import_root()), **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def stranger() -> Iterator[Path]:
    """A researcher's folder with a package of his own that is called as one of our rooms."""
    with TemporaryDirectory(dir="/tmp", prefix="ts-") as short:
        (Path(short) / "infra").mkdir()
        (Path(short) / "infra" / "__init__.py").write_text("raise RuntimeError('a stranger')")
        yield Path(short)


@pytest.mark.slow
def test_a_cluster_takes_the_right_token_and_gets_the_rooms(stranger):
    with head("a" * 64, stranger) as one:
        right = _join(one.address, cwd=stranger, RAY_AUTH_TOKEN="a" * 64)
        wrong = _join(one.address, RAY_AUTH_TOKEN="b" * 64)
        missing = _join(one.address, HOME=str(stranger))
    assert "infra/spec.py" in right.stdout, right.stderr
    assert "py_modules_files" in right.stdout, "the rooms must travel, not be found by luck"
    assert wrong.returncode == missing.returncode == 1
    assert "does not accept the token at hand" in wrong.stderr
    assert "no token at hand" in missing.stderr
    assert "RAY_AUTH_TOKEN" in missing.stderr
    assert "Traceback" not in missing.stderr + wrong.stderr


def test_workers_never_take_a_room_from_the_folder_a_driver_is_started_in(stranger):
    (stranger / "driver.py").write_text(JOIN.replace("sys.argv[1]", "None"))
    answer = subprocess.run(
        [sys.executable, "-P", "driver.py"],
        cwd=stranger,
        env={**os.environ, "PYTHONPATH": str(import_root())},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert str(package_folder() / "infra" / "spec.py") in answer.stdout, answer.stderr


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nowhere", "ray://127.0.0.1:1", "a:b", "auto"])
def test_an_address_where_nobody_listens_is_answered_with_a_sentence(address):
    answer = _join(address)
    assert answer.returncode == 1
    assert f"Expected to join the Ray cluster at {address!r}" in answer.stderr
    assert "host:port" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize(
    "how",
    [
        signal.SIGTERM,
        signal.SIGINT,
        pytest.param(signal.SIGKILL, marks=pytest.mark.slow_by_nature),  # Ray's agents wait for it
    ],
)
def test_however_a_driver_ends_it_leaves_no_process_behind(how):
    with subprocess.Popen(
        [sys.executable, "-c", LOCAL],
        env={**os.environ, "PYTHONPATH": str(import_root())},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as driver:
        assert driver.stdout is not None
        assert driver.stdout.readline() == "up\n"
        family = psutil.Process(driver.pid).children(recursive=True)
        assert any("raylet" in process.name() for process in family)
        driver.send_signal(how)
        try:
            driver.wait(timeout=60)
        finally:
            driver.kill()
    left = psutil.wait_procs(family, timeout=90)[1]  # Ray's agents wait a minute for it
    assert [process for process in left if process.status() != psutil.STATUS_ZOMBIE] == []


def test_the_environment_is_put_back():
    before = dict(os.environ)
    with connection.connect(cpus=1, dashboard=False):
        pass
    assert dict(os.environ) == before


def test_the_folder_of_a_killed_driver_is_removed_by_the_next(stranger, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(stranger))
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = stranger / f"{connection.PREFIX}{dead.pid}-x"
    left.mkdir()
    with connection._short_folder() as own:
        assert own.parent == stranger
        assert not left.exists()
    assert not own.exists()
