"""Location encoders pretrained on the synthetic planet, uniformly or around cities, on REAL labels.

    PYTHONPATH=. python benchmarks/satclip_labels.py [--data FOLDER] [--seeds 50] [--json]

SatCLIP, smaller than published and with an image network as it was initialised, learns places from
the planet's patches: from samples drawn uniformly over the land (`uniform`), from clusters around
cities (`world_cities`), or not at all (`zero`). Linear probes on its features are evaluated on
RESOLVE biomes and on elevation and forest cover of MOSAIKS, continent by continent, on 100 samples
a draw. The images are invented and the labels are real. So the table shows whether the method can
distinguish compositions on real labels, not which cities to photograph. There is no target. The
data are not part of the project; without them the script evaluates nothing, and says so.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.parts.targets import report
from terrasweep.dashboards.report.results import SweepResults
from terrasweep.dashboards.tables.rows import DifferenceRow, SummaryRow
from terrasweep.infra.storage.ledger import Ledger
from terrasweep.infra.storage.store import Store
from terrasweep.sweeps.engine.run import run
from terrasweep.sweeps.spec.sweep import Sweep

CONTINENTS = ("africa", "asia", "europe", "north_america", "oceania", "south_america")
ARMS = {"zero": "zero", "uniform": "uniform", "world_cities": "cities"}
"""The compositions, and the rule of each."""


def sweep(data: Path, *, seeds: int, replicates: int, size: int, epochs: int) -> Sweep:
    """Return the question as a sweep."""
    mosaiks = {"name": "mosaiks", "path": str(data / "mosaiks")}
    tasks = {
        "biome": {"name": "ecoregions", "path": str(data / "resolve2017"), "per_continent": 1000},
        "elevation": {**mosaiks, "label": "elevation"},
        "forest": {**mosaiks, "label": "forest_cover"},
    }
    pool = {"name": "planet", "size": 6000, "world": "coverage", "arrays": "patches", "size_px": 32}
    model = {"name": "satclip", "capacity": 256, "width": 128, "crop_px": 32, "negatives": 256}
    entry = {
        "name": "satclip",
        "model": model,
        "training": {"epochs": epochs, "batch_size": 256, "lr": 1e-3},
        "pool": pool,
        "tasks": [{"name": name, "task": task} for name, task in tasks.items()],
    }
    told = {
        "name": "satclip_labels",
        "question": "Do cities serve a network of places worse than an even draw, on real labels?",
        "hypothesis": "Yes, on every continent.",
        "baseline": "uniform",
        "size": size,
        "compositions": [{"name": name, "rule": {"kind": kind}} for name, kind in ARMS.items()],
        "models": [entry],
        "continents": list(CONTINENTS),
        "n": [100],
        "protocols": ["linear"],
        "seeds": seeds,
        "replicates": replicates,
    }
    return Sweep.model_validate(told)


def table(found: SweepResults) -> list[str]:
    """Return a line per task and continent: each arm's mean, and the gap of cities to uniform."""
    means = {
        (row["task"], row["continent"], row["composition"]): row
        for row in found.rows("summary", SummaryRow)
    }
    gaps = {
        (row["task"], row["continent"]): row
        for row in found.rows("differences", DifferenceRow)
        if row["composition"] == "world_cities"
    }
    lines = [
        f"| task | continent | {' | '.join(ARMS)} | cities less uniform |",
        f"|---|---|{'---|' * (len(ARMS) + 1)}",
    ]
    for task, continent in dict.fromkeys((row[0], row[1]) for row in means):
        scores = [_score(means.get((task, continent, arm))) for arm in ARMS]
        gap = _gap(gaps.get((task, continent)))
        lines.append(f"| {task} | {continent} | {' | '.join(scores)} | {gap} |")
    return lines


def _score(row: SummaryRow | None) -> str:
    return "none" if row is None or row["mean"] is None else f"{row['mean']:.3f}"


def _gap(row: DifferenceRow | None) -> str:
    if row is None or row["low"] is None:
        return "none"
    return f"{row['difference']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the sweep and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    here = Path(__file__).resolve().parents[2] / "shared/data"
    parser.add_argument("--data", type=Path, default=here, help="holds resolve2017 and mosaiks")
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--replicates", type=int, default=2)
    parser.add_argument("--size", type=int, default=1500, help="samples of a composition")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    if not all((args.data / name).is_dir() for name in ("resolve2017", "mosaiks")):
        print(f"no real labels in {args.data}: nothing was evaluated; name a folder with --data")
        return report([], as_json=args.json)
    fields = {name: getattr(args, name) for name in ("seeds", "replicates", "size", "epochs")}
    asked = sweep(args.data, **fields)
    with tempfile.TemporaryDirectory() as home:
        store = Store.open(home)
        run(asked, store=store, console=Console(file=sys.stderr), tracking="off")
        print("\n".join(table(SweepResults.of(store, Ledger(store), asked.name))))
    return report([], as_json=args.json)


if __name__ == "__main__":
    sys.exit(main())
