"""A wheel built from the repository and installed in an empty environment runs the quickstart."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.paths import REPOSITORY

ROOMS = {"sweeps", "pipelines", "dashboards", "models", "samplers", "infra"}


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


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", out, REPOSITORY, cwd=REPOSITORY)
    (built,) = out.glob("*.whl")
    return built


def test_the_wheel_holds_the_six_rooms_their_data_and_nothing_else(wheel: Path):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == ROOMS
    assert "sweeps/catalog/quickstart.yaml" in names


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_an_empty_environment_runs_the_quickstart_from_the_wheel(wheel: Path, tmp_path: Path):
    run(sys.executable, "-m", "venv", "fresh", cwd=tmp_path)
    python = tmp_path / "fresh" / "bin" / "python"
    pip = [python, "-m", "pip", "install", "--quiet", "--no-compile"]
    pip += ["--constraint", REPOSITORY / "constraints.txt"]
    run(*pip, "torch", cwd=tmp_path, timeout=600)
    run(*pip, wheel, cwd=tmp_path, timeout=600)
    said = run(python.with_name("terrasweep"), "run", "smoke", cwd=tmp_path)
    assert "report" in said
    assert list((tmp_path / "terrasweep-store" / "reports" / "smoke").glob("*.html"))
