"""The second half of the shard step: fragments become shards, and the whole pool is counted."""

import io
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from terrasweep.infra.context import Context
from terrasweep.infra.storage.blobs import at_once
from terrasweep.pipelines.ray_map import from_bytes, ray_map, to_bytes
from terrasweep.pipelines.sharding.work import ShardWork, once, shard_name
from terrasweep.samplers.draw import census
from terrasweep.samplers.draw.index import INDEX, WHERE
from terrasweep.samplers.draw.pool_facts import cell_counts, entropy_counts
from terrasweep.samplers.geography.strata import STRATA
from terrasweep.samplers.intake.admit import joined

ROWS_PER_GROUP: Final = 8192
GROUP_BYTES: Final = 8 << 20
"""A row group holds no more: whoever needs a few samples reads little else, in little memory."""
CODED: Final = ("coarse", "cell", "month", *STRATA)
"""Columns in which values repeat; codes for pixels, ids or hashes cost more than they save."""


@dataclass
class JoinedPool:
    """What is known of the pool once all its buckets are joined."""

    census: pa.Table
    where: pa.Table
    entropies: Counter[int]
    cell_counts: Counter[int]
    repeated: list[str]
    """Ids that occurred again."""


def join(work: ShardWork, context: Context, *, dropped: np.ndarray) -> JoinedPool:
    """Join the fragments into shards and return what is known of the whole."""
    counted, where = [census.CENSUS.empty_table()], [WHERE.empty_table()]
    entropies: Counter[int] = Counter()
    cells: Counter[int] = Counter()
    again: list[str] = []
    buckets = range(work.num_buckets)
    for answer in ray_map(lambda bucket: _shards(work, bucket, dropped), buckets):
        bucket = json.loads(answer)
        counted.append(pa.Table.from_pydict(bucket["census"], schema=census.CENSUS))
        coarse = counted[-1].column("coarse").unique()
        index = pa.array([bucket["index"]] * len(coarse), pa.string())
        where.append(pa.Table.from_arrays([coarse, index], schema=WHERE))
        entropies.update({int(one): number for one, number in bucket["entropies"].items()})
        cells.update({int(one): number for one, number in bucket["crowd"].items()})
        again += bucket["repeated"]
        num_done = len(work.groups) + len(counted) - 1
        context.progress(num_done, len(work.groups) + work.num_buckets)
    return JoinedPool(census.add(counted), pa.concat_tables(where), entropies, cells, again)


def pilot(work: ShardWork) -> pa.Table:
    """Return the pilot: what each bucket has left of it, together."""
    parts = at_once(work.store.get, work.store.list(f"{work.folder}/pilot"))
    kept = [from_bytes(data) for data in parts if data is not None]
    return pa.concat_tables([INDEX.empty_table(), *kept]).sort_by("id")


def _shards(work: ShardWork, bucket: int, dropped: np.ndarray) -> bytes:
    return once(work, f"joined/{bucket:04d}", lambda: _joined(work, bucket, dropped))


def _joined(work: ShardWork, bucket: int, dropped: np.ndarray) -> bytes:
    """Join a bucket's fragments, write its shards and answer with its census."""
    paths = work.store.list(f"{work.folder}/fragments/{bucket:04d}")
    fragments = [from_bytes(data) for data in at_once(work.store.get, paths) if data is not None]
    name = f"index/{bucket:04d}.parquet"
    answer: dict[str, object] = {"census": {one: [] for one in census.CENSUS.names}, "index": name}
    if not fragments:
        return json.dumps({**answer, "entropies": {}, "crowd": {}, "repeated": []}).encode()
    kept, again = joined(fragments, dropped=dropped)
    index = kept.select(INDEX.names).cast(INDEX)
    work.store.put(f"{work.folder}/{name}", index_file(index))
    pilot = index.filter(np.asarray(index.column("rank_hash")) <= work.pilot_below)
    work.store.put(f"{work.folder}/pilot/{bucket:04d}", to_bytes(pilot))

    def put(shard: tuple[int, bytes]) -> None:
        cell, data = shard
        work.store.put(f"{work.folder}/cells/{shard_name(cell)}", data)

    at_once(put, _by_coarse(kept))
    answer["census"] = census.count(index).to_pydict()
    answer["entropies"] = entropy_counts(np.asarray(index.column("entropy")))
    answer["crowd"] = cell_counts(index)
    answer["repeated"] = again.column("id").to_pylist()
    return json.dumps(answer).encode()


def _by_coarse(rows: pa.Table) -> Iterator[tuple[int, bytes]]:
    cells, starts = np.unique(np.asarray(rows.column("coarse")), return_index=True)
    ends = [*starts[1:].tolist(), rows.num_rows]
    for cell, start, end in zip(cells.tolist(), starts.tolist(), ends, strict=True):
        yield cell, _parquet(rows.slice(start, end - start))


def index_file(rows: pa.Table) -> bytes:
    """Return a part of the index as Parquet, made to be read fast and whole.

    Words are few and kept as codes; ids, hashes and places are each their own and kept as they are.
    """
    sink = io.BytesIO()
    coded = [name for name in INDEX.names if name in CODED]
    pq.write_table(rows.combine_chunks(), sink, compression="lz4", use_dictionary=coded)
    return sink.getvalue()


def _parquet(rows: pa.Table) -> bytes:
    """Return rows as Parquet; how they were joined leaves no trace in the bytes."""
    sink = io.BytesIO()
    whole = rows.combine_chunks()
    rows_that_fit = GROUP_BYTES * max(whole.num_rows, 1) // max(whole.nbytes, 1)
    pq.write_table(
        whole,
        sink,
        compression="zstd",
        use_dictionary=list(CODED),
        row_group_size=max(1, min(ROWS_PER_GROUP, rows_that_fit)),
        write_page_checksum=True,  # groups are read alone, and the file's checksum needs them all
    )
    return sink.getvalue()
