"""Rooms of two houses never mix, and the front door opens without heavy libraries."""

import subprocess
import sys
from pathlib import Path

import pytest

from infra.doorplate import ROOMS, house

LOOK = "from infra import doorplate; print(doorplate.house())"


def run(code: str, cwd: Path, *first: Path) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter that stands in ``cwd`` and can see this house."""
    command = [sys.executable, "-c", code]
    env = {"PYTHONPATH": ":".join(str(path) for path in (*first, house()))}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)


def room(home: Path, name: str, *, package: bool = True) -> None:
    (home / name).mkdir()
    (home / name / ("__init__.py" if package else "train.py")).touch()


def test_the_house_holds_every_room():
    assert all((house() / name / "__init__.py").is_file() for name in ROOMS)


def test_a_house_that_stands_alone_is_let_in(tmp_path: Path):
    assert run(LOOK, tmp_path).stdout.strip() == str(house())


@pytest.mark.parametrize("name", sorted({*ROOMS} - {"infra"}))
def test_a_stranger_at_the_door_is_named(tmp_path: Path, name: str):
    room(tmp_path, name)
    done = run(LOOK, tmp_path)
    assert done.returncode == 1
    assert f"{name} from {tmp_path}" in done.stderr


def test_a_stranger_further_down_the_path_does_no_harm(tmp_path: Path):
    elsewhere, here = tmp_path / "elsewhere", tmp_path / "here"
    elsewhere.mkdir()
    here.mkdir()
    room(elsewhere, "models")
    done = run(f"import sys; sys.path.append({str(elsewhere)!r})\n{LOOK}", here)
    assert done.stdout.strip() == str(house())


def test_a_folder_of_loose_files_is_no_room(tmp_path: Path):
    # A namespace package gives way to ours on the path behind it.
    room(tmp_path, "models", package=False)
    assert run(LOOK, tmp_path).stdout.strip() == str(house())


def test_a_lone_file_with_the_name_of_a_room_is_named(tmp_path: Path):
    (tmp_path / "models.py").touch()
    done = run(LOOK, tmp_path)
    assert done.returncode == 1
    assert f"models from {tmp_path / 'models.py'}" in done.stderr


def test_the_refusal_says_what_to_do(tmp_path: Path):
    room(tmp_path, "models")
    said = run(LOOK, tmp_path).stderr
    assert f"rename what has those names in {tmp_path}, or start from another folder" in said


def test_the_front_door_is_light(tmp_path: Path):
    heavy = {"torch", "ray", "mlflow", "numpy", "pyarrow"}
    done = run(f"import sys, sweeps.plan; print({heavy!r} & set(sys.modules))", cwd=tmp_path)
    assert done.stdout.strip() == "set()", done.stderr
