"""What drawing costs from an index of 6.5 million samples, compared with Polars.

    PYTHONPATH=. python benchmarks/sampling.py [--rows 6500000] [--runs 6] [--large] [--json]

The index is made once, in a temporary folder, in the form that the shard step gives it, without
pixels. Six compositions of the catalogue are drawn as a sweep draws them (Ray is started, one scan
of the index for all). Polars draws each of them one after another, in one process that reads the
same files with all its threads. Both end with the rows drawn in memory; writing manifests and cards
comes after that and is timed separately. Runs of both alternate in both orders, and the median
counts. The benchmark also measures twelve compositions, the memory of a worker, how the cost of a
row grows with the size of the index (with --large up to ten times as many rows), where the time
goes, and how fast the index is read, compared with a plain read of its files.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.parts import made_index, polars_draws
from benchmarks.parts.targets import Target, at_most, report
from terrasweep.infra.cluster import connection
from terrasweep.infra.context import Context
from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Step
from terrasweep.infra.storage.store import Store
from terrasweep.pipelines.spec import SampleSpec
from terrasweep.pipelines.stages import sample
from terrasweep.samplers.spec.composition import CompositionSpec
from terrasweep.sweeps.reading.sweep_file import composition

SIX = tuple(polars_draws.SIX)
MORE = ("uniform", "world_cities", "africa", "asia", "stratified_climate", "entropy_weighted")
SIZE = 10_000
PARTS = {
    "pilot, census and thresholds": ("_facts", "prepare"),
    "scan by Ray Data": ("_candidates",),
    "selecting the draws": ("select",),
}


@dataclass(frozen=True)
class Index:
    """An index in a store of its own."""

    store: Store
    shard: Step[Spec]
    num_rows: int

    @property
    def files(self) -> list[Path]:
        """The files that a scan reads."""
        return sorted((self.store.folder(self.shard.key) / "index").iterdir())

    def steps(self, names: Sequence[str], *, replicate: int) -> list[Step[SampleSpec]]:
        """Return sample steps of compositions of the catalogue."""
        return [
            Step(
                "sample",
                SampleSpec(
                    composition=CompositionSpec(rule=composition(name).rule, size=SIZE),
                    replicate=replicate,
                ),
                (self.shard,),
                label=name,
            )
            for name in names
        ]

    def draw(self, names: Sequence[str], *, replicate: int) -> float:
        """Return the seconds that it takes to draw compositions; Ray is up."""
        started = time.perf_counter()
        drawn = sample.draw_many(
            self.steps(names, replicate=replicate), context=Context(self.store)
        )
        took = time.perf_counter() - started
        assert [one.rows.num_rows for one in drawn.values()] == [SIZE] * len(names)
        return took


def made(num_rows: int, home: str) -> Index:
    """Make an index."""
    started = time.perf_counter()
    store = Store.open(f"{home}/{num_rows}")
    shard = made_index.make(num_rows, store=store)
    told = f"made an index of {num_rows:,} rows in {time.perf_counter() - started:.0f} s"
    print(told, file=sys.stderr)
    return Index(store, shard, num_rows)


def medians(work: Mapping[str, Callable[[int], float]], *, runs: int) -> dict[str, float]:
    """Return the median seconds of each piece of work; runs alternate, the first does not count.

    Every other run goes backwards: what follows Polars is slower by a tenth, whatever it is.
    """
    took: dict[str, list[float]] = {name: [] for name in work}
    for run in range(runs + 1):
        for name in list(work)[:: -1 if run % 2 else 1]:
            seconds = work[name](run)
            if run:
                took[name].append(seconds)
    return {name: statistics.median(own) for name, own in took.items()}


def peak_gib() -> float:
    """Return the most memory that any process under this one has held, Ray's own among them."""
    most = 0
    for process in psutil.Process().children(recursive=True):
        try:
            if process.name().startswith("ray::"):
                lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
                most = max(most, *(int(at.split()[1]) for at in lines if at.startswith("VmHWM")))
        except (psutil.NoSuchProcess, FileNotFoundError):
            continue
    return most / 2**20


def read_mb_s(files: Sequence[Path], *, cold: bool) -> float:
    """Return how fast one thread reads files whole; cold means that nothing is in memory yet."""
    if cold:
        forget(files)
    started = time.perf_counter()
    size = sum(len(path.read_bytes()) for path in files)
    return size / (time.perf_counter() - started) / 1e6


def forget(files: Sequence[Path]) -> None:
    """Drop files from the memory that holds what the disk was read for."""
    for path in files:
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


@contextmanager
def watched(seconds: dict[str, float]) -> Iterator[None]:
    """Add up what the parts of a draw take within the block."""
    kept = {name: getattr(sample, name) for names in PARTS.values() for name in names}

    def timed(part: str, work: Callable[..., object]) -> Callable[..., object]:
        def run(*args: object, **options: object) -> object:
            started = time.perf_counter()
            try:
                return work(*args, **options)
            finally:
                seconds[part] = seconds.get(part, 0.0) + time.perf_counter() - started

        return run

    try:
        for part, names in PARTS.items():
            for name in names:
                setattr(sample, name, timed(part, kept[name]))
        yield
    finally:
        for name, work in kept.items():
            setattr(sample, name, work)


def show_split(index: Index, *, replicate: int) -> None:
    """Print where the time of six draws goes, and how fast the index is read."""
    seconds: dict[str, float] = {}
    with watched(seconds):
        whole = index.draw(SIX, replicate=replicate)
    started = time.perf_counter()
    sample.make_many(index.steps(SIX, replicate=replicate), context=Context(index.store))
    written = time.perf_counter() - started
    print(f"where {whole:.2f} s for {len(SIX)} compositions of {index.num_rows:,} rows go:")
    for part, own in {**seconds, "the rest": whole - sum(seconds.values())}.items():
        print(f"  {part:<28}{own:7.2f} s  {own / whole:4.0%}")
    print(f"  drawn again, with manifests, cards and records written: {written:.2f} s")
    megabytes = sum(path.stat().st_size for path in index.files) / 1e6
    forget(index.files)
    cold = index.draw(SIX, replicate=replicate + 1)
    rates = [read_mb_s(index.files, cold=True), read_mb_s(index.files, cold=False)]
    print(f"the index is {megabytes:,.0f} MB; MB a second:")
    print(
        f"  drawn from, warm {megabytes / whole:,.0f}; the scan alone "
        f"{megabytes / seconds['scan by Ray Data']:,.0f}; drawn from, cold {megabytes / cold:,.0f}"
    )
    print(f"  read by one plain thread, cold (the disk) {rates[0]:,.0f}, warm {rates[1]:,.0f}")


def growth(small: Index, large: Index, *, runs: int) -> float:
    """Return by which share a row of a larger index costs more."""
    took = medians(
        {
            "small": lambda run: small.draw(SIX, replicate=100 + run),
            "large": lambda run: large.draw(SIX, replicate=100 + run),
        },
        runs=runs,
    )
    for name, index in (("small", small), ("large", large)):
        each = took[name] / index.num_rows * 1e9
        print(f"{index.num_rows:,} rows: {took[name]:.2f} s, {each:.0f} ns a row")
    return took["large"] / large.num_rows / (took["small"] / small.num_rows) - 1


def measured(num_rows: int, *, runs: int, large: bool, home: str) -> list[Target]:
    """Measure everything."""
    index, fifth = made(num_rows, home), made(num_rows // 5, home)
    tenfold = [made(10 * num_rows, home)] if large else []
    with connection.connect(dashboard=False):
        took = medians(
            {
                "six": lambda run: index.draw(SIX, replicate=run),
                "polars": lambda run: polars_draws.draw_all(index.files, size=SIZE, seed=run),
                "twelve": lambda run: index.draw(SIX + MORE, replicate=run),
            },
            runs=runs,
        )
        show_split(index, replicate=50)
        grown = [(fifth, index), *((index, one) for one in tenfold)]
        growths = {f"{b.num_rows:,}": growth(a, b, runs=min(runs, 3)) for a, b in grown}
        peak = peak_gib()
    print(", ".join(f"{name} {seconds:.2f} s" for name, seconds in took.items()))
    return [
        at_most("six draws, over Polars' time", took["six"] / took["polars"], 1),
        at_most("twelve draws, over six", took["twelve"] / took["six"], 1.5),
        at_most("GiB of the largest worker", peak, 1),
        *(at_most(f"growth of a row's cost up to {to} rows", g, 0.15) for to, g in growths.items()),
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=6_500_000)
    parser.add_argument("--runs", type=int, default=6)
    parser.add_argument("--large", action="store_true", help="an index of ten times the rows too")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as home:
        found = measured(args.rows, runs=args.runs, large=args.large, home=home)
    return report(found, as_json=args.json)


if __name__ == "__main__":
    sys.exit(main())
