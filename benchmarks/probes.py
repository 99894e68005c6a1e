"""What each protocol of the grid costs per cell, compared with scikit-learn cell by cell.

    PYTHONPATH=. python benchmarks/probes.py [--cells 48] [--json]

Both draw 100 samples, scale, fit and score on 1,000 others, with the features of `grid.py`, in this
process on one core. Processor time is measured, so other work on the machine hardly matters.
`grid.py` times the grid as a whole, with Ray, ledger and mirror.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks import grid
from benchmarks.parts import grid_cells
from benchmarks.parts.targets import Target, at_least, report
from terrasweep.infra.context import Context
from terrasweep.infra.storage.store import Store
from terrasweep.pipelines.stages import finetune
from terrasweep.sweeps.plan.grid import plan

CELLS_OF_A_SEED = 288
"""6 compositions x 2 networks x 6 continents x 4 protocols."""
SHARE = 1.0
"""Nobody asks for more than that a protocol costs no more than scikit-learn's."""


def measured(cells: int) -> list[Target]:
    """Measure every protocol."""
    seeds = -(-cells // grid.CONTINENTS)
    asked = grid.study(CELLS_OF_A_SEED * seeds)
    with tempfile.TemporaryDirectory() as home:
        store = Store.open(f"{home}/store")
        features, table = grid.prepare(asked, store=store)
        grid_cells.keep(Path(home), features=features, table=table)
        with np.load(f"{home}/cells.npz") as held:
            arrays = dict(held)
        wanted = plan(asked).included
        first = [cell.step for cell in wanted if cell.features.key == wanted[0].features.key]
        targets, totals = [], [0.0, 0.0]
        for protocol in grid_cells.PROTOCOLS:
            own = [cell for cell in first if cell.spec.protocol.name == protocol][:cells]
            finetune.finetune(own[:1], Context(store))  # warm up
            started = time.process_time()
            finetune.finetune(own, Context(store))
            ours = (time.process_time() - started) / len(own)
            theirs = _theirs(protocol, arrays, cells=cells)
            totals = [totals[0] + ours, totals[1] + theirs]
            told = f"{1000 * ours:.1f} ms, scikit-learn {1000 * theirs:.1f} ms"
            print(f"{protocol}: {told} of a core for each cell", flush=True)
            name = f"times faster than scikit-learn, {protocol}"
            targets.append(at_least(name, theirs / ours, SHARE))
    return [*targets, at_least("times faster, all four", totals[1] / totals[0], 1.5)]


def _theirs(protocol: str, arrays: dict[str, np.ndarray], *, cells: int) -> float:
    every = grid_cells.cases(cells * len(grid_cells.PROTOCOLS))
    cases = [case for case in every if case.protocol == protocol]
    with threadpool_limits(limits=1):
        grid_cells.fit(cases[0], arrays)
        started = time.process_time()
        for case in cases:
            grid_cells.fit(case, arrays)
        return (time.process_time() - started) / len(cases)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cells", type=int, default=48)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    return report(measured(args.cells), as_json=args.json)


if __name__ == "__main__":
    sys.exit(main())
