"""What travels with a job: the rooms and the sweep's file, and nothing of the folder it lies in."""

from pathlib import Path

import pytest

from terrasweep.infra.cluster import jobs
from terrasweep.infra.install import ROOMS
from terrasweep.sweeps import cli
from terrasweep.sweeps.commands import submit


def test_the_rooms_travel_without_what_python_leaves_in_them(tmp_path):
    jobs.pack(tmp_path)
    package = tmp_path / "terrasweep"
    assert list(tmp_path.iterdir()) == [package]
    assert {path.name for path in package.iterdir() if path.is_dir()} == set(ROOMS)
    assert (package / "sweeps" / "catalog" / "smoke.yaml").is_file()
    assert not [path for path in package.rglob("*") if path.is_symlink()]
    assert not list(tmp_path.rglob("*.pyc"))


@pytest.mark.parametrize(
    ("text", "there"),
    [("smoke", "smoke"), ("mine.yaml", "asked/mine.yaml"), ("q.py:SWEEP", "asked/q.py:SWEEP")],
)
def test_of_a_researchers_folder_only_the_sweeps_file_travels(tmp_path, monkeypatch, text, there):
    home, folder = tmp_path / "home", tmp_path / "folder"
    home.mkdir()
    folder.mkdir()
    for name in ("mine.yaml", "q.py", "secret.txt"):
        (home / name).write_text(name)
    monkeypatch.chdir(home)
    assert submit._copy_sweep_file(text, folder=folder) == there
    names = {path.name for path in folder.rglob("*") if path.is_file()}
    assert names <= {"mine.yaml", "q.py"}
    assert len(names) == (text != "smoke")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["submit", "smoke", "--address", "http://127.0.0.1:1"], "a store that every node"),
        (["logs", "smoke"], "Expected the address of a cluster"),
        (["cancel", "smoke", "--address", "127.0.0.1:1"], "Ray cluster at http://127.0.0.1:1"),
    ],
)
def test_what_is_missing_is_said_in_one_sentence(
    line: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.delenv("TERRASWEEP_STORE", raising=False)
    monkeypatch.delenv("RAY_API_SERVER_ADDRESS", raising=False)
    monkeypatch.chdir(tmp_path)
    assert cli.main(line) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert words in said
