"""The synthetic planet as a pool: chunks of points, each a function of the spec and its number.

Places come in blocks of 4,096, the same for every pool of a planet. A chunk of series is a block;
images are large, so a chunk of them is a part of one.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from terrasweep.infra.seeds import generator
from terrasweep.samplers.pools.planet import points
from terrasweep.samplers.pools.planet.ground import Ground, ground
from terrasweep.samplers.pools.planet.observe import Positions, look, months_of, positions
from terrasweep.samplers.pools.planet.patches import NUM_BANDS, patches
from terrasweep.samplers.pools.planet.spec import PlanetSpec
from terrasweep.samplers.pools.planet.worlds import KNOBS

BLOCK = 4096
CHUNK_BYTES = 32 << 20
"""How large the images of a chunk may be."""


def chunks(spec: PlanetSpec) -> int:
    """Return how many chunks the pool has."""
    return -(-spec.size // _per_chunk(spec))


def read(spec: PlanetSpec, chunk: int) -> dict[str, np.ndarray]:
    """Return one chunk; a larger pool of the same planet begins with the same samples.

    Raises:
        IndexError: If the pool has no such chunk.
    """
    if not 0 <= chunk < chunks(spec):
        raise IndexError(f"the pool has {chunks(spec):,} chunks; there is no chunk {chunk}")
    size = _per_chunk(spec)
    number, first = divmod(chunk * size, BLOCK)
    block = _block(spec, number) if size == BLOCK else _last_block(spec, number)
    rows = np.arange(first, first + size)
    arrays = {name: array[rows] for name, array in block.series.items()}
    if spec.arrays != "series":
        rng = generator("planet patches", spec.seed, chunk)
        under, month = block.under.rows(rows), block.first[rows]
        arrays["image"] = patches(under, month=month, size_px=spec.size_px, rng=rng)
    kept = min(size, spec.size - chunk * size)
    stem = f"planet-{spec.world}-{spec.seed}-{number}"
    columns = {
        "id": np.array([f"{stem}-{row}" for row in rows[:kept].tolist()]),
        "lat": block.where.lat[rows],
        "lon": block.where.lon[rows],
        "month": block.first[rows].astype(np.uint8),
        **arrays,
    }
    return {name: array[:kept] for name, array in columns.items()}


@dataclass(frozen=True, eq=False)
class _Block:
    """Places that are drawn together."""

    where: Positions
    first: np.ndarray
    """The month that a series begins with and an image is taken in."""
    under: Ground
    series: dict[str, np.ndarray]


def _block(spec: PlanetSpec, number: int) -> _Block:
    knobs = KNOBS[spec.world]
    rng = generator("planet pool", spec.seed, number)
    where = positions(BLOCK, land=points.earth(), reach=knobs.pool_reach, rng=rng)
    first = rng.integers(0, 12, BLOCK)
    at = look(where, seed=spec.seed, rng=rng)
    under = ground(at, knobs=knobs, redundancy=knobs.redundancy, seed=spec.seed, rng=rng)
    series: dict[str, np.ndarray] = {}
    if spec.arrays != "patches":
        series = months_of(under, first=first, months=spec.months, rng=rng)
    return _Block(where, first, under, series)


_last_block = lru_cache(maxsize=1)(_block)  # a task reads the chunks of a block one after another


def _per_chunk(spec: PlanetSpec) -> int:
    """Return how many samples a chunk holds: a power of two, so that chunks make up blocks."""
    if spec.arrays == "series":
        return BLOCK
    fit = CHUNK_BYTES // (2 * NUM_BANDS * spec.size_px**2)
    return min(BLOCK, 1 << max(fit, 1).bit_length() - 1)
