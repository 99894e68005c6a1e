"""A shard and a sample step in a store, written by hand: without Ray, without geography."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from terrasweep.infra.seeds import generator
from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Step
from terrasweep.infra.storage.store import Store
from terrasweep.models.spec import ModelSpec, TrainingSpec
from terrasweep.pipelines.spec import InitSpec, PretrainSpec, SampleSpec, ShardSpec, TowerSpec
from terrasweep.samplers.formats.arrays import to_table
from terrasweep.samplers.pools.planet.spec import PlanetSpec
from terrasweep.samplers.spec.composition import CompositionSpec
from terrasweep.samplers.spec.rules import Uniform

COARSE = (0x811FBFFFFFFFFFF, 0x8128BFFFFFFFFFF, 0x81A8FFFFFFFFFFF)


@dataclass(frozen=True)
class WrittenPool:
    """The steps, and the samples in the order of the manifest."""

    shard: Step[Spec]
    sample: Step[Spec]
    samples: dict[str, np.ndarray]

    def pretrain(self, model: ModelSpec, training: TrainingSpec) -> Step[Spec]:
        """Return a step that pretrains a network on the samples."""
        init = Step("init", InitSpec(model=model))
        needs = [init, self.sample]
        if model.has_frozen_tower:
            needs.append(Step("tower", TowerSpec(), (init, self.shard)))
        return Step("pretrain", PretrainSpec(training=training), tuple(needs))


def write_pool(store: Store, *, held: int = 90, drawn: int = 70, image_px: int = 0) -> WrittenPool:
    """Write shards of so many samples and a manifest that names some of them.

    With a side for images, samples have images in the place of series.
    """
    samples = _samples(held)
    if image_px:
        shape = (held, 13, image_px, image_px)
        del samples["x"], samples["dynamic_world"]
        samples["image"] = generator("images", held).integers(0, 5000, shape).astype(np.int16)
    table = to_table(samples)
    shard = Step("shard", ShardSpec(pool=PlanetSpec(name="planet", size=held)))
    composition = CompositionSpec(rule=Uniform(), size=drawn)
    sample = Step("sample", SampleSpec(composition=composition), (shard,))
    chosen = np.sort(generator("chosen").permutation(held)[:drawn])
    store.make(shard, partial(_write_shards, table))
    store.make(sample, partial(_write_manifest, table.take(chosen)))
    return WrittenPool(shard, sample, {name: values[chosen] for name, values in samples.items()})


def _samples(number: int) -> dict[str, np.ndarray]:
    draw = generator("planted", number)
    scale = np.array([1, 1, *[3000] * 11, 10, 0.01, 500, 5, 1], dtype=np.float32)
    shift = np.array([-15, -20, *[3000] * 11, 285, 0.01, 500, 5, 0], dtype=np.float32)
    return {
        "id": np.array([f"s{index:05d}" for index in range(number)], dtype=object),
        "coarse": draw.choice(np.array(COARSE, dtype=np.uint64), number),
        "cell": draw.integers(1 << 60, size=number, dtype=np.uint64),
        "lat": draw.uniform(-60, 75, number),
        "lon": draw.uniform(-180, 180, number),
        "month": draw.integers(0, 12, number).astype(np.uint8),
        "x": draw.uniform(-1, 1, (number, 12, 18)).astype(np.float32) * scale + shift,
        "dynamic_world": draw.integers(0, 10, (number, 12)).astype(np.uint8),
    }


def _write_shards(table: pa.Table, folder: Path) -> None:
    (folder / "cells").mkdir()
    coarse = np.asarray(table.column("coarse"))
    for cell in np.unique(coarse).tolist():
        rows = table.filter(coarse == cell).sort_by("cell")  # not the order of the manifest
        path = folder / "cells" / f"{cell:x}.parquet"
        pq.write_table(rows, path, row_group_size=8, write_page_checksum=True)


def _write_manifest(table: pa.Table, folder: Path) -> None:
    places = ["id", "coarse", "cell", "lat", "lon"]
    pq.write_table(table.select(places), folder / "manifest.parquet")
