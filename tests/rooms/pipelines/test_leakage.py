"""Leakage lies beside features, whether or not the draw kept away from the task."""

import json
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Step
from terrasweep.infra.storage.store import Store
from terrasweep.models.zoo.tiny.spec import TinySpec
from terrasweep.pipelines import leakage
from terrasweep.pipelines.spec import EncodeSpec, InitSpec, PretrainSpec, SampleSpec, TaskDataSpec
from terrasweep.samplers.spec.composition import CompositionSpec
from terrasweep.samplers.spec.places import PerSample
from terrasweep.samplers.tasks.planet_crop.spec import PlanetCropSpec

INIT: Step[Spec] = Step("init", InitSpec(model=TinySpec(name="tiny")))
SAMPLE: Step[Spec] = Step(
    "sample", SampleSpec(composition=CompositionSpec(rule=PerSample(), size=2))
)
TASK: Step[Spec] = Step("task", TaskDataSpec(task=PlanetCropSpec(name="planet_crop")))
TRAINED: Step[Spec] = Step("pretrain", PretrainSpec(), (INIT, SAMPLE))


def places(name: str, lat: list[float], folder: Path) -> None:
    pq.write_table(pa.table({"lat": lat, "lon": [0.0] * len(lat)}), folder / name)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    opened = Store.open(str(tmp_path / "store"))
    opened.make(TASK, partial(places, "task.parquet", [0.0, 0.05, 1.0, 50.0]))
    return opened


def test_it_is_told_for_a_pretrained_checkpoint(store: Store, tmp_path: Path):
    store.make(SAMPLE, partial(places, "manifest.parquet", [0.001, 0.6]))
    leakage.write(Step("encode", EncodeSpec(), (TRAINED, TASK)), store=store, folder=tmp_path)
    told = json.loads((tmp_path / leakage.FILE).read_text())
    assert told == {"1": 0.25, "10": 0.5, "100": 0.75}
    assert told == leakage.of_draw(SAMPLE.key, task=TASK.key, store=store)


@pytest.mark.parametrize("checkpoint", [INIT, TRAINED], ids=["bare", "without its draw"])
def test_it_is_not_told_where_no_draw_is_at_hand(
    checkpoint: Step[Spec], store: Store, tmp_path: Path
):
    leakage.write(Step("encode", EncodeSpec(), (checkpoint, TASK)), store=store, folder=tmp_path)
    assert not (tmp_path / leakage.FILE).exists()
