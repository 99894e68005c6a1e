"""The package has one name, beside any folders of a user, and imports nothing heavy."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from terrasweep.infra.install import ROOMS, import_root, package_folder

PLAN = """
import terrasweep
from terrasweep.sweeps.plan.grid import plan
from terrasweep.sweeps.reading.sweep_file import read
print(len(plan(read("smoke")).cells))
"""
HEAVY = {"torch", "ray", "mlflow", "numpy", "pyarrow"}


def run(code: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter that stands in a folder."""
    env = {**os.environ, "PYTHONPATH": str(import_root())}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)


def test_the_package_holds_every_room():
    assert all((package_folder() / name / "__init__.py").is_file() for name in ROOMS)


def test_a_user_s_own_packages_of_the_same_names_do_no_harm(tmp_path: Path):
    for name in ROOMS:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('not this one')\n")
    done = run(PLAN, tmp_path)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 0


@pytest.mark.parametrize("name", ROOMS)
def test_no_room_is_installed_under_a_bare_name(name: str, tmp_path: Path):
    done = run(f"import {name}", tmp_path)
    assert f"No module named '{name}'" in done.stderr


def test_no_module_of_these_tests_goes_by_two_names():
    assert [name for name in sys.modules if name.split(".")[0] in ROOMS] == []


def test_the_front_door_is_light(tmp_path: Path):
    code = f"import sys, terrasweep.sweeps.plan.grid; print({HEAVY!r} & set(sys.modules))"
    done = run(code, tmp_path)
    assert done.stdout.strip() == "set()", done.stderr
