"""Weights from outside stand in a sweep beside compositions, and are known by what they are."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from terrasweep.infra.context import Context
from terrasweep.infra.errors import SpecError, UserError
from terrasweep.infra.storage.ledger import Ledger
from terrasweep.infra.storage.store import Store
from terrasweep.infra.tracking.sweep_runs import sweep_runs
from terrasweep.models.zoo.presto.spec import PrestoSpec
from terrasweep.pipelines import checkpoint_card
from terrasweep.pipelines.stages import checkpoint, encode
from terrasweep.pipelines.stages import task as task_stage
from terrasweep.sweeps.cli import main
from terrasweep.sweeps.inspect.status import status
from terrasweep.sweeps.pages.write import write_report
from terrasweep.sweeps.plan import plan_table
from terrasweep.sweeps.plan.grid import Plan, plan
from terrasweep.sweeps.plan.plan_table import description
from terrasweep.sweeps.reading.sweep_file import read
from terrasweep.sweeps.spec.sweep import Sweep
from tests.data.official import make
from tests.support.made import finish, make_steps

PRESTO = {
    "name": "presto",
    "model": {"name": "presto", "width": 32},
    "pool": {"name": "planet", "size": 3000},
    "tasks": [{"name": "crop", "task": {"name": "planet_crop", "per_continent": 100}}],
}
TINY = {**PRESTO, "name": "tiny", "model": {"name": "tiny"}}


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the published file and what an import made of it."""
    home = tmp_path_factory.mktemp("official")
    make.save_from_cuda(make.presto(), home / "default_model.pt")
    line = ["checkpoint", "import", "presto", str(home / "default_model.pt")]
    assert main([*line, "--output", str(home / "presto")]) == 0
    return home


def sweep(folder: Path, *, models: tuple[object, ...] = (PRESTO,), **fields: object) -> Sweep:
    said = {
        "name": "beside",
        "question": "?",
        "hypothesis": "!",
        "compositions": [
            {"name": "zero", "rule": {"kind": "zero"}},
            {"name": "uniform", "rule": {"kind": "uniform"}},
            {"name": "europe", "checkpoint": str(folder)},
        ],
        "size": 300,
        "baseline": "uniform",
        "models": models,
        "continents": ["africa", "europe"],
        "n": [40],
        "protocols": ["linear"],
        "seeds": 3,
    }
    return Sweep.model_validate({**said, **fields})


def of_checkpoint(planned: Plan) -> list[tuple[str, int, str | None]]:
    own = [cell for cell in planned.cells if cell.composition == "europe"]
    return sorted({(cell.model, cell.replicate, cell.excluded) for cell in own})


def test_the_key_follows_from_the_weights_and_not_from_the_path(official: Path, tmp_path: Path):
    moved = tmp_path / "elsewhere"
    shutil.copytree(official / "presto", moved)
    card = json.loads((moved / "card.json").read_text())
    card["origin"]["file"] = "another name.pt"
    (moved / "card.json").write_text(json.dumps(card))
    keys = [
        {cell.step.key for cell in plan(sweep(folder)).included}
        for folder in (official / "presto", moved)
    ]
    assert keys[0] == keys[1]
    card["weights"] = "0" * 64
    (moved / "card.json").write_text(json.dumps(card))
    assert {cell.step.key for cell in plan(sweep(moved)).included} != keys[0]


def test_it_is_neither_drawn_nor_trained_and_other_keys_stay(official: Path):
    with_it = plan(sweep(official / "presto"))
    alone = sweep(official / "presto")
    without = plan(alone.model_copy(update={"compositions": alone.drawn}))
    assert {step.key for step in without.steps} <= {step.key for step in with_it.steps}
    new = [step for step in with_it.steps if step.key not in {one.key for one in without.steps}]
    assert [step.stage for step in new] == ["checkpoint", "encode"]
    assert new[0].needs == ()
    assert new[0].spec.model == PrestoSpec(name="presto")


def test_it_has_cells_for_its_own_network_and_one_replicate_alone(official: Path):
    planned = plan(sweep(official / "presto", models=(PRESTO, TINY), replicates=2))
    once = "one network from outside, judged once"
    assert of_checkpoint(planned) == [
        ("presto", 0, None),
        ("presto", 1, once),
        ("tiny", 0, "a checkpoint of presto"),
        ("tiny", 1, "a checkpoint of presto"),
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"models": (TINY,)}, "a checkpoint of a network of this sweep \\(tiny\\), got one of"),
        (
            {"models": (PRESTO, TINY), "baseline": "europe"},
            "a baseline that every model of the sweep has, got a checkpoint of presto alone",
        ),
    ],
)
def test_a_checkpoint_that_fits_no_model_is_refused(official: Path, change, said):
    with pytest.raises(ValueError, match=said):
        sweep(official / "presto", **change)


@pytest.mark.parametrize(
    ("card", "said"),
    [
        (None, "no card.json in it"),
        ("{", "a card.json of something else"),
        ("[]", "a card.json of something else"),
        ('{"model": {"name": "presto"}}', "a card.json of something else"),
    ],
)
def test_a_folder_without_a_good_card_is_refused_where_it_is_named(card, said, tmp_path: Path):
    folder = tmp_path / "mine"
    folder.mkdir()
    if card is not None:
        (folder / "card.json").write_text(card)
    data = sweep_file(folder)
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(data))
    with pytest.raises(SpecError) as refused:
        read(str(path))
    line = next(at for at, text in enumerate(path.read_text().splitlines(), 1) if "mine" in text)
    assert f"mine.yaml:{line}:" in str(refused.value)
    assert said in str(refused.value)
    assert "terrasweep checkpoint import" in str(refused.value)


def sweep_file(folder: Path) -> dict[str, object]:
    own = [{"name": "europe", "checkpoint": str(folder)}, "uniform"]
    return {
        "question": "?",
        "hypothesis": "!",
        "compositions": own,
        "size": 300,
        "baseline": "uniform",
        "models": [PRESTO],
        "continents": ["africa"],
        "n": [40],
        "protocols": ["linear"],
        "seeds": 2,
        "name": "file",
    }


def test_a_stranger_beside_a_checkpoint_is_told(official: Path, tmp_path: Path):
    data = sweep_file(official / "presto")
    data["compositions"][0]["size"] = 100
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump(data))
    with pytest.raises(SpecError, match=r"a known field of `compositions\.0`, got 'size'"):
        read(str(tmp_path / "bad.yaml"))


def test_a_file_is_read_with_its_checkpoint(official: Path, tmp_path: Path):
    (tmp_path / "good.yaml").write_text(yaml.safe_dump(sweep_file(official / "presto")))
    found = read(str(tmp_path / "good.yaml"))
    assert [entry.name for entry in found.compositions] == ["europe", "uniform"]
    assert [entry.name for entry in found.drawn] == ["uniform"]


def test_weights_that_are_not_those_of_the_card_get_into_no_store(official: Path, tmp_path: Path):
    altered = tmp_path / "altered"
    shutil.copytree(official / "presto", altered)
    data = bytearray((altered / "weights.safetensors").read_bytes())
    data[-1] ^= 1
    (altered / "weights.safetensors").write_bytes(data)
    store = Store.open(str(tmp_path / "store"))
    with pytest.raises(UserError, match="a file with sha256"):
        checkpoint.admit(checkpoint_card.read(altered), store=store, label="altered")
    assert store.list("checkpoint") == []


def test_its_features_are_made_like_those_of_any_checkpoint(official: Path, tmp_path: Path):
    planned, store = plan(sweep(official / "presto")), Store.open(str(tmp_path / "store"))
    cell = next(cell for cell in planned.included if cell.composition == "europe")
    checkpoint.admit(checkpoint_card.read(official / "presto"), store=store, label="europe")
    task, context = cell.features.need("task"), Context(store)
    store.make(task, lambda folder: task_stage.make(task, context=context, folder=folder))
    features = cell.features
    store.make(features, lambda folder: encode.make(features, context=context, folder=folder))
    assert encode.read(features, context=context).shape == (600, 128)


@pytest.fixture(scope="module")
def judged(official: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Sweep, Store]:
    """A sweep with two replicates whose cells are all finished."""
    store = Store.open(str(tmp_path_factory.mktemp("judged")))
    made = sweep(official / "presto", replicates=2)
    planned = plan(made)
    checkpoint.admit(checkpoint_card.read(official / "presto"), store=store, label="europe")
    make_steps([step for step in planned.steps if step.stage == "init"], store=store)
    finish(planned.included, store=store)
    Ledger(store).write_plan(made.name, plan_table.table(planned), description(planned))
    return made, store


def test_report_and_mirror_say_whose_weights_they_are(judged: tuple[Sweep, Store]):
    made, store = judged
    origin = made.compositions[2].card.origin
    page = write_report(made.name, store=store).read_text()
    assert "Checkpoints from outside" in page
    assert all(str(origin[item]) in page for item in ("file", "sha256"))
    assert made.compositions[2].card.weights in page
    (shown,) = [
        one for one in sweep_runs(store, Ledger(store), made.name) if one.kind == "checkpoint"
    ]
    assert shown.tags["origin.file"] == "default_model.pt"
    assert shown.tags["origin.sha256"] == origin["sha256"]
    assert shown.params == {"composition": "europe", "model": "presto"}


def test_in_the_tables_it_stands_beside_the_compositions(judged: tuple[Sweep, Store]):
    made, store = judged
    seen = status(plan(made), store=store)
    rows = {(row["composition"], row["continent"]): row for row in seen.coverage}
    assert rows["europe", "africa"]["done"] == 3
    assert rows["europe", "africa"]["excluded"] == 3
    assert "one network from outside" in rows["europe", "africa"]["why"]
    report = write_report(made.name, store=store).parent
    lines = (report / "differences.csv").read_text().splitlines()
    heads = lines[0].replace('"', "").split(",")
    row = dict(
        zip(heads, next(one for one in lines if "europe" in one).replace('"', "").split(","),
            strict=True)
    )  # fmt: skip
    assert (row["num_pairs"], row["num_replicates"]) == ("6", "2")
    scores = (report / "summary.csv").read_text().splitlines()
    own = next(one for one in scores if one.startswith('"europe"'))
    assert "without the luck of the pretraining run" in own
