"""The shard step: a pool as Parquet, one file per coarse cell, and the census of it all.

A task takes in a few chunks of the pool and leaves their rows as fragments, one per bucket of
coarse cells; a second task per bucket joins the fragments into shards. Fragments lie in the store
under ``progress/``: workers need not share a disk, and what is there is not made again. How many
chunks a task takes and how many buckets there are follows from the pool alone.
"""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Protocol, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from infra.blobs import at_once
from infra.context import Context
from infra.spec import Spec
from infra.step import Step
from infra.store import Store
from pipelines.spec import ShardSpec
from pipelines.spread import from_bytes, spread, to_bytes
from samplers import census
from samplers.cells import cells_of, parents
from samplers.entropy import spectral_entropy
from samplers.intake import (
    REPEATED,
    REPORT,
    admit,
    check_balance,
    joined,
    layout,
    rejects,
    repeated,
)
from samplers.members import POOLS
from samplers.scan import INDEX
from samplers.spec import PoolSpec
from samplers.strata import describe
from samplers.table import Arrays

CHUNKS_PER_BUCKET: Final = 8
MOST_BUCKETS: Final = 512
MOST_CHUNKS_PER_TASK: Final = 16
ROWS_PER_GROUP: Final = 8192

_BASE_CELL_BIT: Final = 45  # a cell's number of resolution r ends above bit 45 - 3 r
_BITS_PER_DIGIT: Final = 3


class Pool(Protocol):
    """What a pool adapter's module offers."""

    def chunks(self, spec: PoolSpec) -> int:
        """Return how many chunks the pool has."""

    def read(self, spec: PoolSpec, chunk: int) -> dict[str, np.ndarray]:
        """Return the columns of one chunk, which follow from the spec and its number alone."""


@dataclass(frozen=True)
class Work:
    """What every task of one shard step knows; it travels to the workers."""

    store: Store
    spec: ShardSpec
    home: str
    """Where in the store fragments, reports and shards wait until the step is made."""
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
        return cast("Pool", POOLS[self.spec.pool.name])

    def describe(self, columns: Arrays) -> Arrays:
        """Return the cells, the strata and the spectral entropy of samples."""
        lat, lon = columns["lat"], columns["lon"]
        cell = cells_of(lat, lon, resolution=self.spec.fine)
        return {
            "cell": cell,
            "coarse": parents(cell, resolution=self.spec.coarse),
            "entropy": _entropy(columns),
            **describe(lat, lon, russia=getattr(self.spec.pool, "russia", "europe")),
        }


def shard_name(coarse: int) -> str:
    """Return the file name of a coarse cell's shard."""
    return f"{coarse:x}.parquet"


def make(step: Step[Spec], *, context: Context, folder: Path) -> None:
    """Write the shards, the census and what was rejected.

    Raises:
        PoolError: If the pool's rows are not as they should be, with a table of what was found.
    """
    spec = cast("ShardSpec", step.spec)
    num_chunks = cast("Pool", POOLS[spec.pool.name]).chunks(spec.pool)
    work = Work(context.store, spec, home=f"progress/{step.key}", num_chunks=num_chunks)
    report = _take_in(work, context)
    counted, again = _join(work, context, dropped=repeated(report))
    why = report.filter(report.column("rejected").is_valid())
    reasons = [*why.column("rejected").to_pylist(), *[REPEATED] * len(again)]
    left_out = rejects(reasons, [*why.column("id").to_pylist(), *again])
    kept = sum(counted.column("count").to_pylist())
    most = spec.pool.max_rejects
    check_balance(read=report.num_rows, kept=kept, left_out=left_out, most=most)
    _fetch(work, counted, folder=folder)
    pq.write_table(counted, folder / "census.parquet")
    pq.write_table(left_out, folder / "rejects.parquet")
    at_once(work.store.drop, work.store.list(work.home))


def _entropy(columns: Arrays) -> np.ndarray:
    """Return the spectral entropy of samples; a pool of mere places has none."""
    if "x" not in columns:
        return np.full(len(columns["id"]), np.nan, dtype=np.float32)
    return spectral_entropy(columns["x"])


def _take_in(work: Work, context: Context) -> pa.Table:
    """Read the pool into fragments and return the report on every row, in order of the pool."""
    expected = b"".join(spread(lambda chunk: _layout(work, chunk), [0][: work.num_chunks]))
    groups = range(len(work.groups))
    parts = [REPORT.empty_table()]
    for part in spread(lambda group: _fragments(work, group, expected.decode()), groups):
        parts.append(from_bytes(part))
        context.progress(len(parts) - 1, len(groups) + work.num_buckets)
    return pa.concat_tables(parts).sort_by("ordinal")


def _join(work: Work, context: Context, *, dropped: np.ndarray) -> tuple[pa.Table, list[str]]:
    """Join the fragments into shards; return the census and the ids that occurred again."""
    counted, again = [census.CENSUS.empty_table()], []
    buckets = range(work.num_buckets)
    for part in spread(lambda bucket: _shards(work, bucket, dropped), buckets):
        made = json.loads(part)
        counted.append(pa.Table.from_pydict(made["census"], schema=census.CENSUS))
        again += made["repeated"]
        done = len(work.groups) + len(counted) - 1
        context.progress(done, len(work.groups) + work.num_buckets)
    return census.add(counted), again


def _fetch(work: Work, counted: pa.Table, *, folder: Path) -> None:
    """Copy the shards that the census names, and the index, into the step's folder."""
    shards = [f"cells/{shard_name(cell)}" for cell in counted.column("coarse").unique().to_pylist()]
    index = [path.removeprefix(f"{work.home}/") for path in work.store.list(f"{work.home}/index")]
    for part in ("cells", "index"):
        (folder / part).mkdir()
    at_once(
        lambda name: work.store.blobs.fetch(f"{work.home}/{name}", folder / name),
        [*shards, *index],
    )


def _layout(work: Work, chunk: int) -> bytes:
    return _once(work, "layout", lambda: layout(work.pool.read(work.spec.pool, chunk)).encode())


def _fragments(work: Work, group: int, expected: str) -> bytes:
    return _once(work, f"reports/{group:06d}", lambda: _cut(work, group, expected))


def _shards(work: Work, bucket: int, dropped: np.ndarray) -> bytes:
    return _once(work, f"joined/{bucket:04d}", lambda: _joined(work, bucket, dropped))


def _once(work: Work, name: str, make: Callable[[], bytes]) -> bytes:
    """Return what a task answered before it was interrupted, or let it answer."""
    path = f"{work.home}/{name}"
    answer = work.store.get(path)
    if answer is None:
        answer = make()
        work.store.put(path, answer)
    return answer


def _cut(work: Work, group: int, expected: str) -> bytes:
    """Read the chunks of a group, leave a fragment for every bucket, and report on every row."""
    whole, reports = [], []
    for chunk in work.groups[group]:
        columns = work.pool.read(work.spec.pool, chunk)
        rows, report = admit(columns, chunk=chunk, expected=expected, describe=work.describe)
        whole += [rows] if rows.num_rows else []
        reports.append(report)
    if whole:
        at_once(
            lambda part: work.store.put(
                f"{work.home}/fragments/{part[0]:04d}/{group:06d}", part[1]
            ),
            _by_bucket(pa.concat_tables(whole), work),
        )
    return to_bytes(pa.concat_tables(reports))


def _by_bucket(rows: pa.Table, work: Work) -> Iterator[tuple[int, bytes]]:
    """Neighbouring coarse cells go to different buckets, so that no bucket is all ocean."""
    shift = np.uint64(_BASE_CELL_BIT - _BITS_PER_DIGIT * work.spec.coarse)
    buckets = (np.asarray(rows.column("coarse")) >> shift) % np.uint64(work.num_buckets)
    for bucket in np.unique(buckets).tolist():
        yield bucket, to_bytes(rows.filter(buckets == bucket))


def _joined(work: Work, bucket: int, dropped: np.ndarray) -> bytes:
    """Join a bucket's fragments, write its shards and answer with its census."""
    paths = work.store.list(f"{work.home}/fragments/{bucket:04d}")
    fragments = [from_bytes(data) for data in at_once(work.store.get, paths) if data is not None]
    if not fragments:
        return json.dumps(
            {"census": census.CENSUS.empty_table().to_pydict(), "repeated": []}
        ).encode()
    kept, again = joined(fragments, dropped=dropped)
    index = _parquet(kept.select(INDEX.names).cast(INDEX))
    work.store.put(f"{work.home}/index/{bucket:04d}.parquet", index)
    at_once(
        lambda shard: work.store.put(f"{work.home}/cells/{shard_name(shard[0])}", shard[1]),
        _by_coarse(kept),
    )
    repeated_ids = again.column("id").to_pylist()
    answer = {"census": census.count(kept).to_pydict(), "repeated": repeated_ids}
    return json.dumps(answer).encode()


def _by_coarse(rows: pa.Table) -> Iterator[tuple[int, bytes]]:
    cells, starts = np.unique(np.asarray(rows.column("coarse")), return_index=True)
    ends = [*starts[1:].tolist(), rows.num_rows]
    for cell, start, end in zip(cells.tolist(), starts.tolist(), ends, strict=True):
        yield cell, _parquet(rows.slice(start, end - start))


def _parquet(rows: pa.Table) -> bytes:
    """Return rows as Parquet; the bytes do not tell how the rows came together."""
    sink = io.BytesIO()
    whole = rows.combine_chunks()
    pq.write_table(whole, sink, compression="zstd", row_group_size=ROWS_PER_GROUP)
    return sink.getvalue()
