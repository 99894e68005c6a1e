"""Cells become rows: judged, noted, excluded, or refused with a sentence."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from sklearn.metrics import f1_score

from terrasweep.infra.context import Context
from terrasweep.infra.errors import BadDataError, SpecError
from terrasweep.infra.spec import Spec
from terrasweep.infra.storage.ledger import Ledger
from terrasweep.infra.storage.store import Store
from terrasweep.models.members import METRICS, PROBES
from terrasweep.models.probes.constant.spec import ConstantSpec
from terrasweep.models.probes.full.spec import FullSpec
from terrasweep.models.probes.linear.spec import LinearSpec
from terrasweep.models.zoo.tiny.spec import TinySpec
from terrasweep.pipelines.stages import encode as encoding
from terrasweep.pipelines.stages import finetune, init
from terrasweep.pipelines.stages import task as task_stage
from terrasweep.pipelines.stages.encode import FEATURES
from terrasweep.samplers.formats.arrays import to_arrays, to_table
from terrasweep.samplers.spec.tasks import Region
from terrasweep.samplers.tasks.planet_biome.spec import PlanetBiomeSpec
from terrasweep.samplers.tasks.planet_crop.spec import PlanetCropSpec
from tests.support import origins
from tests.support.cells import encode_step, grid, measured
from tests.support.problems import judges

LINEAR = LinearSpec(name="linear")
CROP = PlanetCropSpec(name="planet_crop")


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(Store.open(str(tmp_path / "store")))


def relabelled(change) -> tuple:
    features, task = measured()
    columns = to_arrays(task)
    labels = change(columns["label"].copy(), columns["continent"])
    return features, to_table({**columns, "label": labels})


def test_a_row_says_what_was_done_and_how_well(context: Context):
    features, task = measured()
    (cell,) = grid([LINEAR], continents=[Region.ASIA], seeds=[4])
    (row,) = finetune.rows([cell], context=context, features=features, task=task)
    held = to_arrays(task)["continent"].tolist().count("asia")
    assert (row.key, row.features) == (str(cell.key), str(cell.need("encode").key))
    assert (row.continent, row.n, row.protocol, row.seed) == ("asia", 30, "linear", 4)
    assert (row.n_train, row.n_test, row.classes) == (30, held - 30, 2)
    assert set(row.metrics) == {n for n in METRICS.names if "binary" in METRICS[n].JUDGES}
    assert row.value == row.metrics["f1"]
    assert json.loads(row.fields)["protocol"]["c"] == 1.0
    assert row.value > 0.6
    assert row.excluded is None


def test_the_score_is_that_of_the_remainder(context: Context):
    """The constant probe's F1 can be had by hand."""
    features, task = measured()
    cells = grid([ConstantSpec(name="constant")], continents=[Region.GLOBAL], seeds=range(5))
    labels = to_arrays(task)["label"]
    for row in finetune.rows(cells, context=context, features=features, task=task):
        said_crop = row.metrics["f1"] > 0
        share = row.metrics["accuracy"] if said_crop else 1 - row.metrics["accuracy"]
        truth = np.arange(row.n_test) < round(share * row.n_test)
        said = np.full(row.n_test, said_crop)
        assert row.n_test == len(labels) - 30
        assert row.metrics["f1"] == pytest.approx(f1_score(truth, said))


@pytest.mark.parametrize("name", [name for name in PROBES.names if "binary" in judges(name)])
def test_every_protocol_gives_rows_that_the_ledger_takes(name: str, context: Context):
    features, task = measured()
    cells = grid([PROBES.spec(name)(name=name)], seeds=[0, 1])
    source = origins.plain(features)
    rows = finetune.rows(cells, context=context, features=features, task=task, source=source)
    ledger = Ledger(context.store)
    ledger.append(rows)
    assert ledger.done() == {str(cell.key) for cell in cells}
    assert all(0 <= row.value <= 1 for row in rows)


def test_a_region_too_small_or_of_one_class_is_excluded_not_scored(context: Context):
    features, task = relabelled(lambda labels, place: np.where(place == "africa", 0, labels))
    cells = grid([LINEAR], continents=[Region.AFRICA, Region.ASIA], sizes=[30, 5000])
    rows = finetune.rows(cells, context=context, features=features, task=task)
    reasons = {(row.continent, row.n): row.excluded for row in rows}
    assert "single class, not crop" in reasons["africa", 30]
    assert "labelled samples" in reasons["asia", 5000]
    assert reasons["asia", 30] is None
    assert [row.value is None for row in rows] == [row.excluded is not None for row in rows]
    assert all(not row.metrics for row in rows if row.excluded)


def test_a_class_the_draw_lacks_is_noted_by_name(context: Context):
    labels = np.zeros(400, dtype=np.int64)
    labels[200:] = 1
    labels[::50] = 3
    features, task = relabelled(lambda *_: labels)
    encode = encode_step(PlanetBiomeSpec(name="planet_biome"))
    cells = grid([LINEAR], continents=[Region.GLOBAL], sizes=[15], seeds=range(8), encode=encode)
    rows = finetune.rows(cells, context=context, features=features, task=task)
    lacking = [row for row in rows if row.classes == 2]
    assert lacking
    for row in rows:
        noted = any(note.startswith("not in the draw: ") for note in row.notes)
        assert noted == (row.classes == 2)
        assert row.metric == "f1_macro"
        assert "f1" not in row.metrics


def test_what_does_not_converge_is_noted(context: Context):
    features, task = measured()
    cells = grid([LinearSpec(name="linear", max_iter=1)])
    for row in finetune.rows(cells, context=context, features=features, task=task):
        assert row.notes == ("not converged after 1 iterations",)


@pytest.mark.parametrize("poison", [np.nan, np.inf])
def test_features_that_are_no_numbers_are_refused_not_scored(poison: float, context: Context):
    features, task = measured()
    features[[7, 9], 3] = poison
    with pytest.raises(BadDataError, match="2 of 400 samples, the first of them 's7'"):
        finetune.rows(grid([LINEAR]), context=context, features=features, task=task)


def test_features_of_another_task_are_refused(context: Context):
    features, task = measured()
    with pytest.raises(BadDataError, match="399 vectors for 400 samples"):
        finetune.rows(grid([LINEAR]), context=context, features=features[1:], task=task)


def test_a_metric_that_does_not_fit_the_classes_is_refused(context: Context):
    class Misjudged(PlanetBiomeSpec):
        metric: str = "f1"

    encode = encode_step()
    data = encode.need("task")
    wrong = data.spec.model_copy(update={"task": Misjudged(name="planet_biome")})
    encode = type(encode)("encode", encode.spec, (encode.needs[0], type(data)("task", wrong)))
    features, task = measured()
    with pytest.raises(SpecError, match="Expected a metric for 14 classes"):
        finetune.rows(grid([LINEAR], encode=encode), context=context, features=features, task=task)


def test_little_memory_makes_smaller_parts_and_the_same_rows(
    context: Context, monkeypatch: pytest.MonkeyPatch
):
    features, task = measured()
    cells = grid([LINEAR], seeds=range(4))
    plenty = finetune.rows(cells, context=context, features=features, task=task)
    monkeypatch.setattr(finetune, "_room", lambda: 1)
    scarce = finetune.rows(cells, context=context, features=features, task=task)
    assert [row.metrics for row in scarce] == [row.metrics for row in plenty]


def test_no_cells_give_no_rows(context: Context):
    features, task = measured()
    assert finetune.rows([], context=context, features=features, task=task) == []


def test_cells_are_read_from_the_store(context: Context):
    encode = encode_step(PlanetCropSpec(name="planet_crop", per_continent=60))
    data = encode.need("task")
    context.store.make(data, lambda folder: task_stage.make(data, context=context, folder=folder))
    features = measured(360)[0]
    context.store.make(encode, lambda folder: save_file({"features": features}, folder / FEATURES))
    rows = finetune.finetune(grid([LINEAR], encode=encode), context)
    assert [row.n_train + row.n_test for row in rows] == [60, 360]


def test_a_protocol_that_trains_the_network_reads_it_from_the_store(context: Context):
    """Its rows are the same alone and beside others, and say by which recipe they came about."""
    encode = encode_step(PlanetCropSpec(name="planet_crop", per_continent=60))
    makers = {"init": init.make, "task": task_stage.make, "encode": encoding.make}
    for step in (*encode.needs, encode):
        make = makers[step.stage]
        context.store.make(
            step, lambda folder, step=step, make=make: make(step, context=context, folder=folder)
        )
    full = FullSpec(name="full").for_network(TinySpec(name="tiny"))
    cells = grid([LINEAR, full], encode=encode, seeds=[0, 1])
    rows = {row.key: row for row in finetune.finetune(cells, context)}
    (alone,) = finetune.finetune([cells[-1]], context)
    assert alone.metrics == rows[alone.key].metrics
    assert json.loads(alone.fields)["protocol"]["tuning"]["lr"] == 3e-4
    assert all(0 <= row.value <= 1 for row in rows.values())


def test_progress_counts_cells(tmp_path: Path):
    heard: list[tuple[float, float]] = []
    store = Store.open(str(tmp_path / "store"))
    context = Context(store, progress=lambda done, total: heard.append((done, total)))
    features, task = measured()
    cells = grid([LINEAR, ConstantSpec(name="constant")], seeds=[0, 1])
    finetune.rows(cells, context=context, features=features, task=task)
    assert heard == [(4, 8), (8, 8)]


def columns_of_crop(**changes) -> dict[str, np.ndarray]:
    spec: Spec = PlanetCropSpec(name="planet_crop", per_continent=20)
    columns = dict(task_stage.TASKS["planet_crop"].read(spec))
    for name, change in changes.items():
        columns[name] = change(columns[name])
    return columns


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"label": lambda a: a + 1}, "2 classes are numbered from 0"),
        ({"label": lambda a: a.astype(float)}, "no column 'label' of kind i"),
        ({"id": lambda a: np.full_like(a, "same")}, "'same' 120 times"),
        ({"lat": lambda a: a + 200}, "without a place on Earth"),
        ({"lon": lambda a: a * np.nan}, "without a place on Earth"),
        ({"x": lambda a: a[1:]}, "columns of unequal length"),
    ],
)
def test_a_task_with_bad_columns_is_refused(changes: dict, said: str):
    with pytest.raises(BadDataError, match="task planet_crop") as caught:
        task_stage.check(columns_of_crop(**changes), spec=CROP, classes=("a", "b"))
    assert said in str(caught.value)


@pytest.mark.parametrize("name", list(task_stage.KINDS))
def test_a_task_without_a_column_is_refused(name: str):
    columns = columns_of_crop()
    del columns[name]
    with pytest.raises(BadDataError, match=f"no column '{name}'"):
        task_stage.check(columns, spec=CROP, classes=("a", "b"))


def test_a_task_without_a_sample_is_refused():
    columns = {name: column[:0] for name, column in columns_of_crop().items()}
    with pytest.raises(BadDataError, match="no sample at all"):
        task_stage.check(columns, spec=CROP, classes=("a", "b"))
