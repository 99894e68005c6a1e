from itertools import chain
from pathlib import Path

import numpy as np
import pytest

from terrasweep.infra.storage.store import Store
from terrasweep.pipelines.sharding.work import (
    CHUNKS_PER_BUCKET,
    MOST_BUCKETS,
    MOST_CHUNKS_PER_TASK,
    ShardWork,
    shard_name,
)
from terrasweep.pipelines.spec import ShardSpec
from terrasweep.samplers.geography.cells import parse, resolutions
from terrasweep.samplers.pools.planet.spec import PlanetSpec


def work(root: Path, *, num_chunks: int) -> ShardWork:
    spec = ShardSpec(pool=PlanetSpec(name="planet"), coarse=0, fine=6)
    return ShardWork(Store.open(str(root)), spec, folder="progress/shard/x", num_chunks=num_chunks)


@pytest.mark.parametrize("num_chunks", [0, 1, 5, 63, 64, 1000, 100_003])
def test_every_chunk_is_in_one_group_and_tasks_stay_small(tmp_path: Path, num_chunks: int):
    one = work(tmp_path, num_chunks=num_chunks)
    assert list(chain.from_iterable(one.groups)) == list(range(num_chunks))
    assert all(len(group) <= MOST_CHUNKS_PER_TASK for group in one.groups)
    assert 2 <= one.num_buckets <= MOST_BUCKETS
    assert one.num_buckets * CHUNKS_PER_BUCKET <= max(num_chunks, 2 * CHUNKS_PER_BUCKET)


def test_a_small_pool_still_keeps_several_workers_busy(tmp_path: Path):
    assert len(work(tmp_path, num_chunks=5).groups) == 5


def test_samples_are_described_at_the_resolutions_of_the_spec(tmp_path: Path):
    columns = {
        "id": np.array(["berlin", "atlantic"]),
        "lat": np.array([52.5, 30.0]),
        "lon": np.array([13.4, -40.0]),
    }
    described = work(tmp_path, num_chunks=1).describe(columns)
    assert resolutions(described["cell"]).tolist() == [6, 6]
    assert resolutions(described["coarse"]).tolist() == [0, 0]
    assert described["continent"].tolist() == ["europe", "none"]
    assert np.isnan(described["entropy"]).all()


def test_a_shard_is_named_by_its_cell():
    assert shard_name(int(parse(["81003ffffffffff"])[0])) == "81003ffffffffff.parquet"
