"""How long MLflow takes with a large sweep: to mirror it, and until the pages people use are there.

Made-up studies of 3,000 and 10,000 cells are mirrored to SQLite, then MLflow's own server shows
them to a headless Chromium. A page counts once what one came for can be read. Beside the mirror, in
the same run: the same number of plain runs with the same metrics and parameters, written by
MLflow's client one by one without a ledger, a summary or a note; a tenth of them, scaled.

    PYTHONPATH=. python benchmarks/tracking.py [--cells 3000 10000] [--json]
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Metric, Param
from playwright.sync_api import Browser

from benchmarks.targets import Target, at_most, report
from infra.ledger import Row
from infra.tracking import Mirror
from infra.tracking_notes import CELLS, TABLE, view_address
from tests.pages.browser import chromium
from tests.rooms.study import CONTINENTS, Study

COMPOSITIONS = ("uniform", "balanced", "land", *CONTINENTS, "zero")
SHARE = 10
"""One in so many runs is written plainly, for comparison."""


def study_of(num_cells: int, root: Path) -> Study:
    """Write a study of some thousand cells."""
    seeds = num_cells // len(COMPOSITIONS) // len(CONTINENTS)
    rest = num_cells - seeds * len(COMPOSITIONS) * len(CONTINENTS)
    made = Study(root, compositions=COMPOSITIONS, seeds=seeds + bool(rest))
    return made.write()


def plainly(rows: Sequence[Row], uri: str) -> float:
    """Return the seconds that plain runs of all rows would take, from a share of them."""
    client, some = MlflowClient(tracking_uri=uri), rows[::SHARE]
    place = client.create_experiment("plain")
    started = time.perf_counter()
    for row in some:
        made = client.create_run(place, run_name=row.key)
        told = {**row.metrics, "n_train": row.n_train, "n_test": row.n_test, "seconds": row.seconds}
        client.log_batch(
            made.info.run_id,
            metrics=[Metric(name, value, 0, 0) for name, value in told.items()],
            params=[Param(str(at), str(at)) for at in range(8)],
        )
        client.set_terminated(made.info.run_id)
    return (time.perf_counter() - started) * len(rows) / len(some)


@contextmanager
def pages(uri: str) -> Iterator[str]:
    """Serve the pages of a tracking database and yield their address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, env={**os.environ, **quiet}, text=True
    ) as server:
        assert server.stderr is not None
        next(line for line in server.stderr if "startup complete" in line)
        yield f"http://127.0.0.1:{port}/"
        server.terminate()


def opened(browser: Browser, address: str, *, shows: str) -> float:
    """Return the seconds until a page shows some words, in a browser that never saw it."""
    with browser.new_context() as context:
        page = context.new_page()
        started = time.perf_counter()
        page.goto(address)
        page.get_by_text(shows).first.wait_for(timeout=120_000)
        return time.perf_counter() - started


def measured(num_cells: int, root: Path) -> list[Target]:
    """Mirror a study, open its pages, and hold both against what is promised."""
    study = study_of(num_cells, root / "store")
    rows = study.rows()
    uri = f"sqlite:///{root / 'mlflow.db'}"
    report = Mirror(uri).bring_up_to_date(study.store, study.ledger, study.name)
    plain = plainly(rows, f"sqlite:///{root / 'plain.db'}")
    print(f"{len(rows):,} cells: {report.created:,} runs mirrored in {report.seconds:.0f} s")
    print(f"as plain runs, without summaries and notes: {plain:.0f} s")
    client = MlflowClient(tracking_uri=uri)
    place = client.get_experiment_by_name(study.name).experiment_id
    (top,) = client.search_runs([place], filter_string="tags.kind = 'sweep'")
    wanted = {
        "the list of runs": (f"#/experiments/{place}/runs", study.name),
        "the study's table": (view_address(place, TABLE), "presto · uniform"),
        "the table of cells": (view_address(place, CELLS), "s0"),
        "the sweep's own run": (f"#/experiments/{place}/runs/{top.info.run_id}", "cells/planned"),
    }
    named = f"{len(rows):,} cells"
    targets = [
        at_most(f"seconds to mirror {named}", report.seconds, 480),
        at_most(f"times plain runs, {named}", report.seconds / plain, 2),
    ]
    with pages(uri) as address, chromium() as browser:
        opened(browser, address, shows="MLflow")  # the server loads what it needs
        for name, (at, shows) in wanted.items():
            seconds = opened(browser, address + at, shows=shows)
            targets.append(at_most(f"seconds to open {name}, {named}", seconds, 10))
    return targets


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and return its exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--cells", type=int, nargs="+", default=[3000, 10_000], help="of each study"
    )
    parser.add_argument("--json", action="store_true", help="end with the targets as JSON")
    args = parser.parse_args(argv)
    targets = []
    for num_cells in args.cells:
        with tempfile.TemporaryDirectory() as folder:
            targets += measured(num_cells, Path(folder))
    return report(targets, as_json=args.json)


if __name__ == "__main__":
    sys.exit(main())
