"""How long MLflow takes with a large sweep: to mirror it, and to show its main pages.

`terrasweep mirror` mirrors made-up studies of 3,000 and 10,000 cells to SQLite. It is killed
half-way and started again: no run may be missing, none there twice. Then MLflow's own server shows
them to a headless Chromium; a page counts as shown once its main rows can be read. In the same run,
MLflow's client writes the same number of plain runs with the same metrics and parameters, one by
one, without a ledger, a summary or a note; only a few are written, and the time is scaled.

    PYTHONPATH=. python benchmarks/tracking.py [--cells 3000 10000] [--json]
"""

import argparse
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Metric, Param
from playwright.sync_api import Browser, TimeoutError

from benchmarks.parts.pages import pages
from benchmarks.parts.targets import Target, at_most, report
from terrasweep.infra.storage.ledger import Row
from terrasweep.infra.tracking.mirror import SETTINGS, Mirror
from terrasweep.infra.tracking.notes import run_address
from terrasweep.infra.tracking.sweep_runs import sweep_runs
from terrasweep.infra.tracking.views import CELLS, CHARTS, TABLE, view_address
from tests.pages.browser import chromium
from tests.support.mirrored import runs
from tests.support.ray_town import kill, wait_for
from tests.support.study import CONTINENTS, Study

COMPOSITIONS = ("uniform", "balanced", "land", *CONTINENTS, "zero")
PLAIN_RUNS = 100
"""So many runs are written plainly, for comparison."""
LONGEST_S = 300.0
LONGEST_PAGE_S = 60


def study_of(num_cells: int, root: Path) -> Study:
    """Write a study of some thousand cells."""
    seeds = num_cells // len(COMPOSITIONS) // len(CONTINENTS)
    rest = num_cells - seeds * len(COMPOSITIONS) * len(CONTINENTS)
    made = Study(root, compositions=COMPOSITIONS, seeds=seeds + bool(rest))
    return made.write()


def plainly(rows: Sequence[Row], uri: str) -> float:
    """Return the seconds that plain runs of all rows would take, from a share of them."""
    client, some = MlflowClient(tracking_uri=uri), rows[:PLAIN_RUNS]
    place = client.create_experiment("plain")
    started = time.perf_counter()
    for row in some:
        made = client.create_run(place, run_name=row.key)
        values = {
            **row.metrics,
            "n_train": row.n_train,
            "n_test": row.n_test,
            "seconds": row.seconds,
        }
        client.log_batch(
            made.info.run_id,
            metrics=[Metric(name, value, 0, 0) for name, value in values.items()],
            params=[Param(str(at), str(at)) for at in range(8)],
        )
        client.set_terminated(made.info.run_id)
    return (time.perf_counter() - started) * len(rows) / len(some)


def mirrored_in_two(study: Study, database: Path) -> float:
    """Return the seconds that a mirror takes that is killed half-way and started again."""
    uri, num_cells = f"sqlite:///{database}", len(study.rows())
    line = ("mirror", study.name, "--store", study.store.uri, "--tracking", uri)
    started = time.perf_counter()
    first = subprocess.Popen([sys.executable, "-m", "terrasweep", *line])
    wait_for(lambda: _num_runs(database) > num_cells / 2, seconds=LONGEST_S)
    kill(first)
    assert first.wait() < 0, "it was done before it could be killed"
    left = num_cells - _num_runs(database)
    Mirror(uri).bring_up_to_date(study.store, study.ledger, study.name)
    seconds = time.perf_counter() - started
    print(f"{num_cells:,} cells mirrored in {seconds:.0f} s; killed when some {left:,} were left")
    return seconds


def astray(study: Study, uri: str) -> list[Target]:
    """Hold what is in MLflow against what should be there."""
    found = Counter(run.data.tags["key"] for run in runs(study, uri))
    wanted = {entry.key for entry in sweep_runs(study.store, study.ledger, study.name)}
    named = f"of {len(wanted):,}"
    twice = sum(found[key] - 1 for key in found)
    return [
        at_most(f"runs missing {named}", len(wanted - set(found)), 0),
        at_most(f"runs twice, or not wanted, {named}", twice + len(set(found) - wanted), 0),
    ]


def opened(browser: Browser, address: str, *, shows: str) -> float:
    """Return the seconds until a page shows some words, in a browser that never saw it."""
    with browser.new_context() as context:
        page = context.new_page()
        started = time.perf_counter()
        page.goto(address)
        try:
            page.locator(f"main :text('{shows}')").first.wait_for(timeout=1000 * LONGEST_PAGE_S)
        except TimeoutError:
            print(f"{address} does not show {shows!r}")
            return float(LONGEST_PAGE_S)
        return time.perf_counter() - started


def wanted_pages(study: Study, uri: str) -> dict[str, tuple[str, str]]:
    """Return the pages that people use: where they are, and what one comes for."""
    client = MlflowClient(tracking_uri=uri)
    place = client.get_experiment_by_name(study.name).experiment_id
    (top,) = client.search_runs([place], filter_string="tags.kind = 'sweep'")
    return {
        "the study's table": (view_address(place, TABLE), "uniform · presto"),
        "the charts": (view_address(place, CHARTS), "mean of continents"),
        "the table of cells": (view_address(place, CELLS), "· s"),
        "the sweep's own run": (run_address(place, top.info.run_id), "cells/planned"),
    }


def measured(num_cells: int, root: Path) -> list[Target]:
    """Mirror a study, open its pages, and hold both against what is promised."""
    study = study_of(num_cells, root / "store")
    rows, database = study.rows(), root / "mlflow.db"
    uri, named = f"sqlite:///{database}", f"{len(rows):,} cells"
    seconds = mirrored_in_two(study, database)
    plain = plainly(rows, f"sqlite:///{root / 'plain.db'}")
    targets = [
        at_most(f"seconds to mirror {named}, killed once", seconds, 480),
        at_most(f"of the seconds of plain runs, {named}", seconds / plain, 1),
        *astray(study, uri),
    ]
    with pages(uri, root) as served, chromium() as browser:
        opened(browser, f"{served.address}/#/experiments", shows=study.name)  # it loads its code
        for name, (at, shows) in wanted_pages(study, uri).items():
            took = opened(browser, f"{served.address}/{at}", shows=shows)
            targets.append(at_most(f"seconds to open {name}, {named}", took, 10))
    return targets


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and return its exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--cells", type=int, nargs="+", default=[3000, 10_000], help="of each study"
    )
    parser.add_argument("--json", action="store_true", help="end with the targets as JSON")
    args = parser.parse_args(argv)
    os.environ.update(SETTINGS)  # a plain run prints no address either
    targets = []
    for num_cells in args.cells:
        with tempfile.TemporaryDirectory() as folder:
            targets += measured(num_cells, Path(folder))
    return report(targets, as_json=args.json)


def _num_runs(database: Path) -> int:
    if not database.exists():
        return 0
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)) as file:
        there = file.execute("SELECT count(*) FROM sqlite_master WHERE name = 'runs'").fetchone()
        return int(file.execute("SELECT count(*) FROM runs").fetchone()[0]) if there[0] else 0


if __name__ == "__main__":
    sys.exit(main())
