"""How much faster two workers are than one, on a grid that only computes.

    PYTHONPATH=. python benchmarks/scaling.py [--seeds 160] [--rounds 2] [--json]

Forests on shared features, one bundle after another: by one worker and by two, in turn. The
features are made and Ray is started before the clock runs. The time of a grid goes from the start
of its first cell to the end of its last, as the ledger has them, so it includes the time between
bundles. Nothing else should run on the machine.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from shutil import copytree
from statistics import median

from rich.console import Console

from benchmarks.parts.targets import Target, at_least, report
from terrasweep.infra.cluster import connection
from terrasweep.infra.context import Resources
from terrasweep.infra.storage.ledger import Ledger
from terrasweep.infra.storage.store import Store
from terrasweep.sweeps.engine.run import OFF, run
from terrasweep.sweeps.reading.sweep_file import read
from terrasweep.sweeps.spec.sweep import Sweep

WORKERS = (1, 2)
CELLS_PER_BUNDLE = 5


def study(seeds: int) -> Sweep:
    """Return the smoke sweep with forests, and so many seeds."""
    asked = {
        "name": f"scaling-{seeds}",
        "seeds": tuple(range(seeds)),
        "protocols": [{"name": "forest", "protocol": {"name": "forest"}}],
    }
    return Sweep.model_validate(read("smoke").model_dump() | asked)


def took(store: Store, *, seeds: int, workers: int) -> float:
    """Return the seconds that the grid took."""
    before = Ledger(store).done()
    means = Resources(max_concurrent=workers, cells_per_bundle=CELLS_PER_BUNDLE)
    console = Console(stderr=True)
    run(study(seeds), store=store, resources=means, tracking=OFF, console=console)
    rows = [row for row in Ledger(store).results().to_pylist() if row["key"] not in before]
    bundle = timedelta(seconds=CELLS_PER_BUNDLE * median(row["seconds"] for row in rows))
    ends = [row["finished"] for row in rows]
    whole: timedelta = max(ends) - (min(ends) - bundle)  # rows come when their bundle ends
    return whole.total_seconds()


def measured(seeds: int, *, rounds: int) -> list[Target]:
    """Measure in turn, and compare medians."""
    found: dict[int, list[float]] = {workers: [] for workers in WORKERS}
    with tempfile.TemporaryDirectory() as home, connection.connect(cpus=max(WORKERS)):
        made = Path(home) / "made"
        took(Store.open(str(made)), seeds=1, workers=max(WORKERS))  # all that cells need
        for at in range(rounds):
            for workers in WORKERS:
                place = copytree(made, Path(home) / f"{workers}-{at}")
                found[workers].append(took(Store.open(str(place)), seeds=seeds, workers=workers))
    for workers, seconds in found.items():
        each = ", ".join(f"{one:.1f}" for one in seconds)
        print(f"{workers} worker(s): {each} s")
    one, two = (median(found[workers]) for workers in WORKERS)
    return [at_least("times faster with two workers than with one", one / two, 1.8)]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=160)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    sys.stdout.reconfigure(line_buffering=True)  # each figure as it comes
    return report(measured(args.seeds, rounds=args.rounds), as_json=args.json)


if __name__ == "__main__":
    sys.exit(main())
