"""Pools that lie in files, through the shard step: every row in a shard or among the rejects."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infra.context import Context
from infra.errors import PoolError
from infra.step import Step
from infra.store import Store
from pipelines import shard
from pipelines.spec import ShardSpec
from samplers.rasters import MISSING, UNREADABLE
from samplers.table import to_arrays
from tests.data import geotiff
from tests.data.fmow_sentinel import make as fmow_sentinel
from tests.data.majortom import make as majortom
from tests.data.presto_shards import make as presto_shards
from tests.data.pretrain_where import make as pretrain_where
from tests.data.s2_100k import make as s2_100k
from tests.data.ssl4eo_s12 import make as ssl4eo_s12
from tests.pools import spec_of, taken_in

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("local_ray")]

POOLS: dict[str, Callable[[Path], dict[str, object]]] = {
    "fmow_sentinel": fmow_sentinel.make,
    "majortom": majortom.make,
    "presto_shards": presto_shards.make,
    "pretrain_where": pretrain_where.make,
    "s2_100k": s2_100k.make,
    "ssl4eo_s12": ssl4eo_s12.make,
}


def sharded(name: str, fields: dict[str, object], *, store: Store) -> tuple[pa.Table, list[dict]]:
    """Return the rows of all shards by id, and the rejects."""
    step = Step("shard", ShardSpec(pool=spec_of(name, fields)))
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
