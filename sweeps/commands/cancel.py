"""Stop the jobs of a sweep; they save what they have, and what is finished is kept."""

import argparse

from terrasweep.sweeps.commands import job, output
from terrasweep.sweeps.commands.options import with_json, with_sweep

NAME = "cancel"


def add(parser: argparse.ArgumentParser) -> None:
    with_sweep(parser)
    with_json(parser)
    job.with_address(parser)


def run(args: argparse.Namespace) -> int:
    """Stop every job of the sweep that is not over yet; wait until it is."""
    jobs, name = job.reach(args), job.sweep_name(args.sweep)
    jobs.last(name)
    stopped = [jobs.stop(one) for one in jobs.of(name) if not one.is_over]
    if args.json:
        output.as_json([vars(one) for one in stopped])
    elif not stopped:
        output.say(f"no job of {name} is running")
    for one in stopped if not args.json else ():
        output.say(f"{one.name} is {one.state}; `terrasweep submit` goes on where it was")
    return 0 if all(one.is_over for one in stopped) else 1
