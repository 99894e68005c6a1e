"""What a pool or a draw holds, read back from the step that made it; no pixel is read."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, TypedDict, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from terrasweep.infra.step import Key
from terrasweep.infra.storage.store import Store
from terrasweep.pipelines.reading.artifacts import checked, record_of, table
from terrasweep.samplers.audit.audit import MAP_RESOLUTION, SampleSet
from terrasweep.samplers.audit.draw_card import effective_number
from terrasweep.samplers.draw import census
from terrasweep.samplers.geography.cells import parents
from terrasweep.samplers.geography.continents import Russia
from terrasweep.samplers.geography.spec import GeographySpec

NOBODY: Final = np.empty(0, dtype=np.uint64)


def drawn(store: Store, key: Key) -> SampleSet:
    """Return what a sample step drew.

    Raises:
        StoreError: If it was not made.
        TornError: If it is not what its record promised.
    """
    rows, fields = manifest(store, key), card(store, key)
    (shard,) = (need for need in record_of(store, key).needs if need.startswith("shard/"))
    entropies = fields.get("spectral_entropies", {})
    return SampleSet(
        size=rows.num_rows,
        held=census.totals(census.count(rows)),
        cells=_cell_counts(rows.column("cell")),
        effective_cells=effective_number(rows.column("cell")),
        entropies={int(one): number for one, number in entropies.items()},
        definition=fields.get("spectral_entropy_is"),
        lat=np.asarray(rows.column("lat")),
        lon=np.asarray(rows.column("lon")),
        ids=np.asarray(rows.column("rank_hash")),
        **_maps(store, Key.parse(shard)),
    )


def manifest(store: Store, key: Key) -> pa.Table:
    """Return the manifest of a sample step."""
    return table(store, key, "manifest.parquet")


def card(store: Store, key: Key) -> Mapping[str, Any]:
    """Return the card that a sample step kept."""
    fields: Mapping[str, Any] = json.loads(checked(store, key, "card.json"))
    return fields


def pooled(store: Store, key: Key) -> SampleSet:
    """Return what the pool behind a shard step holds, from its census and its index.

    Raises:
        StoreError: If it was not made.
        TornError: If it is not what its record promised.
    """
    counted, pilot = (table(store, key, f"{name}.parquet") for name in ("census", "pilot"))
    counts = json.loads(checked(store, key, "counts.json"))
    cells: Counter[int] = Counter()
    size, logs = 0, 0.0
    for name in sorted(set(table(store, key, "where.parquet").column("index").to_pylist())):
        data = pa.BufferReader(checked(store, key, name))
        own = pq.read_table(data, columns=["cell"]).column("cell")
        numbers = np.asarray(own.value_counts().field("counts"), dtype=np.float64)
        size, logs = size + len(own), logs + float(np.sum(numbers * np.log(numbers)))
        cells.update(_cell_counts(own))
    return SampleSet(
        size=size,
        held=census.totals(counted),
        cells=cells,
        effective_cells=float(np.exp(np.log(size) - logs / size)) if size else 0.0,
        entropies={int(one): number for one, number in counts["entropies"].items()},
        definition=counts.get("spectral_entropy"),
        lat=np.asarray(pilot.column("lat")),
        lon=np.asarray(pilot.column("lon")),
        ids=NOBODY,
        **_maps(store, key),
    )


def rejected(store: Store, key: Key) -> dict[str, int]:
    """Return how many rows of a pool were left out, by reason."""
    why = table(store, key, "rejects.parquet")
    return dict(zip(why.column("reason").to_pylist(), why.column("count").to_pylist(), strict=True))


def _cell_counts(cells: pa.ChunkedArray) -> dict[int, int]:
    """Return how many samples each cell of the map has; a fine cell lies in one of them."""
    counted = pc.value_counts(cells.combine_chunks())
    fine, counts = (np.asarray(counted.field(name)) for name in ("values", "counts"))
    coarse, place = np.unique(parents(fine, resolution=MAP_RESOLUTION), return_inverse=True)
    numbers = np.bincount(place, weights=counts).astype(np.int64)
    return dict(zip(coarse.tolist(), numbers.tolist(), strict=True))


class _Maps(TypedDict):
    russia: Russia
    geography: GeographySpec


def _maps(store: Store, shard: Key) -> _Maps:
    """Return where Russia counts in a pool, and the maps that say where its samples lie."""
    kept = record_of(store, shard).everything
    geography = GeographySpec.model_validate(kept.get("geography") or {})
    pool = cast("Mapping[str, Any]", kept.get("pool", {}))
    return {"russia": geography.russia or pool.get("russia", "europe"), "geography": geography}
