"""Bring MLflow up to the ledger."""

import argparse
from dataclasses import asdict

from terrasweep.sweeps.commands import output
from terrasweep.sweeps.commands.options import open_store, with_json, with_sweep

NAME = "mirror"


def add(parser: argparse.ArgumentParser) -> None:
    with_sweep(parser)
    with_json(parser)
    parser.add_argument(
        "--tracking",
        metavar="URI",
        help="URI of the MLflow server or database",
    )


def run(args: argparse.Namespace) -> int:
    from terrasweep.infra.storage.ledger import Ledger  # local: the parsing of the line stays fast
    from terrasweep.infra.tracking.mirror import Mirror
    from terrasweep.infra.tracking.uri import default_uri, ui_command
    from terrasweep.sweeps.commands.options import planned_name
    from terrasweep.sweeps.pages.write import REPORTS

    store = open_store(args, create=False)
    ledger = Ledger(store)
    name = planned_name(args.sweep, ledger=ledger)
    uri = args.tracking or default_uri(store.uri)
    mirror = Mirror(uri)
    report = mirror.bring_up_to_date(store, ledger, name)
    page = store.local_root / REPORTS / name if store.local_root else None
    if page is not None and page.is_dir():
        mirror.attach(name, page)
    if args.json:
        output.as_json(asdict(report))
        return 0
    output.say(f"{report.created:,} runs created, {report.updated:,} updated in {uri}")
    output.say(ui_command(uri))
    return 0
