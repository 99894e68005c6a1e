"""What is built and installed: `terrasweep/` alone, the same by every road, and it runs."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from terrasweep.infra.install import ROOMS
from tests.support.paths import REPOSITORY

OWN = ("__init__.py", "__main__.py", "py.typed")
"""The files of `src/terrasweep/` that are no room."""
BARE = f"""
import importlib.util, terrasweep
print(terrasweep.__file__)
print([room for room in {ROOMS!r} if importlib.util.find_spec(room)])
"""


def run(*command: str | Path, cwd: Path, timeout: int = 600) -> str:
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=clean,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


def build(out: Path, *options: str) -> Path:
    run(sys.executable, "-m", "build", *options, "--outdir", out, REPOSITORY, cwd=REPOSITORY)
    return out


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def source_files() -> dict[str, bytes]:
    """Return the files of the package as git has them, by the name that they have in a wheel."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *ROOMS]
    done = subprocess.run(listing, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    places = {line: REPOSITORY / line for line in done.stdout.splitlines()}
    places |= {name: REPOSITORY / "src" / "terrasweep" / name for name in OWN}
    return {
        f"terrasweep/{name}": path.read_bytes() for name, path in places.items() if path.exists()
    }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    (built,) = build(tmp_path_factory.mktemp("wheel"), "--wheel").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def by_sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a source distribution and of the wheel that was built from it."""
    return build(tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment into which the wheel was installed, and nothing else."""
    home = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", "env", cwd=home)
    pip = [sys.executable, "-m", "pip", "--python", home / "env"]
    run(*pip, "install", "--quiet", "--no-deps", "--no-compile", wheel, cwd=home)
    return home / "env"


def test_the_wheel_holds_every_file_of_the_package_and_no_other(wheel: Path):
    files = contents(wheel)
    package = {name: data for name, data in files.items() if ".dist-info/" not in name}
    assert package == source_files()
    assert "terrasweep/sweeps/catalog/quickstart.yaml" in package
    licences = {name.rpartition("/")[2] for name in files.keys() - package.keys()}
    assert {"LICENSE", "NOTICE", "METADATA", "RECORD", "entry_points.txt"} <= licences


def test_the_wheel_from_the_source_distribution_is_the_same_to_the_byte(
    wheel: Path, by_sdist: Path
):
    (again,) = by_sdist.glob("*.whl")
    assert again.name == wheel.name
    assert contents(again) == contents(wheel)


def test_the_source_distribution_holds_each_room_once_and_no_tests(by_sdist: Path):
    (path,) = by_sdist.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
    assert len(names) == len(set(names))
    assert not [name for name in names if name.startswith(("tests/", ".ci/"))]
    inner = {name for name in names if name.startswith("src/")}
    assert inner == {f"src/terrasweep/{name}" for name in OWN}
    assert {f"{room}/__init__.py" for room in ROOMS} <= set(names)


def test_an_environment_gets_one_package_and_no_bare_room(installed: Path, tmp_path: Path):
    (site,) = installed.glob("lib/*/site-packages")
    tops = {path.name for path in site.iterdir()}
    (about,) = (name for name in tops if name.endswith(".dist-info"))
    assert tops == {"terrasweep", about}
    lines = run(installed / "bin" / "python", "-P", "-c", BARE, cwd=tmp_path).splitlines()
    assert lines == [str(site / "terrasweep" / "__init__.py"), "[]"]


@pytest.mark.slow_by_nature
@pytest.mark.timeout(1500)
def test_an_empty_environment_runs_the_quickstart_from_the_wheel(wheel: Path, tmp_path: Path):
    run(sys.executable, "-m", "venv", "fresh", cwd=tmp_path)
    python = tmp_path / "fresh" / "bin" / "python"
    pip = [python, "-m", "pip", "install", "--quiet", "--no-compile"]
    pip += ["--constraint", REPOSITORY / "constraints.txt"]
    run(*pip, "torch", cwd=tmp_path, timeout=600)
    run(*pip, wheel, cwd=tmp_path, timeout=600)
    output = run(python.with_name("terrasweep"), "run", "smoke", cwd=tmp_path)
    assert "report" in output
    assert list((tmp_path / "terrasweep-store" / "reports" / "smoke").glob("*.html"))
