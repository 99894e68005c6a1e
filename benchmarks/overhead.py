"""What orchestration costs per cell, compared with plain Ray Tune with its defaults.

    PYTHONPATH=. python benchmarks/overhead.py [--cells 3000 ...] [--plain-trials 30] [--json]

A grid of trivial cells uses the whole system: plan and ledger of a store, bundles on Ray Tune, rows
to the ledger, with the MLflow mirror off and on. Unbundled means a trial for each cell; bundled is
what `terrasweep run` does. Each runs in a driver of its own, as a sweep does: Ray is started, and
nothing else is warm. Plain Ray Tune runs in the same benchmark and is extrapolated from a few
trials. Its cost per trial grows with their number, so this favours it.
Trivial cells need no torch. Workers of real cells import it once each, which is not included.
The benchmark also measures the files in the store per bundle, the memory of the drivers, and the
time to plan a finished sweep of 10,000 cells again. Of several numbers of cells, the first is
compared with plain Tune, and the cost of a cell must not grow from the smallest to the largest.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias, TypedDict

from rich.console import Console

from benchmarks.parts import trivial_work
from benchmarks.parts.targets import Target, at_least, at_most, report
from terrasweep.infra.cluster import connection
from terrasweep.infra.context import Context, Resources
from terrasweep.infra.step import Step
from terrasweep.infra.storage.claims import Claims
from terrasweep.infra.storage.ledger import Ledger, Row
from terrasweep.infra.storage.store import Store
from terrasweep.infra.tracking.background import MirrorThread
from terrasweep.infra.tracking.mirror import Mirror
from terrasweep.infra.tracking.uri import default_uri
from terrasweep.pipelines.spec import FinetuneSpec
from terrasweep.sweeps.engine import capacity, job_order
from terrasweep.sweeps.engine.progress import Stages
from terrasweep.sweeps.engine.scheduler import Scheduler
from terrasweep.sweeps.engine.writer import ResultWriter
from terrasweep.sweeps.plan import plan_table
from terrasweep.sweeps.plan.grid import Plan, plan
from terrasweep.sweeps.plan.missing import Missing
from terrasweep.sweeps.plan.plan_table import description
from terrasweep.sweeps.reading.sweep_file import read

REPLANNED_CELLS = 10_000
PART_ROWS = 500
Work: TypeAlias = Callable[[Sequence[Step[FinetuneSpec]], Context], list[Row]]


class Way(TypedDict):
    """How a grid is sent."""

    bundle: int
    mirrored: bool


WAYS: dict[str, Way] = {
    "unbundled": {"bundle": 1, "mirrored": False},
    "mirrored": {"bundle": 1, "mirrored": True},
    "bundled": {"bundle": 0, "mirrored": False},
}
MOST_MS = {"unbundled": 20, "mirrored": 20, "bundled": 2}


@dataclass(frozen=True)
class Took:
    """What one grid took."""

    ms: float
    """Per cell."""
    files_per_bundle: float
    """In the store, plan and all; MLflow's database is one of them."""
    peak_mb: float


def grid_of(num_cells: int) -> Plan:
    """Return the smoke sweep with as many finetune seeds as it takes."""
    smoke = read("smoke")
    per_seed = len(plan(smoke).included) // len(smoke.seeds)
    seeds = tuple(range(-(-num_cells // per_seed)))
    return plan(smoke.model_copy(update={"seeds": seeds, "name": f"trivial-{num_cells}"}))


def orchestrated(
    planned: Plan, *, bundle: int, mirrored: bool, work: Work = trivial_work.work
) -> Took:
    """Time a grid from its plan to its last row; Ray is up."""
    with tempfile.TemporaryDirectory() as home, ExitStack() as stack:
        store = Store.open(home)
        ledger, name = Ledger(store), planned.sweep.name
        started = time.perf_counter()
        ledger.write_plan(name, plan_table.table(planned), description(planned))
        if mirrored:
            mirror = Mirror(default_uri(store.uri))
            thread = stack.enter_context(MirrorThread(mirror, store, name, tell=print))
        context = Context(store, Resources(cells_per_bundle=bundle))
        stages = stack.enter_context(Stages(Console(stderr=True, quiet=True)))
        stages.open("finetune", total=len(planned.included))
        cells = [cell.step for cell in planned.included]
        bundles = job_order.jobs(
            [], cells, planned=planned, resources=context.resources, slots=capacity.slots(context)
        )
        writer = ResultWriter(ledger, stages, context.retries)
        claims = stack.enter_context(Claims(store))
        Scheduler.of(
            bundles, claims=claims, context=context, writer=writer, train=work, attempts={}
        ).finish()
        took = time.perf_counter() - started
        if mirrored:
            thread.finish()
        assert len(ledger.done()) == len(cells)
        ways = f"bundles of {bundle or 'any size'}, mirror {'on' if mirrored else 'off'}"
        print(f"{len(cells):,} cells in {took:.1f} s: {ways}", file=sys.stderr)
        files = sum(path.is_file() for path in Path(home).rglob("*"))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Took(1000 * took / len(cells), files / len(bundles), peak_mb)


def plain(trials: int) -> float:
    """Return the seconds that plain Ray Tune takes per trial."""
    script = Path(__file__).parent / "parts/plain_tune.py"
    answer = subprocess.run(
        [sys.executable, str(script), str(trials)], capture_output=True, text=True, check=True
    )
    (line,) = (line for line in answer.stdout.splitlines() if line.startswith("seconds "))
    return float(line.split()[1]) / trials


def replanned(num_cells: int) -> float:
    """Return the seconds from reading a finished sweep to knowing that nothing is missing."""
    with tempfile.TemporaryDirectory() as home:
        store, planned = Store.open(home), grid_of(num_cells)
        rows = [trivial_work.row(cell.step) for cell in planned.included]
        for at in range(0, len(rows), PART_ROWS):
            Ledger(store).append(rows[at : at + PART_ROWS])
        started = time.perf_counter()
        again, ledger = grid_of(num_cells), Ledger(Store.open(home))
        store.refuse_drift(again.steps)
        ledger.refuse_drift(cell.step for cell in again.included)
        ledger.write_plan(again.sweep.name, plan_table.table(again), description(again))
        assert not Missing.of(again, store=store, ledger=ledger).cells
        return time.perf_counter() - started


def driven(way: str, cells: int) -> Took:
    """Time a grid in a driver of its own."""
    command = [sys.executable, __file__, "--way", way, "--cells", str(cells)]
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Took(**json.loads(answer.stdout.splitlines()[-1]))


def driver(way: str, cells: int) -> Took:
    """Be that driver."""
    with connection.connect(dashboard=False):  # as a sweep without pretraining
        return orchestrated(grid_of(cells), **WAYS[way])


def measured(counts: Sequence[int], *, plain_trials: int) -> list[Target]:
    """Measure everything."""
    took = {(way, cells): driven(way, cells) for cells in counts for way in WAYS}
    defaults = 1000 * plain(plain_trials)
    first = counts[0]
    return [
        *(
            at_most(f"ms per cell, {way}, {cells:,} cells", one.ms, MOST_MS[way])
            for (way, cells), one in took.items()
        ),
        *(
            at_most(f"growth of a cell's cost, {way}", _growth(took, way, counts), 1.2)
            for way in WAYS
            if len(counts) > 1
        ),
        *(
            at_least(f"times faster than plain Tune, {way}", defaults / took[way, first].ms, 25)
            for way in ("unbundled", "mirrored")
        ),
        at_most("files per bundle", max(one.files_per_bundle for one in took.values()), 5),
        at_most("driver memory in MB", max(one.peak_mb for one in took.values()), 500),
        at_most("s to plan 10,000 finished cells", replanned(REPLANNED_CELLS), 5),
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cells", type=int, nargs="+", default=[3000])
    parser.add_argument("--plain-trials", type=int, default=30)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--way", choices=WAYS, help="only this one, printed as JSON")
    args = parser.parse_args(argv)
    if args.way:
        print(json.dumps(asdict(driver(args.way, args.cells[0]))))
        return 0
    return report(measured(args.cells, plain_trials=args.plain_trials), as_json=args.json)


def _growth(took: dict[tuple[str, int], Took], way: str, counts: Sequence[int]) -> float:
    return took[way, max(counts)].ms / took[way, min(counts)].ms


if __name__ == "__main__":
    sys.exit(main())
