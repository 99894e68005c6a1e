"""The shard step: a pool as Parquet, one file per coarse cell, and the census of it all.

A task takes in a few chunks of the pool and leaves their rows as fragments, one per bucket of
coarse cells; a second task per bucket joins the fragments into shards. Fragments lie in the store
under ``progress/``: workers need not share a disk, and what is there is not made again. How many
chunks a task takes and how many buckets there are follows from the pool alone.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from terrasweep.infra.context import Context
from terrasweep.infra.spec import Json, Spec
from terrasweep.infra.step import Step
from terrasweep.infra.storage.blobs import at_once
from terrasweep.pipelines.ray_map import from_bytes, spread, to_bytes
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

_BASE_CELL_BIT: Final = 45  # a cell's number of resolution r ends above bit 45 - 3 r
_BITS_PER_DIGIT: Final = 3


def make(step: Step[Spec], *, context: Context, folder: Path) -> None:
    """Write the shards, the census and what was rejected.

    Raises:
        PoolError: If the pool's rows are not as they should be, with a table of what was found.
    """
    spec = cast("ShardSpec", step.spec)
    num_chunks = POOLS[spec.pool.name].chunks(spec.pool)
    work = ShardWork(context.store, spec, home=f"progress/{step.key}", num_chunks=num_chunks)
    expected = b"".join(spread(lambda chunk: _layout(work, chunk), [0][:num_chunks])).decode()
    report = _take_in(work, context, expected=expected)
    joined_up = join(work, context, dropped=repeated(report))
    counted, again = joined_up.census, joined_up.repeated
    why = report.filter(report.column("rejected").is_valid())
    reasons = [*why.column("rejected").to_pylist(), *[REPEATED] * len(again)]
    left_out = rejects(reasons, [*why.column("id").to_pylist(), *again])
    kept = sum(counted.column("count").to_pylist())
    most = spec.pool.max_rejects
    check_balance(read=report.num_rows, kept=kept, left_out=left_out, most=most)
    _fetch(work, counted, folder=folder)
    pq.write_table(counted, folder / "census.parquet")
    pq.write_table(left_out, folder / "rejects.parquet")
    pq.write_table(joined_up.where.sort_by("coarse"), folder / "where.parquet")
    pq.write_table(pilot(work), folder / "pilot.parquet")
    counts = {"entropies": joined_up.entropies, "crowd": joined_up.cell_counts}
    told: dict[str, object] = {name: dict(sorted(own.items())) for name, own in counts.items()}
    told["spectral_entropy"] = _measured(spec, expected)
    (folder / "counts.json").write_text(json.dumps(told))
    at_once(work.store.drop, work.store.list(work.home))


def _take_in(work: ShardWork, context: Context, *, expected: str) -> pa.Table:
    """Read the pool into fragments and return the report on every row, in order of the pool."""
    groups = range(len(work.groups))
    parts = [REPORT.empty_table()]
    for part in spread(lambda group: _fragments(work, group, expected), groups):
        parts.append(from_bytes(part))
        context.progress(len(parts) - 1, len(groups) + work.num_buckets)
    return pa.concat_tables(parts).sort_by("ordinal")


def _measured(spec: ShardSpec, expected: str) -> dict[str, Json] | None:
    """Return how the entropy of samples of this layout is measured; nothing if they have none."""
    of = source(names_of(expected), pool=spec.pool, spec=spec.entropy) if expected else None
    return definition(of, spec=spec.entropy) if of else None


def _fetch(work: ShardWork, counted: pa.Table, *, folder: Path) -> None:
    """Copy the shards that the census names, and the index, into the step's folder."""
    shards = [f"cells/{shard_name(cell)}" for cell in counted.column("coarse").unique().to_pylist()]
    index = [path.removeprefix(f"{work.home}/") for path in work.store.list(f"{work.home}/index")]
    for part in ("cells", "index"):
        (folder / part).mkdir()
    at_once(
        lambda name: work.store.blobs.fetch(f"{work.home}/{name}", folder / name),
        [*shards, *index],
    )


def _layout(work: ShardWork, chunk: int) -> bytes:
    return once(work, "layout", lambda: layout(work.pool.read(work.spec.pool, chunk)).encode())


def _fragments(work: ShardWork, group: int, expected: str) -> bytes:
    return once(work, f"reports/{group:06d}", lambda: _cut(work, group, expected))


def _cut(work: ShardWork, group: int, expected: str) -> bytes:
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


def _by_bucket(rows: pa.Table, work: ShardWork) -> Iterator[tuple[int, bytes]]:
    """Neighbouring coarse cells go to different buckets, so that no bucket is all ocean."""
    shift = np.uint64(_BASE_CELL_BIT - _BITS_PER_DIGIT * work.spec.coarse)
    buckets = (np.asarray(rows.column("coarse")) >> shift) % np.uint64(work.num_buckets)
    for bucket in np.unique(buckets).tolist():
        yield bucket, to_bytes(rows.filter(buckets == bucket))
