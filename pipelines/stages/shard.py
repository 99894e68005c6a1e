"""The shard step: a pool as Parquet, one file per coarse cell, and the census of it all.

A task takes in a few chunks of the pool and leaves their rows as fragments, one per bucket of
coarse cells; a second task per bucket joins the fragments into shards. Fragments lie in the store
under ``progress/``: workers need not share a disk, and what is there is not made again. How many
chunks a task takes and how many buckets there are follows from the pool alone.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from terrasweep.infra.context import Context
from terrasweep.infra.spec import Json, Spec
from terrasweep.infra.step import Step
from terrasweep.infra.storage.blobs import at_once
from terrasweep.pipelines.ray_map import from_bytes, ray_map, to_bytes
from terrasweep.pipelines.sharding.join import join, pilot
from terrasweep.pipelines.sharding.work import ShardWork, once, shard_name
from terrasweep.pipelines.spec import ShardSpec
from terrasweep.samplers.intake.admit import (
    REPEATED,
    REPORT,
    admit,
    check_balance,
    layout,
    rejects,
    repeated,
)
from terrasweep.samplers.intake.spectral_entropy import definition, names_of, source
from terrasweep.samplers.members import POOLS

# An H3 cell of resolution r has its base cell from bit 45 on, and three bits for each of its r
# digits below; all lower bits are ones.
_BASE_CELL_BIT: Final = 45
_BITS_PER_DIGIT: Final = 3


def make(step: Step[Spec], *, context: Context, folder: Path) -> None:
    """Write the shards, the census and what was rejected.

    Raises:
        PoolError: If the pool's rows are not as they should be, with a table of the reasons.
    """
    spec = cast("ShardSpec", step.spec)
    num_chunks = POOLS[spec.pool.name].chunks(spec.pool)
    work = ShardWork(context.store, spec, folder=f"progress/{step.key}", num_chunks=num_chunks)
    expected = _expected_layout(work)
    report = _take_in(work, context, expected=expected)
    pool = join(work, context, dropped=repeated(report))
    left_out = _left_out(report, again=pool.repeated)
    num_kept = sum(pool.census.column("count").to_pylist())
    max_rejects = spec.pool.max_rejects
    check_balance(read=report.num_rows, kept=num_kept, left_out=left_out, most=max_rejects)
    _fetch(work, pool.census, folder=folder)
    pq.write_table(pool.census, folder / "census.parquet")
    pq.write_table(left_out, folder / "rejects.parquet")
    pq.write_table(pool.where.sort_by("coarse"), folder / "where.parquet")
    pq.write_table(pilot(work), folder / "pilot.parquet")
    counts = {
        "entropies": dict(sorted(pool.entropies.items())),
        "crowd": dict(sorted(pool.cell_counts.items())),
        "spectral_entropy": _entropy_definition(spec, expected),
    }
    (folder / "counts.json").write_text(json.dumps(counts))
    at_once(work.store.drop, work.store.list(work.folder))


def _expected_layout(work: ShardWork) -> str:
    """Return the columns of the first chunk, which all others must have; a task reads it."""
    if not work.num_chunks:
        return ""
    (answer,) = ray_map(lambda chunk: _layout(work, chunk), [0])
    return answer.decode()


def _take_in(work: ShardWork, context: Context, *, expected: str) -> pa.Table:
    """Read the pool into fragments and return the report on every row, in order of the pool."""
    groups = range(len(work.groups))
    parts = [REPORT.empty_table()]
    for part in ray_map(lambda group: _fragments(work, group, expected), groups):
        parts.append(from_bytes(part))
        context.progress(len(parts) - 1, len(groups) + work.num_buckets)
    return pa.concat_tables(parts).sort_by("ordinal")


def _left_out(report: pa.Table, *, again: Sequence[str]) -> pa.Table:
    """Return the table of rows that were rejected, and of those whose id occurs again."""
    rejected = report.filter(report.column("rejected").is_valid())
    reasons = [*rejected.column("rejected").to_pylist(), *[REPEATED] * len(again)]
    return rejects(reasons, [*rejected.column("id").to_pylist(), *again])


def _entropy_definition(spec: ShardSpec, expected: str) -> dict[str, Json] | None:
    """Return how the entropy of samples of this layout is measured; nothing if they have none."""
    of = source(names_of(expected), pool=spec.pool, spec=spec.entropy) if expected else None
    return definition(of, spec=spec.entropy) if of else None


def _fetch(work: ShardWork, census: pa.Table, *, folder: Path) -> None:
    """Copy the shards that the census names, and the index, into the step's folder."""
    shards = [f"cells/{shard_name(cell)}" for cell in census.column("coarse").unique().to_pylist()]
    index = [
        path.removeprefix(f"{work.folder}/") for path in work.store.list(f"{work.folder}/index")
    ]
    for part in ("cells", "index"):
        (folder / part).mkdir()
    at_once(
        lambda name: work.store.blobs.fetch(f"{work.folder}/{name}", folder / name),
        [*shards, *index],
    )


def _layout(work: ShardWork, chunk: int) -> bytes:
    return once(work, "layout", lambda: layout(work.pool.read(work.spec.pool, chunk)).encode())


def _fragments(work: ShardWork, group: int, expected: str) -> bytes:
    return once(work, f"reports/{group:06d}", lambda: _make_fragments(work, group, expected))


def _make_fragments(work: ShardWork, group: int, expected: str) -> bytes:
    """Read the chunks of a group, leave a fragment for every bucket, and report on every row."""
    kept, reports = [], []
    for chunk in work.groups[group]:
        columns = work.pool.read(work.spec.pool, chunk)
        rows, report = admit(columns, chunk=chunk, expected=expected, describe=work.describe)
        if rows.num_rows:
            kept.append(rows)
        reports.append(report)
    if kept:

        def put(part: tuple[int, bytes]) -> None:
            bucket, fragment = part
            work.store.put(f"{work.folder}/fragments/{bucket:04d}/{group:06d}", fragment)

        at_once(put, _by_bucket(pa.concat_tables(kept), work))
    return to_bytes(pa.concat_tables(reports))


def _by_bucket(rows: pa.Table, work: ShardWork) -> Iterator[tuple[int, bytes]]:
    """Yield the rows of each bucket.

    Neighbouring coarse cells go to different buckets, so that no bucket is all ocean: without the
    bits that no coarse cell uses, a cell's number counts up from one neighbour to the next.
    """
    shift = np.uint64(_BASE_CELL_BIT - _BITS_PER_DIGIT * work.spec.coarse)
    buckets = (np.asarray(rows.column("coarse")) >> shift) % np.uint64(work.num_buckets)
    for bucket in np.unique(buckets).tolist():
        yield bucket, to_bytes(rows.filter(buckets == bucket))
