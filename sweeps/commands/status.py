"""Coverage: planned, done, failed and why, per composition, model and continent."""

import argparse
from dataclasses import asdict

from sweeps import show
from sweeps.commands.options import open_store, with_json, with_sweep

NAME = "status"
MOST_FAILURES = 10
MOST_SIGNS = 10


def add(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    with_sweep(parser)
    with_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print the coverage."""
    from sweeps.plan import plan  # local: the parsing of the line stays fast
    from sweeps.reading import read

    planned = plan(read(args.sweep))
    from dashboards.signatures import where
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
    for one in found.signatures[:MOST_SIGNS]:
        show.say(f"doubtful: {where(one)}: {one['told']}")
    if len(found.signatures) > MOST_SIGNS:
        left = len(found.signatures) - MOST_SIGNS
        show.say(f"and {left:,} more doubtful places; --json lists them")
    for path in found.torn:
        show.say(f"torn and not counted: {path}; `terrasweep run {args.sweep}` makes it again")
    return 0
