"""A pool's index in the form that the shard step gives it, of any size, without pixels.

Places are uniform on the land and have their real strata; cells, hashes, files, census and pilot
are as those of a real pool. Spectral entropies are random. Beyond some millions of samples, places
repeat under new ids.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from terrasweep.infra.seeds import generator
from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Step
from terrasweep.infra.storage.store import Store
from terrasweep.pipelines.sharding.join import index_file
from terrasweep.pipelines.spec import ShardSpec
from terrasweep.samplers.draw import census
from terrasweep.samplers.draw.index import INDEX, WHERE
from terrasweep.samplers.draw.pool_facts import PILOT_SIZE, cell_counts, entropy_counts
from terrasweep.samplers.draw.ranks import hashes
from terrasweep.samplers.geography.cells import cells_of, parents
from terrasweep.samplers.geography.strata import LAND_COVERS
from terrasweep.samplers.intake.describe import describe, surroundings
from terrasweep.samplers.intake.spectral_entropy import definition
from terrasweep.samplers.pools.planet import points
from terrasweep.samplers.pools.planet.spec import PlanetSpec

ROUND = 3_250_000
"""How many rows are made at once."""
NUM_FILES = 104
"""Files of the index for each round's rows."""


@dataclass
class _Known:
    """What is known of the rows that were made so far."""

    census: list[pa.Table] = field(default_factory=list)
    where: list[pa.Table] = field(default_factory=list)
    pilot: list[pa.Table] = field(default_factory=list)
    entropies: Counter[int] = field(default_factory=Counter)
    cell_counts: Counter[int] = field(default_factory=Counter)


def shard_of(num_rows: int) -> Step[Spec]:
    """Return the shard step under which an index of so many rows lies."""
    return Step("shard", ShardSpec(pool=PlanetSpec(name="planet", size=num_rows)))


def make(num_rows: int, *, store: Store) -> Step[Spec]:
    """Put an index of so many rows into a store, as if the pool had been taken in."""
    step = shard_of(num_rows)
    store.make(step, lambda folder: _write(num_rows, folder))
    return step


def _write(num_rows: int, folder: Path) -> None:
    (folder / "index").mkdir()
    known, places = _Known(), _places(min(ROUND, num_rows))
    bucket = (np.asarray(places.column("coarse")) >> np.uint64(42)) % np.uint64(NUM_FILES)
    parts = [np.flatnonzero(bucket == one) for one in np.unique(bucket).tolist()]
    for first in range(0, num_rows, ROUND):
        rows = _named(places.slice(0, num_rows - first), first=first)
        for place, part in enumerate(parts):
            own = rows.take(part[part < rows.num_rows])
            name = f"index/{first:09d}-{place:04d}.parquet"
            _put(own, folder, name, known, share=PILOT_SIZE / num_rows)
    pq.write_table(census.add(known.census), folder / "census.parquet")
    pq.write_table(pa.concat_tables(known.where).sort_by("coarse"), folder / "where.parquet")
    pq.write_table(pa.concat_tables(known.pilot).sort_by("id"), folder / "pilot.parquet")
    counts = {"entropies": known.entropies, "crowd": known.cell_counts}
    told = {name: dict(sorted(own.items())) for name, own in counts.items()}
    how = definition("series", spec=ShardSpec(pool=PlanetSpec(name="planet")).entropy)
    (folder / "counts.json").write_text(json.dumps({**told, "spectral_entropy": how}))


def _put(rows: pa.Table, folder: Path, name: str, known: _Known, *, share: float) -> None:
    (folder / name).write_bytes(index_file(rows))
    known.census.append(census.count(rows))
    coarse = rows.column("coarse").unique()
    index = pa.array([name] * len(coarse), pa.string())
    known.where.append(pa.Table.from_arrays([coarse, index], schema=WHERE))
    below = np.uint64(min(int(share * 2.0**64), 2**64 - 1))
    known.pilot.append(rows.filter(np.asarray(rows.column("rank_hash")) <= below))
    known.entropies.update(entropy_counts(np.asarray(rows.column("entropy"))))
    known.cell_counts.update(cell_counts(rows))


def _places(number: int) -> pa.Table:
    """Return places by cell, and what is known of each; samples are named round by round."""
    rng = generator("benchmark index")
    lat, lon = points.draw(rng, number, land=points.earth())
    cell = cells_of(lat, lon, resolution=5)
    covers = np.array(LAND_COVERS)[rng.integers(0, len(LAND_COVERS), number)]
    at = {"id": cell, "lat": lat, "lon": lon}
    columns = {
        "coarse": parents(cell, resolution=1),
        "cell": cell,
        **describe(lat, lon, russia="europe"),
        **{"lat": lat, "lon": lon},
        "entropy": rng.normal(2.0, 0.4, number).clip(0, 3.4).astype(np.float32),
        **surroundings(at),
        "land_cover": covers,
    }
    kept = [one for one in INDEX if one.name in columns]
    arrays = [pa.array(columns[one.name], one.type) for one in kept]
    by = [("coarse", "ascending"), ("cell", "ascending")]
    return pa.Table.from_arrays(arrays, schema=pa.schema(kept)).sort_by(by)


def _named(places: pa.Table, *, first: int) -> pa.Table:
    """Return samples at places, each with an id of its own: the same places in every round."""
    ids = [f"made-{number}" for number in range(first, first + places.num_rows)]
    named = places.add_column(0, INDEX.field("id"), [ids])
    named = named.add_column(1, INDEX.field("rank_hash"), [hashes(ids)])
    return named.select(INDEX.names).combine_chunks()
