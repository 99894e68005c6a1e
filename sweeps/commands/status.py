"""Coverage: planned, done, failed and why, per composition, model and continent."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from terrasweep.sweeps.commands import job, output
from terrasweep.sweeps.commands.options import named_store, open_store, with_json, with_sweep

if TYPE_CHECKING:
    from terrasweep.dashboards.tables.rows import SignRow
    from terrasweep.infra.cluster.jobs import SubmittedJob
    from terrasweep.sweeps.inspect.status import Status

NAME = "status"
MOST_FAILURES = 10
WORST = 2
"""Places that are named for each sign of failure."""


def add(parser: argparse.ArgumentParser) -> None:
    with_sweep(parser)
    with_json(parser)
    job.with_address(parser)
    parser.add_argument("--watch", action="store_true", help="repeat until no cell is left to do")
    parser.add_argument(
        "--every",
        type=float,
        default=5.0,
        metavar="SECONDS",
        help="seconds between two looks (default: 5)",
    )


def run(args: argparse.Namespace) -> int:
    """Print the jobs, if a cluster is named, and the coverage."""
    from terrasweep.sweeps.plan.grid import plan  # local: the parsing of the line stays fast
    from terrasweep.sweeps.reading.sweep_file import read

    planned = plan(read(args.sweep))
    jobs = _jobs(args, name=planned.sweep.name)
    from terrasweep.sweeps.inspect.status import Watch, status, watch

    store = open_store(args, create=False)
    if args.watch:
        watch(Watch(planned, store), every_s=args.every, say=output.say_now)
    sweep_status = status(planned, store=store)
    if args.json:
        output.as_json(
            asdict(sweep_status) | ({"jobs": [vars(one) for one in jobs]} if jobs else {})
        )
        return 0
    output.table([job.table_row(one) for one in jobs])
    _print(sweep_status, sweep=args.sweep)
    return 0


def _print(status: "Status", *, sweep: str) -> None:
    output.table(status.coverage)
    for one in status.causes:
        output.say(f"failed: {one['failures']:,} by {one['cause']}, {one['cells']:,} cells missing")
    for one in status.failures[:MOST_FAILURES]:
        message = " ".join(str(one["message"]).split())
        output.say(f"failed: {one['key']} ({one['kind']}: {message})")
    if len(status.failures) > MOST_FAILURES:
        output.say(f"and {len(status.failures) - MOST_FAILURES:,} more failures; --json lists them")
    _print_doubts(status.signatures)
    for path in status.torn:
        output.say(f"damaged and not counted: {path}; `terrasweep run {sweep}` makes it again")


def _print_doubts(signatures: "Sequence[SignRow]") -> None:
    """Say how many places show each sign of failure, and name those that show it most."""
    from terrasweep.dashboards.statistics.failure_signs import (  # local: see above
        describe_place,
        summarise_signs,
    )

    signs = summarise_signs(signatures, worst=WORST)
    for sign in signs:
        output.say(f"doubtful: {sign.name} at {sign.num_places:,} places; most of all:")
        for row in sign.worst:
            output.say(f"  {describe_place(row)}: {row['told']}")
    if sum(sign.num_places - len(sign.worst) for sign in signs):
        output.say("--json lists all doubtful places")


def _jobs(args: argparse.Namespace, *, name: str) -> "list[SubmittedJob]":
    """Return the sweep's jobs; where no store is named, look into that of the newest."""
    if args.address is None:
        return []
    jobs = job.reach(args).of(name)
    if jobs and named_store(args) is None:
        args.store = jobs[-1].store
    return jobs
