"""Maps of classes, end to end: published files, patch features, a linear head, scores by pixel."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, jaccard_score

from terrasweep.infra.context import Context
from terrasweep.infra.errors import BadDataError, SpecError
from terrasweep.infra.storage.store import Store
from terrasweep.models.members import METRICS
from terrasweep.models.probes.segment import probe
from terrasweep.models.probes.segment.spec import SegmentSpec
from terrasweep.models.probing.problem import NOTHING, Prediction, Problem
from terrasweep.pipelines.stages import encode, finetune, init
from terrasweep.pipelines.stages import task as task_stage
from terrasweep.samplers.members import TASKS
from terrasweep.sweeps.plan.grid import plan
from terrasweep.sweeps.spec.sweep import Sweep
from tests.data.forty import make as forty
from tests.data.geobench import make as geobench
from tests.support.problems import problem_of

SEGMENT = SegmentSpec(name="segment")
MAKERS = {"init": init.make, "task": task_stage.make, "encode": encode.make}
NETWORKS = {
    "vit_mae": {"image_px": 32, "width": 16, "depth": 1, "heads": 2},
    "satmae": {"image_px": 32, "width": 24, "depth": 1, "heads": 2, "channel_width": 8},
}


def sweep_of(folder: Path, *, model: dict, protocols: list, metric: str = "miou") -> Sweep:
    task = {"name": "forty", **forty.make(folder), "of_maps": "whole", "metric": metric}
    entry = {
        "name": "own",
        "model": model,
        "pool": {"name": "planet", "size": 100, "arrays": "patches", "size_px": 32},
        "tasks": [{"name": "forests", "task": task}],
    }
    return Sweep.model_validate(
        {
            **{"name": "maps", "question": "?", "hypothesis": "!", "baseline": "zero"},
            "compositions": [{"name": "zero", "rule": {"kind": "zero"}}],
            **{"models": [entry], "continents": ["global"], "n": [5], "seeds": 2},
            "draw": {"held_out": "official", "fewest_test": 3},
            "protocols": protocols,
        }
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_a_sweep_over_maps_is_made_from_the_published_files(name: str, tmp_path: Path):
    context = Context(Store.open(str(tmp_path / "store")))
    (folder := tmp_path / "forty").mkdir()
    model = {"name": name, **NETWORKS[name]}
    planned = plan(sweep_of(folder, model=model, protocols=["segment", "constant"]))
    for step in planned.steps:
        make = MAKERS[step.stage]
        context.store.make(
            step, lambda home, step=step, make=make: make(step, context=context, folder=home)
        )
    rows = finetune.finetune([cell.step for cell in planned.included], context)
    assert {row.protocol for row in rows} == {"segment", "constant"}
    for row in rows:
        assert set(row.metrics) == {"miou", "f1_macro", "f1_weighted", "accuracy"}
        assert row.value == row.metrics["miou"]
        assert 0 <= row.value <= 1
        assert (row.n_train, row.n_test, row.classes) == (5, 3, 5)
        assert row.excluded is None


def test_a_map_keeps_its_pixels_and_what_is_unlabelled_is_nothing(tmp_path: Path):
    spec = TASKS.spec("forty").model_validate(
        {"name": "forty", **forty.make(tmp_path), "of_maps": "whole", "metric": "miou"}
    )
    read = TASKS["forty"].read(spec)
    task_stage.check(read, spec=spec, classes=TASKS["forty"].classes(spec))
    assert read["label"].shape == (8, 128, 128)
    assert (read["label"][:, :30] == NOTHING).all()
    assert sorted(read["label"][:5, 40, 40].tolist()) == [0, 1, 2, 3, 4]


def test_maps_of_geobench_are_read_whole(tmp_path: Path):
    geobench.make(tmp_path)
    for at, path in enumerate(sorted(tmp_path.glob("*.hdf5"))):
        with h5py.File(path, "a") as file:
            file["label_2018-06-01"] = np.tile([at % 3, 255], (16, 8))
    fields = {"path": str(tmp_path), "dataset": "m-cashew-plant", "of_maps": "whole"}
    spec = TASKS.spec("geobench").model_validate(
        {"name": "geobench", **fields, "unlabelled": 255, "metric": "miou"}
    )
    read = TASKS["geobench"].read(spec)
    task_stage.check(read, spec=spec, classes=TASKS["geobench"].classes(spec))
    assert read["label"].shape == (16, 16, 16)
    assert set(np.unique(read["label"])) == {NOTHING, 0, 2}  # the third is of no part
    assert (read["label"][:, :, 1::2] == NOTHING).all()


def test_the_head_is_scikit_learns_optimum_on_patches_of_one_class():
    problem = problem_of("map", n=20, width=5, tested=10)
    plain = SegmentSpec(name="segment", standardised=False, stretch="nearest")
    (found,) = probe.fit_predict([problem], spec=plain)
    counts = probe.shares(problem.train_y, classes=np.arange(3), side=3)
    x, pixels = problem.train_x.reshape(-1, 5).astype(float), counts.sum(axis=1)
    seen = pixels > 0
    model = LogisticRegression(C=1.0, tol=1e-12, max_iter=10_000)
    weights = pixels[seen] * seen.sum() / pixels.sum()
    model.fit(x[seen], counts.argmax(axis=1)[seen], sample_weight=weights)
    said = model.predict(problem.test_x.reshape(-1, 5)).reshape(10, 3, 3)
    place = ((np.arange(7) + 0.5) * 3 / 7).astype(int)
    assert (found.labels == said[:, place[:, None], place]).mean() > 0.995


def test_pixels_without_a_class_say_nothing():
    problem = problem_of("map", n=20, width=5, tested=10)
    other = problem.train_y.copy()
    bare = problem.train_x.copy()
    other[3], bare[3] = NOTHING, 1e3
    spoilt = Problem(bare, other, problem.test_x, 3, 0)
    without = [np.delete(own, 3, axis=0) for own in (problem.train_x, problem.train_y)]
    short = Problem(*without, problem.test_x, 3, 0)
    one, two = probe.fit_predict([spoilt, short], spec=SEGMENT)
    assert (one.labels == two.labels).all()


def test_scores_are_those_of_all_labelled_pixels(tmp_path: Path):

    draw = np.random.Generator(np.random.PCG64(0))
    truth, said = draw.integers(-1, 3, (4, 9, 9)), draw.integers(0, 3, (4, 9, 9))
    known = truth != NOTHING
    flat = Prediction(said[known], np.empty((0, 0)))
    for name, official in {"miou": jaccard_score, "f1_macro": f1_score}.items():
        expected = official(truth[known], said[known], average="macro")
        assert METRICS[name].score(truth[known], flat) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("model", "protocol", "said"),
    [
        ({"name": "satmae"}, "knn", "constant, segment"),
        ({"name": "presto"}, "segment", "which presto reads"),
        ({"name": "tiny"}, "segment", "which tiny reads"),
    ],
)
def test_what_cannot_be_mapped_is_refused_before_anything_is_made(
    model: dict, protocol: str, said: str, tmp_path: Path
):
    with pytest.raises((ValueError, SpecError), match=said):
        sweep_of(tmp_path, model=model, protocols=[protocol])


def test_a_draw_of_maps_of_one_class_is_left_out(tmp_path: Path):
    problem = problem_of("map", n=20, width=5, tested=10)
    (found,) = probe.fit_predict(
        [Problem(problem.train_x, np.full((20, 7, 7), 2, np.int16), problem.test_x, 3, 0)],
        spec=SEGMENT,
    )
    assert (found.labels == 2).all()
    assert found.notes == ("the draw holds a single class",)


BAD = {
    "pixels outside the classes": (lambda maps: maps + 9, "where 8 classes are numbered from 0"),
    "a map without a label": (
        lambda maps: np.where(np.arange(8)[:, None, None] == 2, -1, maps),
        "got 1 maps without",
    ),
    "labels that are no maps": (lambda maps: maps[:, 0, 0], "labels of shape (8,)"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_maps_are_a_sentence(case: str, tmp_path: Path):
    spec = TASKS.spec("forty").model_validate(
        {"name": "forty", **forty.make(tmp_path), "of_maps": "whole", "metric": "miou"}
    )
    read, classes = TASKS["forty"].read(spec), TASKS["forty"].classes(spec)
    spoil, said = BAD[case]
    with pytest.raises(BadDataError, match="Expected the labelled samples of task forty") as caught:
        task_stage.check({**read, "label": spoil(read["label"])}, spec=spec, classes=classes)
    assert said in str(caught.value)
