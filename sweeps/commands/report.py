"""The HTML report and CSV tables again, from the ledger alone."""

import argparse

from sweeps.commands.options import open_store, with_json, with_sweep

NAME = "report"


def add(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    with_sweep(parser)
    with_json(parser)


def run(args: argparse.Namespace) -> int:
    """Build the report and say where it is."""
    from infra.ledger import Ledger  # local: the parsing of the line stays fast
    from sweeps.planned import planned_name

    store = open_store(args, create=False)
    _ = planned_name(args.sweep, ledger=Ledger(store))
    raise NotImplementedError
