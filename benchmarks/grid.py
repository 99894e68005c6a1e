"""The first study's grid of finetunes end to end, compared with scikit-learn cell by cell.

    PYTHONPATH=. python benchmarks/grid.py [--cells 14400] [--plain-cells 200] [--loop-cells 400]

6 compositions x 2 networks x 6 continents x 50 seeds x kNN, linear, MLP and forest make 14,400
rows. Features are made up, 128 per sample; each cell trains on 100 samples and is evaluated on
1,000. The grid uses the whole system: `run` with features in the store, bundles on Ray Tune, rows
to the ledger, the MLflow mirror, the report. It is compared, on the same features and draws, with
plain Ray Tune with its defaults, a trial of scikit-learn for each cell; and with a bare loop of
scikit-learn in as many processes, without a framework. Both are extrapolated from some cells, taken
at equal distances. Fewer `--cells` reduce the seeds; `--plain-cells 0` leaves plain Ray Tune out.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from rich.console import Console
from safetensors.numpy import save_file

from benchmarks.parts import grid_cells
from benchmarks.parts.targets import Target, at_least, at_most, report
from terrasweep.infra.context import Context
from terrasweep.infra.seeds import generator
from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Step
from terrasweep.infra.storage.ledger import Ledger
from terrasweep.infra.storage.store import Store
from terrasweep.pipelines.stages import task as task_stage
from terrasweep.pipelines.stages.encode import FEATURES
from terrasweep.pipelines.stages.task import TABLE
from terrasweep.sweeps.engine.run import run
from terrasweep.sweeps.plan.grid import plan
from terrasweep.sweeps.reading.sweep_file import read
from terrasweep.sweeps.spec.sweep import Sweep

WIDTH = 128
PER_CONTINENT = 1100
COMPOSITIONS, NETWORKS, CONTINENTS, PROTOCOLS = 6, 2, 6, 4
WHOLE = 14_400


def study(cells: int) -> Sweep:
    """Return the first study without its n sweep, with as many seeds as it takes."""
    sweep = read("spatial_distribution")
    presto = sweep.models[0]
    crop = presto.tasks[0]
    task = crop.task.model_copy(update={"per_continent": PER_CONTINENT})
    networks = tuple(
        presto.model_copy(
            update={
                "name": name,
                "model": presto.model.model_copy(update={"width": width}),
                "tasks": (crop.model_copy(update={"task": task}),),
            }
        )
        for name, width in (("presto", 128), ("presto_small", 64))
    )
    seeds = max(1, cells // (COMPOSITIONS * NETWORKS * CONTINENTS * PROTOCOLS))
    changes = {"models": networks, "n": (100,), "exclude": (), "seeds": tuple(range(seeds))}
    return sweep.model_copy(update=changes)


def prepare(sweep: Sweep, *, store: Store) -> tuple[np.ndarray, Path]:
    """Put the task and every checkpoint's features into a store; return some of them."""
    steps = plan(sweep).steps
    (task,) = {step.key: step for step in steps if step.stage == "task"}.values()
    context = Context(store)
    store.make(task, lambda folder: task_stage.make(task, context=context, folder=folder))
    table = store.folder(task.key) / TABLE
    labels = grid_cells.columns(table)["label"]
    for step in (one for one in steps if one.stage == "encode"):
        features = _features(step, labels)
        store.make(
            step, lambda folder, made=features: save_file({"features": made}, folder / FEATURES)
        )
    return features, table


def _features(step: Step[Spec], labels: np.ndarray) -> np.ndarray:
    """Return features of which some directions tell the classes apart, as a network's do."""
    rng = generator("benchmark grid", str(step.key))
    mixed = rng.normal(size=(WIDTH, WIDTH)) * np.exp(-np.arange(WIDTH) / 30)
    towards = 0.15 * rng.normal(size=WIDTH)
    noise = rng.normal(size=(len(labels), WIDTH))
    return ((noise + labels[:, None] * towards) @ mixed).astype(np.float32)


def ours(sweep: Sweep, *, store: Store) -> float:
    """Return the seconds that `run` takes for all cells."""
    started = time.perf_counter()
    run(sweep, store=store, console=Console(file=sys.stderr))
    took = time.perf_counter() - started
    done = len(Ledger(store).done())
    assert done == len(plan(sweep).included), f"{done} cells"
    print(f"{done:,} cells in {took:.0f} s", file=sys.stderr)
    return took / done


def loop(folder: Path, *, cells: int, processes: int) -> float:
    """Return the seconds per cell of scikit-learn in a bare loop, a share for each process."""
    cases = grid_cells.cases(cells)
    shares = [(str(folder), cases[at::processes]) for at in range(processes)]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        list(pool.map(grid_cells.fit_all, [(str(folder), cases[:4])] * processes))  # imports
        started = time.perf_counter()
        list(pool.map(grid_cells.fit_all, shares))
        return (time.perf_counter() - started) / len(cases)


def plain(folder: Path, *, cells: int) -> float:
    """Return the seconds per cell of plain Ray Tune with its defaults."""
    script = Path(__file__).parent / "parts/grid_plain.py"
    answer = subprocess.run(
        [sys.executable, str(script), str(folder), str(cells)],
        capture_output=True,
        text=True,
        check=True,
    )
    (line,) = (line for line in answer.stdout.splitlines() if line.startswith("seconds "))
    return float(line.split()[1]) / cells


def measured(args: argparse.Namespace) -> list[Target]:
    """Measure everything."""
    sweep, processes = study(args.cells), os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as home:
        store = Store.open(f"{home}/store")
        features, table = prepare(sweep, store=store)
        grid_cells.keep(Path(home), features=features, table=table)
        looped = _told("bare loop", loop(Path(home), cells=args.loop_cells, processes=processes))
        single = _told("ours", ours(sweep, store=store))
        targets = [
            at_most("minutes for 14,400 rows", WHOLE * single / 60, 6),
            at_least("times faster than a bare loop of scikit-learn", looped / single, 1.5),
        ]
        if not args.plain_cells:
            return targets
        defaults = _told("plain Tune", plain(Path(home), cells=args.plain_cells))
    name = "times faster than plain Tune with scikit-learn"
    return [*targets, at_least(name, defaults / single, 40)]


def _told(name: str, each: float) -> float:
    """Say at once what was measured: the next may take long."""
    said = f"{1000 * each:.1f} ms per cell, {WHOLE * each / 60:.1f} min for all"
    print(f"{name}: {said}", flush=True)
    return each


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cells", type=int, default=WHOLE)
    parser.add_argument("--plain-cells", type=int, default=200)
    parser.add_argument("--loop-cells", type=int, default=400)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    return report(measured(args), as_json=args.json)


if __name__ == "__main__":
    sys.exit(main())
