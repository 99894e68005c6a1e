"""What every task of one shard step knows: the pool, and where its parts lie in the store."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from terrasweep.infra.storage.store import Store
from terrasweep.pipelines.spec import ShardSpec
from terrasweep.samplers.contract import Pool
from terrasweep.samplers.draw.pool_facts import PILOT_SIZE
from terrasweep.samplers.formats.arrays import Arrays
from terrasweep.samplers.geography.cells import cells_of, parents
from terrasweep.samplers.geography.spec import Russia
from terrasweep.samplers.intake.describe import describe, mapped, surroundings
from terrasweep.samplers.intake.spectral_entropy import spectral_entropy
from terrasweep.samplers.members import POOLS

CHUNKS_PER_BUCKET: Final = 8
MOST_BUCKETS: Final = 512
MOST_CHUNKS_PER_TASK: Final = 16
ROWS_PER_CHUNK: Final = 4096


@dataclass(frozen=True)
class ShardWork:
    """What every task of one shard step knows; it travels to the workers."""

    store: Store
    spec: ShardSpec
    folder: str
    """Where in the store fragments, reports and shards lie until the step is made."""
    num_chunks: int

    @cached_property
    def groups(self) -> list[range]:
        """The chunks that one task takes in."""
        size = min(max(self.num_chunks // 64, 1), MOST_CHUNKS_PER_TASK)
        starts = range(0, self.num_chunks, size)
        return [range(start, min(start + size, self.num_chunks)) for start in starts]

    @property
    def num_buckets(self) -> int:
        """How many tasks join fragments."""
        return min(max(self.num_chunks // CHUNKS_PER_BUCKET, 2), MOST_BUCKETS)

    @property
    def pool(self) -> Pool:
        """The adapter that reads the pool."""
        return POOLS[self.spec.pool.name]

    @property
    def russia(self) -> Russia:
        """Where Russia counts."""
        return self.spec.geography.russia or self.spec.pool.russia

    def describe(self, columns: Arrays) -> Arrays:
        """Return the cells, the strata and the spectral entropy of samples."""
        lat, lon = columns["lat"], columns["lon"]
        cell = cells_of(lat, lon, resolution=self.spec.fine)
        return {
            "cell": cell,
            "coarse": parents(cell, resolution=self.spec.coarse),
            "entropy": spectral_entropy(columns, pool=self.spec.pool, spec=self.spec.entropy),
            **describe(lat, lon, russia=self.russia),
            **surroundings(columns),
            **mapped(columns, geography=self.spec.geography),
        }

    @property
    def pilot_below(self) -> np.uint64:
        """The hash up to which samples are in the pilot: it depends on no place and no rank."""
        share = min(PILOT_SIZE / max(self.num_chunks * ROWS_PER_CHUNK, 1), 1.0)
        return np.uint64(min(int(share * 2.0**64), 2**64 - 1))


def shard_name(coarse: int) -> str:
    """Return the file name of a coarse cell's shard."""
    return f"{coarse:x}.parquet"


def once(work: ShardWork, name: str, make: Callable[[], bytes]) -> bytes:
    """Return what a task answered before the step was interrupted, or let it answer."""
    path = f"{work.folder}/{name}"
    answer = work.store.get(path)
    if answer is None:
        answer = make()
        work.store.put(path, answer)
    return answer
