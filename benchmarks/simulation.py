"""Does the simulated schedule match a real run? And what would a very large sweep take?

    PYTHONPATH=. python benchmarks/simulation.py [--json]

A small sweep is run, and its records say what a unit of work costs here. Then `plan --cluster`
forecasts a larger one, which is run in the same store, on this machine. Records do not hold the
engine's own start and end: these are the time of the small run minus the time of its simulation.

Then a sweep of 450,000 cells is simulated only; see benchmarks/parts/large.py.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence

from rich.console import Console

from benchmarks.parts import large
from benchmarks.parts.targets import Target, at_most, report
from terrasweep.infra.context import Resources
from terrasweep.infra.storage.store import Store
from terrasweep.sweeps.engine.run import OFF, run
from terrasweep.sweeps.forecast.cluster import forecast
from terrasweep.sweeps.forecast.profile import Nodes, Overheads, Profile
from terrasweep.sweeps.plan.grid import plan
from terrasweep.sweeps.reading.sweep_file import composition, read
from terrasweep.sweeps.spec.sweep import Sweep

SMALL = ("zero", "uniform", "europe")
LARGER = ("zero", "uniform", "europe", "africa", "asia")
SEEDS_SMALL, SEEDS_LARGER = 10, 60


def study(names: Sequence[str], *, seeds: int) -> Sweep:
    """Return the smoke sweep with these compositions, and forests, which take the processor."""
    drawn = [{**composition(name).model_dump(), "size": 300} for name in names if name != "zero"]
    asked = {
        "name": f"simulated-{seeds}",
        "compositions": [composition("zero").model_dump(), *drawn],
        "seeds": tuple(range(seeds)),
        "protocols": [{"name": "forest", "protocol": {"name": "forest"}}],
    }
    return Sweep.model_validate(read("smoke").model_dump() | asked)


def took(sweep: Sweep, *, store: Store) -> float:
    """Return the seconds from the command to its end, the start of Ray included."""
    started = time.perf_counter()
    run(sweep, store=store, resources=Resources(), tracking=OFF, console=Console(stderr=True))
    return time.perf_counter() - started


def this_machine(start_s: float) -> Profile:
    """Return this machine, with so many seconds of the engine's own."""
    cpus = os.cpu_count() or 1
    return Profile(nodes=(Nodes(cpus=cpus),), overheads=Overheads(start_s=start_s, end_s=0))


def checked() -> list[Target]:
    """Foretell a run, do it, and compare."""
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory() as empty:
        store, fresh = Store.open(home), Store.open(empty)
        small, larger = study(SMALL, seeds=SEEDS_SMALL), study(LARGER, seeds=SEEDS_LARGER)
        real = took(small, store=store)
        work = forecast(plan(small), store=fresh, profile=this_machine(0), records=store).wall_s
        foreseen = forecast(plan(larger), store=store, profile=this_machine(real - work))
        wall = took(larger, store=store)
    print(f"small run: {real:.1f} s, of which {real - work:.1f} s are the engine's own")
    print(f"larger run: {wall:.1f} s, forecast {foreseen.wall_s:.1f} s")
    return [at_most("relative error of the simulation", abs(foreseen.wall_s / wall - 1), 0.2)]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    sys.stdout.reconfigure(line_buffering=True)  # each figure as it comes
    return report([*checked(), *large.measured()], as_json=args.json)


if __name__ == "__main__":
    sys.exit(main())
