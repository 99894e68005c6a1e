"""The HTML report and CSV tables again, from the ledger alone."""

import argparse
from pathlib import Path

from terrasweep.sweeps.commands import output
from terrasweep.sweeps.commands.options import open_store, with_json, with_sweep

NAME = "report"


def add(parser: argparse.ArgumentParser) -> None:
    with_sweep(parser)
    with_json(parser)
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="folder of the report (default: in the store)"
    )


def run(args: argparse.Namespace) -> int:
    """Build the report and say where it is."""
    from terrasweep.infra.storage.ledger import Ledger  # local: the parsing of the line stays fast
    from terrasweep.sweeps.commands.options import planned_name
    from terrasweep.sweeps.pages.write import write_report

    reader = open_store(args, create=False)
    name = planned_name(args.sweep, ledger=Ledger(reader))
    page = write_report(name, store=open_store(args, create=True), out=args.out).resolve()
    if args.json:
        output.as_json({"sweep": name, "report": str(page)})
    else:
        output.say(str(page))
    return 0
