"""Every pool keeps the contract: chunks of samples that follow from the spec and their number."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from terrasweep.samplers.contract import CountedPool
from terrasweep.samplers.formats.arrays import to_arrays, to_table
from terrasweep.samplers.members import POOLS
from terrasweep.samplers.spec.pools import FilesSpec, PoolSpec
from tests.data.fmow_sentinel import make as fmow_sentinel
from tests.data.majortom import make as majortom
from tests.data.presto_shards import make as presto_shards
from tests.data.pretrain_where import make as pretrain_where
from tests.data.s2_100k import make as s2_100k
from tests.data.ssl4eo_s12 import make as ssl4eo_s12

MOST = 4096


def _parquet(folder: Path) -> dict[str, object]:
    """Two files that hold what the planet sees of a few places."""
    planet = POOLS["planet"].read(POOLS.spec("planet")(name="planet", size=300), 0)
    for part in range(2):
        rows = {name: array[part::2] for name, array in planet.items()}
        pq.write_table(to_table(rows), folder / f"part-{part}.parquet")
    return {"path": str(folder)}


EXAMPLES: dict[str, Callable[[Path], dict[str, object]]] = {
    "planet": lambda _: {"size": MOST + 100},
    "earth": lambda _: {"size": MOST + 100, "arrays": ("series", "statistics", "patches")},
    "parquet": _parquet,
    "fmow_sentinel": fmow_sentinel.make,
    "majortom": majortom.make,
    "presto_shards": presto_shards.make,
    "pretrain_where": pretrain_where.make,
    "s2_100k": s2_100k.make,
    "ssl4eo_s12": ssl4eo_s12.make,
}
"""Writes what a pool reads and returns the fields of its spec; a new pool adds itself here."""


@pytest.fixture(params=POOLS.names)
def pool(request):
    return request.param


@pytest.fixture
def spec(pool, tmp_path) -> PoolSpec:
    fields = EXAMPLES[pool](tmp_path) if pool in EXAMPLES else {}
    value = POOLS.spec(pool).model_validate({"name": pool, **fields})
    assert isinstance(value, PoolSpec)
    return value


def _whole(pool, spec):
    parts = [POOLS[pool].read(spec, chunk) for chunk in range(POOLS[pool].chunks(spec))]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def test_every_sample_has_an_id_of_its_own_and_a_place(pool, spec):
    whole = _whole(pool, spec)
    assert len(np.unique(whole["id"])) == len(whole["id"]) > 0
    assert [whole[name].dtype for name in ("lat", "lon")] == [np.float64] * 2
    assert (np.abs(whole["lat"]) <= 90).all()
    assert (np.abs(whole["lon"]) <= 180).all()


def test_chunks_are_small_and_agree_on_columns_types_and_shapes(pool, spec):
    parts = [POOLS[pool].read(spec, chunk) for chunk in range(POOLS[pool].chunks(spec))]
    looks = {
        tuple(sorted((name, str(a.dtype.kind), a.shape[1:]) for name, a in part.items()))
        for part in parts
    }
    assert len(looks) == 1
    assert all(len({len(array) for array in part.values()}) == 1 for part in parts)
    assert max(len(part["id"]) for part in parts) <= MOST


def test_a_pool_holds_what_it_says_it_can(pool, spec):
    if spec.capacity is None:
        pytest.skip("this pool is counted only by reading it")
    assert len(_whole(pool, spec)["id"]) == spec.capacity


def test_a_pool_in_files_counts_its_samples_without_reading_them(pool, spec):
    assert isinstance(POOLS[pool], CountedPool) == isinstance(spec, FilesSpec)
    if not isinstance(spec, FilesSpec):
        pytest.skip("this pool lies in no files")
    assert POOLS[pool].count(spec) == len(_whole(pool, spec)["id"])
    assert POOLS[pool].content(spec) == POOLS[pool].content(spec) != ""


def test_a_chunk_follows_from_the_spec_and_its_number(pool, spec):
    last = POOLS[pool].chunks(spec) - 1
    alone = POOLS[pool].read(spec, last)
    for chunk in range(last):
        POOLS[pool].read(spec, chunk)  # what was read before must not matter
    again = POOLS[pool].read(spec, last)
    for name, array in alone.items():
        assert (array == again[name]).all(), name


def test_a_chunk_survives_the_way_to_disk(pool, spec):
    chunk = POOLS[pool].read(spec, 0)
    back = to_arrays(to_table(chunk))
    assert list(back) == list(chunk)
    for name, array in chunk.items():
        assert back[name].shape == array.shape
        assert (back[name] == array).all(), name


def test_no_chunk_lies_beyond_the_last(pool, spec):
    with pytest.raises(IndexError):
        POOLS[pool].read(spec, POOLS[pool].chunks(spec))
