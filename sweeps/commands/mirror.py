"""Bring MLflow up to the ledger."""

import argparse
from dataclasses import asdict

from sweeps import show
from sweeps.commands.options import open_store, with_json, with_sweep

NAME = "mirror"


def add(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    with_sweep(parser)
    with_json(parser)
    parser.add_argument("--tracking", metavar="URI", help="where MLflow mirrors to")


def run(args: argparse.Namespace) -> int:
    """Mirror, and say what is new there."""
    from infra.ledger import Ledger  # local: the parsing of the line stays fast
    from infra.tracking import Mirror, default_uri, ui_command
    from sweeps.planned import planned_name

    store = open_store(args, create=False)
    ledger = Ledger(store)
    name = planned_name(args.sweep, ledger=ledger)
    uri = args.tracking or default_uri(store.uri)
    report = Mirror(uri).bring_up_to_date(store, ledger, name)
    if args.json:
        show.as_json(asdict(report))
        return 0
    show.say(f"{report.created:,} runs created, {report.updated:,} updated in {uri}")
    show.say(ui_command(uri))
    return 0
