"""Coverage: planned, done, failed and why, per composition, model and continent."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sweeps import show
from sweeps.commands.options import open_store, with_json, with_sweep

NAME = "status"
MOST_FAILURES = 10
WORST = 2
"""Places that are named for each sign of failure."""


def add(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    with_sweep(parser)
    with_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print the coverage."""
    from sweeps.plan import plan  # local: the parsing of the line stays fast
    from sweeps.reading import read

    planned = plan(read(args.sweep))
    from sweeps.status import status

    found = status(planned, store=open_store(args, create=False))
    if args.json:
        show.as_json(asdict(found))
        return 0
    show.table(found.coverage)
    for one in found.causes:
        show.say(f"failed: {one['failures']:,} by {one['cause']}, {one['cells']:,} cells missing")
    for one in found.failures[:MOST_FAILURES]:
        message = " ".join(str(one["message"]).split())
        show.say(f"failed: {one['key']} ({one['kind']}: {message})")
    if len(found.failures) > MOST_FAILURES:
        show.say(f"and {len(found.failures) - MOST_FAILURES:,} more failures; --json lists them")
    _say_doubts(found.signatures)
    for path in found.torn:
        show.say(f"torn and not counted: {path}; `terrasweep run {args.sweep}` makes it again")
    return 0


def _say_doubts(signatures: Sequence[Mapping[str, Any]]) -> None:
    """Say how many places show each sign of failure, and name those that show it most."""
    from dashboards.signatures import gathered, where  # local: see above

    signs = gathered([dict(row) for row in signatures], worst=WORST)
    for sign in signs:
        show.say(f"doubtful: {sign.name} at {sign.places:,} places; most of all:")
        for row in sign.worst:
            show.say(f"  {where(row)}: {row['told']}")
    if sum(sign.places - len(sign.worst) for sign in signs):
        show.say("--json lists all doubtful places")
