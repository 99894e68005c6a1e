"""What a record tells: by which code something was made, and what in its spec was assumed."""

import json
import os
import platform
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import pytest

from terrasweep.infra.install import ROOMS, import_root
from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Step
from terrasweep.infra.storage.artifacts import list_artefacts
from terrasweep.infra.storage.record import Record, assumed, drift, new_record
from terrasweep.infra.telemetry.provenance import COMMIT_ENV, provenance
from terrasweep.models.spec import TrainingSpec
from terrasweep.pipelines.spec import InitSpec, PretrainSpec
from tests.support.paths import REPOSITORY

ASK = """
import json
from terrasweep.infra.telemetry.provenance import checkout
print(json.dumps(checkout()))
"""


def asked(home: Path, **more: str) -> list[object]:
    """What a fresh process whose rooms lie in ``home`` says of its checkout."""
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(home / "src"), **more}
    command = [sys.executable, "-c", ASK]
    done = subprocess.run(command, cwd=home, env=env, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def git(home: Path, *words: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main"]
    command = ["git", "-C", str(home), *who, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the rooms, as an installation has it."""
    home = tmp_path / "copy"
    package = home / "src" / "terrasweep"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('"""The package."""\n')
    for room in ROOMS:
        (home / room).mkdir()
        (home / room / "__init__.py").write_text('"""A room."""\n')
        (package / room).symlink_to(home / room)
    (home / "infra" / "telemetry").mkdir()
    (home / "infra" / "telemetry" / "__init__.py").touch()
    for file in ("telemetry/provenance.py", "install.py", "errors.py"):
        shutil.copy(REPOSITORY / "infra" / file, home / "infra" / file)
    return home


def test_a_checkout_knows_its_commit_and_whether_it_is_clean(copy: Path):
    (copy / ".gitignore").write_text("__pycache__/\n")
    git(copy, "init")
    git(copy, "add", ".")
    git(copy, "commit", "-m", "first")
    head = git(copy, "rev-parse", "HEAD")
    assert asked(copy) == [head, False]

    (copy / "notes.txt").write_text("no code")
    assert asked(copy) == [head, False]

    (copy / "models" / "mine.py").write_text('"""A new member changes what can be made."""\n')
    assert asked(copy) == [head, True]


def test_an_installed_copy_does_not_answer_for_the_repository_around_it(copy: Path):
    git(copy.parent, "init")
    (copy.parent / "a").touch()
    git(copy.parent, "add", "a")
    git(copy.parent, "commit", "-m", "somebody else's")
    assert asked(copy) == ["unknown", None]


@pytest.mark.parametrize(("said", "heard"), [("abc", ["abc", False]), ("abc+dirty", ["abc", True])])
def test_a_worker_is_told_the_commit_of_its_driver(copy: Path, said: str, heard: list[object]):
    assert asked(copy, **{COMMIT_ENV: said}) == heard


def test_provenance_names_machine_and_libraries_but_no_host():
    told = provenance(started=datetime(2026, 1, 1, tzinfo=UTC), seconds=1.23456)
    assert told.versions["python"] == platform.python_version()
    assert {"torch", "ray", "pyarrow", "numpy"} <= set(told.versions)
    assert told.started == "2026-01-01T00:00:00+00:00"
    assert told.seconds == 1.235
    assert told.cpus >= 1
    assert os.uname().nodename not in told.model_dump_json()


def test_the_gpu_is_named_by_the_driver_s_own_tool(tmp_path: Path):
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'NVIDIA H100 80GB HBM3'\necho 'NVIDIA H100 80GB HBM3'\n")
    tool.chmod(0o755)
    code = (
        "import sys; from datetime import *;"
        "from terrasweep.infra.telemetry.provenance import provenance;"
        "print(provenance(started=datetime.now(timezone.utc), seconds=0).gpu);"
        "assert 'torch' not in sys.modules"
    )
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin", "PYTHONPATH": str(import_root())}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "NVIDIA H100 80GB HBM3"


def test_a_record_keeps_every_field_its_needs_and_what_it_made(tmp_path: Path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.bin").write_bytes(b"abc")
    need = Step("init", InitSpec(model={"name": "tiny"}))
    step = Step("pretrain", PretrainSpec(training={"epochs": 3}), (need,), label="any")

    record = new_record(
        step, artefacts=list_artefacts(tmp_path), started=datetime.now(UTC), seconds=1
    )

    assert record.key == str(step.key)
    assert record.needs == (str(need.key),)
    assert record.label == "any"
    assert record.everything["training"]["epochs"] == 3
    assert record.everything["training"]["batch_size"] == TrainingSpec().batch_size
    assert "batch_size" not in record.spec["training"]
    made = record.artefacts["deep/a.bin"]
    assert made.bytes == 3
    assert made.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert Record.model_validate_json(record.model_dump_json()) == record


class Guess(Spec):
    assumed: ClassVar[tuple[str, ...]] = ("width",)

    width: int = 7
    depth: int = 2


class Outer(Spec):
    guess: Guess = Guess()
    more: tuple[Guess, ...] = ()


def test_what_was_assumed_is_named_however_deep():
    assert assumed(Outer()) == ("guess.width",)
    assert assumed(Outer(more=(Guess(), Guess(width=8)))) == ("guess.width", "more[0].width")


def test_what_was_said_is_not_assumed():
    assert assumed(Outer(guess=Guess(width=8))) == ()


@pytest.mark.parametrize(
    ("was", "now", "fields"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, ["a"]),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, ["a.b[1]"]),
        ({"a": [1]}, {"a": [1, 2]}, ["a"]),
        ({"a": 1, "gone": 1}, {"a": 1, "new": 2}, []),
        ({"a": None}, {"a": 0}, ["a"]),
        ({"b": 1, "a": 1}, {"a": 2, "b": 2}, ["a", "b"]),
    ],
)
def test_drift_is_what_both_know_and_say_otherwise(was, now, fields):
    assert [found.field for found in drift(was, now)] == fields
