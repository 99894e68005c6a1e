"""What the newest job of a sweep tells."""

import argparse
import sys

from terrasweep.sweeps.commands import job, output
from terrasweep.sweeps.commands.options import with_sweep

NAME = "logs"


def add(parser: argparse.ArgumentParser) -> None:
    with_sweep(parser)
    job.with_address(parser)
    parser.add_argument("--follow", action="store_true", help="keep printing until the job ends")


def run(args: argparse.Namespace) -> int:
    """Print them; followed to its end, the exit code is 1 unless the job succeeded."""
    jobs = job.reach(args)
    one = jobs.last(job.sweep_name(args.sweep))
    if not args.follow:
        sys.stdout.write(jobs.logs(one))
        return 0
    for text in jobs.follow(one):
        sys.stdout.write(text)
        sys.stdout.flush()
    over = jobs.wait_until_over(one)
    code = "" if over.exit_code is None else f", exit code {over.exit_code}"
    output.say(f"{over.name}: {over.state}{code}")
    return 0 if over.state == "succeeded" else 1
