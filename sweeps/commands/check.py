"""Check a sweep file, or print the schema of one."""

import argparse

from terrasweep.sweeps.commands import output
from terrasweep.sweeps.commands.options import SWEEP_HELP, shared, with_json

NAME = "spec"


def add(parser: argparse.ArgumentParser) -> None:
    parts = parser.add_subparsers(dest="part", metavar="check|schema", required=True)
    check = parts.add_parser(
        "check", help="read a sweep and say what is wrong with it", parents=[shared()]
    )
    check.add_argument("sweep", metavar="SWEEP", help=SWEEP_HELP)
    with_json(check)
    check.set_defaults(part=_check)
    json_schema = parts.add_parser(
        "schema", help="print the JSON Schema of a sweep file", parents=[shared()]
    )
    json_schema.set_defaults(part=_schema)


def run(args: argparse.Namespace) -> int:
    part: int = args.part(args)
    return part


def _check(args: argparse.Namespace) -> int:
    from terrasweep.sweeps.plan.grid import plan  # local: the parsing of the line stays fast
    from terrasweep.sweeps.plan.pool_checks import check_pools
    from terrasweep.sweeps.reading.sweep_file import read

    sweep = read(args.sweep)
    check_pools(sweep)
    planned = plan(sweep)
    counts = {"sweep": sweep.name, "cells": len(planned.included), "steps": len(planned.steps)}
    if args.json:
        output.as_json(counts)
    else:
        output.say(f"{sweep.name} is a valid sweep: {len(planned.included):,} cells")
    return 0


def _schema(args: argparse.Namespace) -> int:
    from terrasweep.sweeps.spec.sweep import json_schema  # local: see above

    output.as_json(json_schema())
    return 0
