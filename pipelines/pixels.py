"""The samples that a manifest names, with their pixels, in the order of the manifest.

Only the shards of coarse cells that the manifest names are read, whole and checked against the
record, and of these only the samples that it names are kept.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from infra.blobs import at_once
from infra.errors import TornError
from infra.record import Record
from infra.step import Key
from infra.store import Store
from pipelines.kept import made
from pipelines.shardwork import shard_name
from samplers.scan import INDEX
from samplers.table import Arrays, to_arrays

MANIFEST: Final = "manifest.parquet"
PLACES: Final = ("id", "lat", "lon")
"""Of the index, what samples keep beside their arrays; the rest only says where they lie."""

Prepare = Callable[[Arrays], dict[str, np.ndarray]]


def read(store: Store, *, shard: Key, sample: Key, prepare: Prepare) -> dict[str, np.ndarray]:
    """Return what `prepare` makes of the manifest's samples, in its order.

    Raises:
        TornError: If a shard is not what its record promised, or lacks a sample.
    """
    manifest = pq.read_table(store.folder(sample) / MANIFEST, columns=["id", "coarse"])
    record = made(store, shard)
    coarse = np.asarray(manifest.column("coarse"))

    def part(cell: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        rows = np.flatnonzero(coarse == cell)
        wanted = manifest.column("id").take(rows).combine_chunks()
        return rows, prepare(_samples(store, record, cell, wanted))

    return _joined(at_once(part, np.unique(coarse).tolist()), size=len(coarse))


def ids(store: Store, sample: Key) -> pa.Array:
    """Return the ids of a manifest, in its order."""
    manifest = pq.read_table(store.folder(sample) / MANIFEST, columns=["id"])
    return manifest.column("id").combine_chunks()


def _samples(store: Store, record: Record, cell: int, wanted: pa.Array) -> dict[str, np.ndarray]:
    """Return the arrays of the samples named, in the order they are named."""
    name = f"cells/{shard_name(cell)}"
    table = pq.read_table(pa.BufferReader(_checked(store, record, name)))
    left_out = [column for column in INDEX.names if column not in PLACES]
    table = table.drop_columns([name for name in left_out if name in table.column_names])
    places = pc.index_in(wanted, value_set=table.column("id"))
    if places.null_count:
        missing = wanted.filter(places.is_null())
        raise TornError(
            f"wanted {len(wanted)} samples of the manifest in {name}",
            found=f"{len(missing)} of them missing, such as {missing[0].as_py()!r}",
            do="make the sample step again",
        )
    return to_arrays(table.take(places).drop_columns(["id"]))


def _checked(store: Store, record: Record, name: str) -> bytes:
    data = store.get(f"{record.folder}/{name}") or b""
    if hashlib.sha256(data).hexdigest() != record.artefacts[name].sha256:
        wanted, found = f"wanted what {record.key} made", f"{name} altered since"
        raise TornError(wanted, found=found, do="run it again: it is made anew")
    return data


def _joined(
    parts: Sequence[tuple[np.ndarray, dict[str, np.ndarray]]], *, size: int
) -> dict[str, np.ndarray]:
    _, first = parts[0]
    whole = {name: np.empty((size, *a.shape[1:]), dtype=a.dtype) for name, a in first.items()}
    for rows, arrays in parts:
        for name, values in arrays.items():
            whole[name][rows] = values
    return whole
