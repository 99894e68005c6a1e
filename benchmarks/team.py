"""A team's MLflow: a server on PostgreSQL that mirrors a sweep while it runs and after a crash.

PostgreSQL is installed into a folder of this benchmark's own and started there, and MLflow's server
is started on it. Cells are sent over HTTP, as `terrasweep run` sends them.

1. A grid of cells that wait a moment each runs alone, and again with the mirror beside it: the
   sweep must not wait for MLflow, however far MLflow is behind.
2. A made-up study is mirrored. Half-way, the server and its workers are killed, and it is started
   again. Then the mirror is brought up to date: no run may be missing, none there twice.

    PYTHONPATH=. python benchmarks/team.py [--part sweep|study] [--cells 3000] [--json]
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

from benchmarks.overhead import grid_of, orchestrated, trivial
from benchmarks.parts.pages import Pages, pages
from benchmarks.parts.postgres import installed, postgres
from benchmarks.parts.targets import Target, at_most, report
from benchmarks.tracking import astray, study_of
from terrasweep.infra.cluster import connection
from terrasweep.infra.context import Context
from terrasweep.infra.step import Step
from terrasweep.infra.storage.ledger import Row
from terrasweep.infra.tracking import sweep_runs
from terrasweep.infra.tracking.mirror import SERVED, Mirror, MirrorAwayError
from terrasweep.infra.tracking.uri import URI_ENV
from terrasweep.pipelines.spec import FinetuneSpec
from tests.support.study import Study

WAIT_S = 0.02
"""How long a cell waits, as one does whose network is on a GPU."""
MOST_S = 0.048
"""Seconds for a run: what is promised of SQLite, eight minutes for 10,000."""


@contextmanager
def team(home: Path) -> Iterator[Pages]:
    """Run MLflow's server on PostgreSQL."""
    packages = installed(home)
    with (
        postgres(packages, home) as database,
        pages(database, home, workers=2, env={"PYTHONPATH": str(packages)}) as served,
    ):
        yield served


def waiting(cells: Sequence[Step[FinetuneSpec]], context: Context) -> list[Row]:
    """Answer for cells after a while."""
    time.sleep(WAIT_S * len(cells))
    return trivial(cells, context)


def swept(num_cells: int, served: Pages) -> list[Target]:
    """Time a sweep alone and beside its mirror."""
    planned = grid_of(num_cells)
    named = f"{len(planned.included):,} cells"
    with connection.connect():
        orchestrated(grid_of(24), bundle=0, mirrored=False)  # workers import what they need
        alone = orchestrated(planned, bundle=0, mirrored=False, work=waiting).ms
        os.environ[URI_ENV] = served.address
        started = time.perf_counter()
        beside = orchestrated(planned, bundle=0, mirrored=True, work=waiting).ms
        late = time.perf_counter() - started - beside * len(planned.included) / 1000
    print(f"{named}: {alone:.1f} ms each alone, {beside:.1f} ms mirrored")
    print(f"MLflow had all of them {late:.0f} s after the sweep was done")
    return [at_most(f"times as long beside its mirror, {named}", beside / alone, 1.1)]


def told(num_cells: int, served: Pages, root: Path) -> list[Target]:
    """Mirror a study, kill the server half-way, start it again and bring it up to date."""
    study = study_of(num_cells, root / "store")
    rows = len(study.rows())
    before = _until_killed(study, served, after=rows // 2)
    served.start()
    whole = Mirror(served.address).bring_up_to_date(study.store, study.ledger, study.name)
    print(
        f"{rows:,} cells: {before:.0f} s until the server was killed, then {whole.created:,} runs "
        f"created and {whole.updated:,} completed in {whole.seconds:.0f} s"
    )
    rate = (rows - whole.created) / before
    print(f"{rate:.0f} runs a second before, {whole.created / whole.seconds:.0f} after")
    seconds = before + whole.seconds
    named = f"{rows:,} cells"
    return [
        at_most(f"seconds to mirror {named}, server killed once", seconds, rows * MOST_S),
        *astray(study, served.address),
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and return its exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--part", choices=("sweep", "study"), help="one of the two; else both")
    parser.add_argument("--cells", type=int, default=3000)
    parser.add_argument("--json", action="store_true", help="end with the targets as JSON")
    args = parser.parse_args(argv)
    targets = []
    with tempfile.TemporaryDirectory() as folder, team(Path(folder)) as served:
        if args.part != "sweep":
            targets += told(args.cells, served, Path(folder))
        if args.part != "study":
            targets += swept(args.cells, served)
    return report(targets, as_json=args.json)


def _until_killed(study: Study, served: Pages, *, after: int) -> float:
    """Mirror until the server is killed, amid requests, after so many cells."""
    others = len(sweep_runs.sweep_runs(study.store, study.ledger, study.name)) - len(study.rows())
    looks = others + after // SERVED

    def go_on() -> bool:
        nonlocal looks
        looks -= 1
        if looks == 0:
            Timer(0.2, served.kill).start()
        return True

    started = time.perf_counter()
    try:
        mirror = Mirror(served.address)
        mirror.bring_up_to_date(study.store, study.ledger, study.name, go_on=go_on)
    except MirrorAwayError:
        return time.perf_counter() - started
    raise AssertionError("the mirror was done before the server was killed")


if __name__ == "__main__":
    sys.exit(main())
