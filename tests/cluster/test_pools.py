"""Pools that lie in files, through the shard step: every row in a shard or among the rejects."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from terrasweep.infra.context import Context
from terrasweep.infra.errors import PoolError
from terrasweep.infra.step import Step
from terrasweep.infra.storage.store import Store
from terrasweep.pipelines.reading import contents
from terrasweep.pipelines.spec import SampleSpec, ShardSpec
from terrasweep.pipelines.stages import sample, shard
from terrasweep.samplers.audit.audit import audit
from terrasweep.samplers.formats.arrays import to_arrays, to_table
from terrasweep.samplers.formats.geotiff import MISSING, UNREADABLE
from terrasweep.samplers.intake.spectral_entropy import USUAL, definition, of_images
from terrasweep.samplers.spec.composition import CompositionSpec
from terrasweep.samplers.spec.entropy import EntropySpec, ImageEntropy
from terrasweep.samplers.spec.places import EntropyTop
from tests.data import geotiff
from tests.data.fmow_sentinel import make as fmow_sentinel
from tests.data.majortom import make as majortom
from tests.data.presto_shards import make as presto_shards
from tests.data.pretrain_where import make as pretrain_where
from tests.data.s2_100k import make as s2_100k
from tests.data.ssl4eo_s12 import make as ssl4eo_s12
from tests.support.pools import spec_of, taken_in

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("local_ray")]

POOLS: dict[str, Callable[[Path], dict[str, object]]] = {
    "fmow_sentinel": fmow_sentinel.make,
    "majortom": majortom.make,
    "presto_shards": presto_shards.make,
    "pretrain_where": pretrain_where.make,
    "s2_100k": s2_100k.make,
    "ssl4eo_s12": ssl4eo_s12.make,
}


def sharded(
    name: str, fields: dict[str, object], *, store: Store, entropy: EntropySpec = USUAL
) -> tuple[pa.Table, list[dict]]:
    """Return the rows of all shards by id, and the rejects."""
    step = Step("shard", ShardSpec(pool=spec_of(name, fields), entropy=entropy))
    store.make(step, lambda folder: shard.make(step, context=Context(store), folder=folder))
    made = store.folder(step.key)
    rows = pa.concat_tables(pq.read_table(path) for path in sorted((made / "cells").iterdir()))
    return rows.sort_by("id"), pq.read_table(made / "rejects.parquet").to_pylist()


@pytest.mark.parametrize("name", POOLS)
def test_a_sound_pool_is_in_its_shards_whole(name: str, tmp_path: Path):
    fields = POOLS[name](tmp_path / "pool")
    rows, rejects = sharded(name, fields, store=Store.open(str(tmp_path / "store")))
    assert rejects == []
    wanted, _ = taken_in(spec_of(name, fields))
    order = np.argsort(wanted["id"])
    found = to_arrays(rows)
    for column in ("id", "lat", "lon", "month", "x", "dynamic_world", "image"):
        assert (column in found) == (column in wanted)
        if column in wanted:
            np.testing.assert_array_equal(found[column], wanted[column][order])


def test_the_entropies_of_images_are_drawn_by_and_told(tmp_path: Path):
    """From files to a card: a patch's entropy is that of its own pixels, by the spec's settings."""
    store, places = Store.open(str(tmp_path / "store")), np.arange(40)
    steps = (places // 2 + 1).reshape(-1, 1, 1, 1)  # how many values an image has
    image = np.broadcast_to(np.arange(1024).reshape(32, 32), (40, 2, 32, 32)) % steps * 400 + 50
    columns = {
        "id": np.array([f"site-{place}" for place in places]),
        **{"lat": places * 1.0, "lon": places * 1.0, "image": image.astype(np.uint16)},
    }
    pq.write_table(to_table(columns), tmp_path / "pool.parquet", row_group_size=16)
    fields = {"path": str(tmp_path / "pool.parquet"), "arrays": ["image"]}
    how = EntropySpec(image=ImageEntropy(bins=64, log_base="2"))
    pool = spec_of("parquet", fields)
    rows, _ = sharded("parquet", fields, store=store, entropy=how)
    found = to_arrays(rows)
    assert found["entropy"].tolist() == of_images(found["image"], how=how.image).tolist()
    step = Step("shard", ShardSpec(pool=pool, entropy=how))
    rule = EntropyTop(fraction=0.25)
    draw = Step("sample", SampleSpec(composition=CompositionSpec(rule=rule, size=4)), (step,))
    sample.make_many([draw], context=Context(store))
    drawn, told = contents.manifest(store, draw.key), contents.card(store, draw.key)
    most_varied = {f"site-{place}" for place in range(30, 40)}
    assert set(drawn.column("id").to_pylist()) < most_varied
    assert told["spectral_entropy_is"] == definition("image", spec=how)
    assert audit(contents.pooled(store, step.key))["spectral_entropy"]["known"] == 40
    record = store.record(step.key)
    assert "entropy.image.low" in record.assumed
    assert record.everything["entropy"]["image"]["bins"] == 64


def test_a_spoilt_pool_is_in_its_shards_but_for_the_rejects(tmp_path: Path):
    fields = s2_100k.make(tmp_path / "pool")
    geotiff.cut(tmp_path / "pool/images/patch_4.tif")
    (tmp_path / "pool/images/patch_20.tif").unlink()
    store = Store.open(str(tmp_path / "store"))
    with pytest.raises(PoolError) as told:
        sharded("s2_100k", fields, store=store)
    assert "at most 1.00% of the pool's rows rejected" in str(told.value)
    assert f"{UNREADABLE}: 1; {MISSING}: 1" in str(told.value)
    assert "such as patch_4.tif, patch_20.tif" in str(told.value)
    rows, rejects = sharded("s2_100k", {**fields, "max_rejects": 0.08}, store=store)
    assert rejects == [
        {"reason": UNREADABLE, "count": 1, "ids": ["patch_4.tif"]},
        {"reason": MISSING, "count": 1, "ids": ["patch_20.tif"]},
    ]
    assert rows.num_rows == s2_100k.NUM - 2
