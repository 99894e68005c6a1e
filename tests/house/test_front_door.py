"""The front door stays light, and the rooms keep to their floors."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import REPOSITORY

DRIVER = ", ".join(
    f"terrasweep.{name}"
    for name in (
        "sweeps.engine.run",
        "sweeps.engine.scheduler",
        "pipelines.stages.shard",
        "pipelines.stages.sample",
        "pipelines.stages.pretrain",
    )
)
HEAVY = {"torch", "ray", "mlflow", "numpy", "pyarrow", "pandas", "sklearn", "matplotlib"}


@pytest.mark.parametrize(
    "module",
    [
        "terrasweep.sweeps.plan.grid",
        "terrasweep.sweeps.reading.sweep_file",
        "terrasweep.sweeps.cli",
    ],
)
def test_planning_loads_nothing_heavy(module: str):
    code = f"import sys, {module}; print(sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_the_driver_of_a_sweep_does_without_torch():
    code = f"import sys, {DRIVER}; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "False", done.stderr


def test_the_import_contracts_hold():
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
