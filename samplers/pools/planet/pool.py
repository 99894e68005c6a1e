"""The synthetic planet as a pool: chunks of points, each a function of the spec and its number."""

import numpy as np

from infra.seeds import generator
from samplers.pools.planet import points
from samplers.pools.planet.observe import look, observe, positions
from samplers.pools.planet.spec import PlanetSpec
from samplers.pools.planet.worlds import KNOBS

CHUNK = 4096


def chunks(spec: PlanetSpec) -> int:
    """Return how many chunks the pool has."""
    return -(-spec.size // CHUNK)


def read(spec: PlanetSpec, chunk: int) -> dict[str, np.ndarray]:
    """Return one chunk; a larger pool of the same planet begins with the same samples.

    Raises:
        IndexError: If the pool has no such chunk.
    """
    if not 0 <= chunk < chunks(spec):
        raise IndexError(f"the pool has {chunks(spec):,} chunks; there is no chunk {chunk}")
    knobs = KNOBS[spec.world]
    rng = generator("planet pool", spec.seed, chunk)
    where = positions(CHUNK, land=points.earth(), reach=knobs.pool_reach, rng=rng)
    first = rng.integers(0, 12, CHUNK)
    at = look(where, seed=spec.seed, rng=rng)
    seen = observe(
        at, knobs=knobs, redundancy=knobs.redundancy, first=first, seed=spec.seed, rng=rng
    )
    kept = min(CHUNK, spec.size - chunk * CHUNK)
    ids = [f"planet-{spec.world}-{spec.seed}-{chunk}-{i}" for i in range(kept)]
    return {
        "id": np.array(ids),
        "lat": where.lat[:kept],
        "lon": where.lon[:kept],
        "month": seen.month[:kept],
        "x": seen.x[:kept],
        "dynamic_world": seen.dynamic_world[:kept],
    }
