"""Say whether this machine can run a sweep, and what is missing."""

import argparse

from terrasweep.sweeps.commands import output
from terrasweep.sweeps.commands.options import store_uri, with_json

NAME = "doctor"


def add(parser: argparse.ArgumentParser) -> None:
    with_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print what was found; the exit code tells whether all is well."""
    from terrasweep.sweeps.inspect.doctor import (
        examine,  # local: the parsing of the line stays fast
    )

    findings = examine(store_uri(args))
    if args.json:
        output.as_json([vars(one) for one in findings])
    else:
        rows = [
            {"wanted": one.what, "": "ok" if one.ok else "NO", "found": one.got} for one in findings
        ]
        output.table(rows)
        for one in findings:
            if not one.ok:
                output.say(f"{one.what}: {one.fix}")
    return 0 if all(one.ok for one in findings) else 1
