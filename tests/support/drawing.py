"""Made-up pools, and drawing from them as the sample step does, without Ray and without a store."""

import numpy as np
import pyarrow as pa

from terrasweep.infra.errors import PoolError
from terrasweep.samplers.draw import census
from terrasweep.samplers.draw.index import INDEX
from terrasweep.samplers.draw.pool_facts import PoolFacts, cell_counts, entropy_counts
from terrasweep.samplers.draw.quota import StratumShare
from terrasweep.samplers.draw.ranks import hashes
from terrasweep.samplers.draw.scan import (
    DrawRequest,
    Guards,
    merge,
    prefilter,
    prepare,
    select,
    unbounded,
)
from terrasweep.samplers.geography.cells import cells_of
from terrasweep.samplers.geography.strata import Continent
from terrasweep.samplers.spec.composition import CompositionSpec

CONTINENTS = [*[continent.value for continent in Continent], "none"]
OPEN: Guards = {"none": np.empty(0, dtype=np.uint64)}


def pool_of(size: int, seed: int = 0) -> pa.Table:
    """A pool's index with strata of very different sizes, in no particular order.

    It lies around Lagos, so that there are cities, sea and more than one coarse cell.
    """
    words = np.random.Generator(np.random.PCG64(seed))
    ids = words.permutation(np.array([f"s{number}" for number in range(size)]))
    lat, lon = words.uniform(0.0, 12.0, size), words.uniform(0.0, 12.0, size)
    entropy = words.uniform(0.0, 3.0, size)
    entropy[words.random(size) < 0.05] = np.nan
    columns = {
        "id": ids,
        "rank_hash": hashes(ids.tolist()),
        "coarse": cells_of(lat, lon, resolution=1),
        "cell": cells_of(lat, lon, resolution=5),
        "continent": words.choice(CONTINENTS, size, p=[0.5, 0.2, 0.15, 0.1, 0.02, 0.01, 0.02]),
        "biome": words.integers(0, 5, size),
        "climate": words.integers(0, 3, size),
        "land_cover": words.choice(["trees", "crops", "built", "none"], size),
        "realm": np.full(size, "none"),
        "ecoregion": np.full(size, "none"),
        "lat": lat,
        "lon": lon,
        "entropy": entropy,
        "city_km": words.uniform(0.0, 300.0, size),
    }
    arrays = [pa.array(columns[field.name], field.type) for field in INDEX]
    return pa.Table.from_arrays(arrays, schema=INDEX)


def facts_of(pool: pa.Table, *, pilot: pa.Table | None = None) -> PoolFacts:
    """What the shard step would leave to be known of a pool."""
    entropies = entropy_counts(np.asarray(pool.column("entropy")))
    return PoolFacts(
        census.count(pool), entropies, cell_counts(pool), pool if pilot is None else pilot
    )


def selected(
    pieces: list[pa.Table], request: DrawRequest, *, facts: PoolFacts, guards: Guards = OPEN
) -> tuple[pa.Table, tuple[StratumShare, ...]]:
    """Draw as the sample step does: filter each piece, select from the rest; twice if need be."""
    (bounded,) = prepare([request], facts=facts)
    for one in (bounded, unbounded(bounded)):
        parts = [prefilter([piece], prefilters=[one], guards=guards) for piece in pieces]
        (selection,) = select(merge(parts), prefilters=[one], guards=guards)
        if selection is not None:
            return selection.rows, selection.shares
    raise AssertionError("an unbounded prefilter kept too little")


def drawn(pool: pa.Table, composition: CompositionSpec, *, replicate: int = 0) -> list[str]:
    """Draw from a pool in one piece and return the ids."""
    request = DrawRequest(composition, replicate=replicate, guard="none")
    ids: list[str] = selected([pool], request, facts=facts_of(pool))[0].column("id").to_pylist()
    return ids


def possible(pool: pa.Table, composition: CompositionSpec) -> bool:
    """Say whether the pool holds enough for a composition, and knows what its rule asks."""
    try:
        drawn(pool, composition)
    except PoolError:
        return False
    return True
