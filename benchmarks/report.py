"""How long the report of a sweep of 3,000 cells takes, and how large it is.

Made-up studies of 10 compositions on 6 continents, of one model with 50 seeds and of five models
with 10, are written by the same ledger and store code as a sweep. In the same run and from the same
store, this also measures a lower bound: reading the ledger, writing its table and drawing as many
plain matplotlib figures, which is what tables and figures cost without any statistics.

    PYTHONPATH=. python benchmarks/report.py [--json]
"""

import argparse
import io
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from benchmarks.parts.targets import Target, at_most, report
from terrasweep.dashboards.html import wording
from terrasweep.dashboards.report.build import build
from terrasweep.sweeps.pages.write import atlas
from tests.support.study import CONTINENTS, Study

COMPOSITIONS = ("uniform", "balanced", "land", *CONTINENTS, "zero")
SHAPES = ((("presto",), 50), (("presto", "satclip", "satmae", "vit", "tiny"), 10))
"""Models and seeds."""
MB = 1e6


def timed(what: Callable[[], object]) -> float:
    """Return the seconds that something takes."""
    started = time.perf_counter()
    what()
    return time.perf_counter() - started


def plainly(study: Study, *, num_figures: int, out: Path) -> None:
    """Read the ledger, write it as CSV, draw bars of all means as often as there are figures."""
    plan, _ = study.ledger.plan(study.name)
    rows = study.ledger.results().to_pandas().merge(plan.to_pandas(), on="key")
    rows.drop(columns="metrics").to_csv(out / "cells.csv")
    means = rows.groupby(["composition", "continent_x"])["value"].mean().unstack()
    for at in range(num_figures):
        figure = Figure()
        axes = figure.add_subplot()
        for offset, name in enumerate(means.columns):
            axes.bar([x + offset / 8 for x in range(len(means))], means[name], width=1 / 8)
        drawn = io.StringIO()
        FigureCanvasSVG(figure).print_svg(drawn)  # type: ignore[no-untyped-call]
        (out / f"{at}.svg").write_text(drawn.getvalue(), encoding="utf-8")
    (out / "report.html").write_text(means.to_html(), encoding="utf-8")


def measured(root: Path, *, models: tuple[str, ...], seeds: int) -> list[Target]:
    """Write a study, build its report, and hold both against what is promised."""
    made = Study(root / "store", compositions=COMPOSITIONS, models=models, seeds=seeds)
    study = made.write()
    num_cells = study.ledger.results().num_rows
    out, plain = root / "report", root / "plain"
    plain.mkdir(parents=True)
    seconds = timed(lambda: build(study.store, study.ledger, study.name, atlas=atlas(), out=out))
    num_figures = len(list(out.glob("*.svg")))
    alone = timed(lambda: plainly(study, num_figures=num_figures, out=plain))
    size = (out / "report.html").stat().st_size / MB
    shape = f"{num_cells:,} cells of {wording.counted(len(models), 'model')}"
    print(f"{shape}, {num_figures} figures: {seconds:.1f} s, {size:.1f} MB")
    print(f"plain tables and {num_figures} plain figures of the same ledger: {alone:.1f} s")
    return [
        at_most(f"seconds for the report of {shape}", seconds, 20),
        at_most(f"in times of plain tables and figures, {shape}", seconds / alone, 5),
        at_most(f"MB of the page, {shape}", size, 5),
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and return its exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="end with the targets as JSON")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        targets = [
            target
            for models, seeds in SHAPES
            for target in measured(Path(folder) / f"{seeds}", models=models, seeds=seeds)
        ]
    return report(targets, as_json=args.json)


if __name__ == "__main__":
    sys.exit(main())
