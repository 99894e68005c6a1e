"""How fast a pool of Parquet files with pixels becomes shards, compared with a plain copy.

    PYTHONPATH=. python benchmarks/sharding.py [--rows 200000] [--runs 3] [--json]

The pool is made once, in a temporary folder: series in Presto's format from the synthetic planet.
The plain copy is one process that reads the same files by pyarrow, group after group, and writes
them again in the way shards are written: compressed, without dictionaries for pixels. Sharding
uses the whole step, with Ray started. It checks every row, hashes it, finds its cell, continent,
biome and climate, computes its entropy, and writes it twice, because fragments are stored between
the two halves of the step. Runs of both alternate. No study sets a target; below a tenth of the
plain copy's speed we would look for the reason.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.parts.targets import Target, at_least, report
from terrasweep.infra.cluster import connection
from terrasweep.infra.context import Context
from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Step
from terrasweep.infra.storage.store import Store
from terrasweep.pipelines.sharding import work as shard_work
from terrasweep.pipelines.spec import ShardSpec
from terrasweep.pipelines.stages import shard
from terrasweep.samplers.formats.arrays import to_table
from terrasweep.samplers.intake.admit import admit, layout
from terrasweep.samplers.pools.parquet import pool as parquet
from terrasweep.samplers.pools.parquet.spec import ParquetSpec
from terrasweep.samplers.pools.planet import pool as planet
from terrasweep.samplers.pools.planet.spec import PlanetSpec

T = TypeVar("T")

ROWS_PER_FILE = 65_536
CHUNK = 4096


def make_pool(folder: Path, *, num_rows: int) -> None:
    """Write a pool of Parquet files."""
    spec = PlanetSpec(name="planet", size=num_rows)
    writer: pq.ParquetWriter | None = None
    for chunk in range(planet.chunks(spec)):
        rows = to_table(planet.read(spec, chunk))
        if writer is None or chunk % (ROWS_PER_FILE // CHUNK) == 0:
            if writer is not None:
                writer.close()
            path = folder / f"{chunk:05d}.parquet"
            writer = pq.ParquetWriter(path, rows.schema, compression="zstd")
        writer.write_table(rows)
    if writer is not None:
        writer.close()


def copied(pool: Path, *, to: Path) -> float:
    """Return the seconds of a plain copy: every group read and written again."""
    started = time.perf_counter()
    for path in sorted(pool.iterdir()):
        read = pq.ParquetFile(path)
        options = {"compression": "zstd", "use_dictionary": False}
        with pq.ParquetWriter(to / path.name, read.schema_arrow, **options) as written:
            for group in range(read.num_row_groups):
                written.write_table(read.read_row_group(group))
    return time.perf_counter() - started


def sharded(pool: Path, *, home: Path, num_rows: int) -> float:
    """Return the seconds of a shard step; Ray is up."""
    store = Store.open(str(home))
    step: Step[Spec] = Step("shard", ShardSpec(pool=ParquetSpec(name="parquet", path=str(pool))))
    started = time.perf_counter()
    store.make(step, lambda folder: shard.make(step, context=Context(store), folder=folder))
    took = time.perf_counter() - started
    counted = pq.read_table(store.folder(step.key) / "census.parquet", columns=["count"])
    assert sum(counted.column("count").to_pylist()) == num_rows
    return took


def show_split(pool: Path) -> None:
    """Print what one chunk costs one process, part by part."""
    spec = ParquetSpec(name="parquet", path=str(pool))
    with tempfile.TemporaryDirectory() as home:
        work = shard_work.ShardWork(Store.open(home), ShardSpec(pool=spec), folder="", num_chunks=1)
        columns, reading = _timed(lambda: parquet.read(spec, 0))
        describe = work.describe
        describe(columns)  # maps are read once for all chunks
        _, described = _timed(lambda: describe(columns))
        expected = layout(columns)
        (rows, _), admitted = _timed(
            lambda: admit(columns, chunk=0, expected=expected, describe=describe)
        )
        _, written = _timed(lambda: pq.write_table(rows, pa.BufferOutputStream()))
    number = rows.num_rows
    print(f"one chunk of {number:,} rows in one process, processor time per row in microseconds:")
    checked = admitted - described
    for name, own in {
        "read": reading,
        "cells, strata, entropy": described,
        "checked, hashed": checked,
        "written as Parquet": written,
    }.items():
        print(f"  {name:<24}{1e6 * own / number:8.1f}")


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    """Return what work gives, and the seconds of processor that it took."""
    started = time.process_time()
    given = work()
    return given, time.process_time() - started


def measured(num_rows: int, *, runs: int, home: Path) -> list[Target]:
    """Measure everything."""
    pool = home / "pool"
    pool.mkdir()
    make_pool(pool, num_rows=num_rows)
    megabytes = sum(path.stat().st_size for path in pool.iterdir()) / 1e6
    print(f"a pool of {num_rows:,} rows, {megabytes:,.0f} MB of Parquet", file=sys.stderr)
    took: dict[str, list[float]] = {"copy": [], "shard": []}
    with connection.connect(dashboard=False):
        for run in range(runs + 1):  # the first does not count
            target = home / f"copy-{run}"
            target.mkdir()
            own = {
                "copy": copied(pool, to=target),
                "shard": sharded(pool, home=home / f"store-{run}", num_rows=num_rows),
            }
            for name, seconds in own.items() if run else ():
                took[name].append(seconds)
    show_split(pool)
    copy, cut = (statistics.median(took[name]) for name in ("copy", "shard"))
    rates = {"plain copy": num_rows / copy, "sharding": num_rows / cut}
    for name, rate in rates.items():
        print(f"{name:<11}{rate:>10,.0f} rows/s, {megabytes * rate / num_rows:,.0f} MB/s")
    return [at_least("sharding, over the rows/s of a plain copy", copy / cut, 0.1)]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as home:
        found = measured(args.rows, runs=args.runs, home=Path(home))
    return report(found, as_json=args.json)


if __name__ == "__main__":
    sys.exit(main())
