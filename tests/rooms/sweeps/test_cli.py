"""The front door: every command, its exit code, and that programs can read what it prints."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from terrasweep.infra.errors import SpecError, StoreError
from terrasweep.infra.storage.ledger import Ledger
from terrasweep.infra.storage.store import Store
from terrasweep.sweeps.cli import COMMANDS, main
from terrasweep.sweeps.commands.options import planned_name
from terrasweep.sweeps.plan.grid import plan
from terrasweep.sweeps.reading.sweep_file import compositions, read
from tests.support.made import finish, make_steps, write_plan
from tests.support.paths import REPOSITORY
from tests.support.study import Study


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store that every command finds by its default."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TERRASWEEP_STORE", raising=False)
    return Store.open("terrasweep-store")


def test_python_m_sweeps_is_the_same_door(tmp_path: Path):
    house = REPOSITORY
    command = [sys.executable, "-m", "terrasweep"]
    ends = [
        subprocess.run([*command, *line], cwd=house, capture_output=True, text=True, check=False)
        for line in (["--help"], ["nothing"], ["plan", "smoke", "--store", str(tmp_path / "s")])
    ]
    assert [end.returncode for end in ends] == [0, 2, 0]
    assert all(name in ends[0].stdout for name in COMMANDS)
    assert "Traceback" not in ends[1].stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str, capsys):
    with pytest.raises(SystemExit) as end:
        main([name, "--help"])
    assert end.value.code == 0
    assert "--store" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["pln"], "got 'pln'. Fix: did you mean 'plan'?"),
        ([], "COMMAND"),
        (["plan"], "SWEEP"),
        (["plan", "smoke", "--colour"], "--colour"),
        (["plan", "smoke", "smoke"], "smoke"),
        (["plan", "smoke", "--stor", "x"], "--stor"),
        (["spec", "chek"], "did you mean 'check'?"),
        (["spec"], "check|schema"),
        (["composition", "show", "erope"], "did you mean 'europe'?"),
        (["run", "smoke", "--train-workers", "two"], "--train-workers"),
        (["run", "smoke", "--gpus-per-trial", "-1"], "--gpus-per-trial"),
        (["run", "smoke", "--cpus-per-trial", "nan"], "--cpus-per-trial"),
        (["report", "smoke"], "got no plan. Fix: run it first"),
        (["mirror", "smoke"], "got no plan. Fix: run it first"),
        (["explain", "nonsense!"], "Expected a key"),
        (["status", "nothing"], "got 'nothing'"),
    ],
)
def test_a_bad_line_is_one_sentence(line: list[str], words: str, store: Store, capsys):
    before = store.list("")
    assert main(line) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("terrasweep: Expected ")
    assert words in said
    assert store.list("") == before


def test_debug_shows_where_an_error_came_from(capsys):
    assert main(["plan", "nothing", "--debug"]) == 2
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert said.splitlines()[-1].startswith("terrasweep: Expected ")


def test_the_store_may_stand_before_or_after_the_command_or_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
):
    place = tmp_path / "mine"
    make_steps(plan(read("smoke")).steps, store=Store.open(str(place)))
    monkeypatch.chdir(tmp_path)
    lines = [["--store", str(place), "plan", "smoke"], ["plan", "smoke", "--store", str(place)]]
    monkeypatch.setenv("TERRASWEEP_STORE", str(tmp_path / "other"))
    counts = [shards_made(line, capsys) for line in [*lines, ["plan", "smoke"]]]
    monkeypatch.setenv("TERRASWEEP_STORE", str(place))
    assert [*counts, shards_made(["plan", "smoke"], capsys)] == [1, 1, 0, 1]


def shards_made(line: list[str], capsys) -> int:
    assert main([*line, "--json"]) == 0
    made: int = json.loads(capsys.readouterr().out)["stages"][0]["made"]
    return made


def test_plan_and_status_count_what_is_there(store: Store, capsys):
    planned = plan(read("smoke"))
    make_steps(planned.steps, store=store)
    finish([cell for cell in planned.included if cell.continent == "africa"], store=store)
    assert main(["plan", "smoke", "--json"]) == 0
    stages = {one["stage"]: one for one in json.loads(capsys.readouterr().out)["stages"]}
    assert (stages["finetune"]["planned"], stages["finetune"]["made"]) == (24, 12)
    assert main(["status", "smoke", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["coverage"]
    assert {(row["continent"], row["done"], row["open"]) for row in rows} == {
        ("africa", 3, 0),
        ("europe", 0, 3),
    }


def test_tables_that_go_to_a_file_are_never_cut(store: Store, capsys):
    planned = plan(read("smoke"))
    make_steps(planned.steps, store=store)
    key = str(planned.steps[-1].key)
    assert main(["explain", key]) == 0
    said = capsys.readouterr().out
    assert said.startswith(key)
    assert all(str(need.key) in said for need in planned.steps[-1].needs)


def test_explain_tells_programs_the_same(store: Store, capsys):
    make_steps(plan(read("smoke")).steps, store=store)
    (cell, *_) = plan(read("smoke")).included
    assert main(["explain", str(cell.step.key), "--sweep", "smoke", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["key"], told["made"], told["sweep"]) == (str(cell.step.key), False, "smoke")


def test_the_compositions_of_the_catalogue_are_listed_and_shown(capsys, tmp_path: Path):
    assert main(["composition", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in listed] == list(compositions())
    assert main(["composition", "show", "europe"]) == 0
    entry = capsys.readouterr().out.rstrip().replace("\n", "\n    ")
    text = REPOSITORY.joinpath("sweeps/catalog/smoke.yaml").read_text()
    file = tmp_path / "mine.yaml"
    file.write_text(
        text.replace("[zero, uniform, europe, stratified]", f"\n  - {entry}\n  - uniform")
    )
    assert main(["spec", "check", str(file)]) == 0


def test_spec_schema_is_json(capsys):
    assert main(["spec", "schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "Sweep"


def test_doctor_leaves_nothing_behind_and_tells_what_is_wrong(store: Store, capsys):
    before = store.list("")
    assert main(["doctor", "--json"]) == 0
    assert all(one["ok"] for one in json.loads(capsys.readouterr().out))
    assert store.list("") == before
    Path("terrasweep-store/store.json").write_text('{"format": 999}')
    assert main(["doctor"]) == 1
    assert "newer version" in capsys.readouterr().out


def test_ui_prints_the_line_that_opens_the_pages(store: Store, monkeypatch, capsys):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert main(["ui", "--print", "--port", "5001"]) == 0
    said = capsys.readouterr().out
    assert f"sqlite:///{Path('terrasweep-store/mlflow.db').resolve()}" in said
    assert "--port 5001" in said


def test_an_interrupt_says_how_to_go_on(store: Store, capsys):
    Path("my sweep.py").write_text("raise KeyboardInterrupt\n")
    assert main(["run", "my sweep.py:SWEEP"]) == 130
    said = capsys.readouterr().err
    assert "continue with `terrasweep run 'my sweep.py:SWEEP'`" in said


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path):
    house = REPOSITORY
    line = f"{sys.executable} -m terrasweep spec schema | head -c 10"
    end = subprocess.run(
        ["bash", "-c", line], cwd=house, capture_output=True, text=True, check=False
    )
    assert (end.stdout.startswith("{"), end.stderr) == (True, "")


def test_a_planned_sweep_is_known_by_name_without_its_file(store: Store):
    planned = plan(read("smoke").model_copy(update={"name": "gone"}))
    write_plan(planned, store=store)
    assert planned_name("gone", ledger=Ledger(store)) == "gone"
    with pytest.raises(StoreError, match="run it first"):
        planned_name("smoke", ledger=Ledger(store))
    with pytest.raises(SpecError, match="quickstart"):
        planned_name("quikstart", ledger=Ledger(store))


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study(root=tmp_path / "study", seeds=3).write()


def test_the_report_is_written_from_the_ledger_alone(study: Study, tmp_path: Path, capsys):
    store = ["--store", study.store.uri]
    assert main(["report", study.name, *store, "--json"]) == 0
    page = Path(json.loads(capsys.readouterr().out)["report"])
    assert page.is_relative_to(Path(study.store.uri).resolve())
    assert page.read_text().startswith("<!")
    assert main(["report", study.name, *store, "--out", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "out" / page.name)


@pytest.mark.slow
def test_a_mirror_that_is_up_to_date_has_nothing_to_do(study: Study, tmp_path: Path, capsys):
    line = ["mirror", study.name, "--store", study.store.uri, "--json"]
    line += ["--tracking", f"sqlite:///{tmp_path / 'mlflow.db'}"]
    told = []
    for _ in range(2):
        assert main(line) == 0
        told.append(json.loads(capsys.readouterr().out))
    assert told[0]["created"] > 0
    assert (told[1]["created"], told[1]["unchanged"]) == (0, told[0]["created"])
