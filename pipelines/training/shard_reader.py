"""Some samples of one shard, read from the row groups that hold them and from no other."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from terrasweep.infra.errors import StoreError, TornError
from terrasweep.infra.step import Key
from terrasweep.infra.storage.record import Record
from terrasweep.infra.storage.store import Store
from terrasweep.pipelines.reading.artifacts import checked
from terrasweep.pipelines.sharding.work import shard_name
from terrasweep.samplers.draw.index import INDEX
from terrasweep.samplers.formats.arrays import to_arrays

PLACES: Final = ("id", "lat", "lon")
"""Of the index, what samples keep beside their arrays; the rest only says where they lie."""
PIECE_BYTES: Final = 16 << 20
"""What is held at once, about: the rows of a large group come piece by piece."""

Piece = tuple[np.ndarray, dict[str, np.ndarray]]
"""Which of the wanted samples, and their arrays."""


@dataclass(frozen=True)
class Wanted:
    """Samples of one coarse cell, by their rows in a manifest."""

    coarse: int
    rows: np.ndarray
    ids: pa.Array
    cells: np.ndarray

    @property
    def file(self) -> str:
        """The shard's name in its step's folder."""
        return f"cells/{shard_name(self.coarse)}"


def wanted(manifest: pa.Table) -> list[Wanted]:
    """Return the samples of a manifest, coarse cell by coarse cell."""
    coarse, cells = (np.asarray(manifest.column(name)) for name in ("coarse", "cell"))
    ids = manifest.column("id").combine_chunks()
    wanted = []
    for cell in np.unique(coarse).tolist():
        rows = np.flatnonzero(coarse == cell)
        wanted.append(Wanted(cell, rows, ids.take(pa.array(rows)), cells[rows]))
    return wanted


def pieces(store: Store, record: Record, asked: Wanted) -> Iterator[Piece]:
    """Yield the samples asked for, a piece of their shard at a time.

    Raises:
        TornError: If the shard is not what its record promised, or lacks a sample.
    """
    try:
        yield from _pieces(store, record, asked)
    except (pa.ArrowException, OSError, StoreError) as error:
        checked(store, Key.parse(record.key), asked.file)  # if it is torn, that is the reason
        if isinstance(error, StoreError):
            raise
        fix = "check the store's disk or network, then run the same command again"
        what = f"to read {asked.file} of {record.key}"
        raise StoreError(what, got=" ".join(str(error).split()), fix=fix) from error


def _pieces(store: Store, record: Record, asked: Wanted) -> Iterator[Piece]:
    with store.opened(f"{record.folder}/{asked.file}") as source:
        if source.size() != record.artefacts[asked.file].bytes:
            raise pa.ArrowInvalid("another size than it had")
        shard = pq.ParquetFile(source, page_checksum_verification=True)
        groups = _groups(shard, asked.cells)
        place = _place(shard.read_row_groups(groups, columns=["id"]).column("id"), asked)
        start = 0
        for group in groups:
            rows = shard.metadata.row_group(group).num_rows
            if ((place >= start) & (place < start + rows)).any():
                yield from _of_group(shard, group, asked.rows, place - start)
            start += rows


def _groups(shard: pq.ParquetFile, cells: np.ndarray) -> list[int]:
    """Return the groups whose range of fine cells holds one that is wanted."""
    leaf = [shard.schema.column(place).path for place in range(len(shard.schema))].index("cell")
    ordered = np.sort(cells)
    groups = []
    for group in range(shard.metadata.num_row_groups):
        known = shard.metadata.row_group(group).column(leaf).statistics
        bounds = (known.min, known.max) if known and known.has_min_max else (0, 2**64 - 1)
        low, high = np.array(bounds, dtype=np.uint64)
        first = np.searchsorted(ordered, low)
        if first < len(ordered) and ordered[first] <= high:
            groups.append(group)
    return groups


def _place(ids: pa.ChunkedArray, asked: Wanted) -> np.ndarray:
    """Return where among the ids that were read each sample stands."""
    places = pc.index_in(asked.ids, value_set=ids.combine_chunks())
    if places.null_count:
        missing = asked.ids.filter(places.is_null())
        raise TornError(
            f"{len(asked.ids)} samples of the manifest in {asked.file}",
            got=f"{len(missing)} missing ones, such as {missing[0].as_py()!r}",
            fix="run the sample step again",
        )
    return np.asarray(places).astype(np.int64)


def _of_group(
    shard: pq.ParquetFile, group: int, rows: np.ndarray, place: np.ndarray
) -> Iterator[Piece]:
    """Yield what is wanted of one group; places are counted from its first row."""
    metadata = shard.metadata.row_group(group)
    per_row = max(metadata.total_byte_size // metadata.num_rows, 1)
    names = [name for name in shard.schema_arrow.names if name in PLACES or name not in INDEX.names]
    batches = shard.iter_batches(
        max(1, PIECE_BYTES // per_row), row_groups=[group], columns=names, use_threads=False
    )
    start = 0
    for batch in batches:
        mine = np.flatnonzero((place >= start) & (place < start + batch.num_rows))
        if len(mine):
            taken = pa.Table.from_batches([batch]).take(pa.array(place[mine] - start))
            yield rows[mine], to_arrays(taken.drop_columns(["id"]))
        start += batch.num_rows
