"""Open the MLflow pages of a store."""

import argparse

from terrasweep.sweeps.commands import output
from terrasweep.sweeps.commands.options import store_uri

NAME = "ui"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--tracking",
        metavar="URI",
        help="URI of the MLflow server or database",
    )
    parser.add_argument(
        "--port", type=int, default=5000, help="port on this machine (default: 5000)"
    )
    parser.add_argument("--print", action="store_true", help="print the command and start nothing")


def run(args: argparse.Namespace) -> int:
    """Start the pages and serve until stopped, or print how; say where each sweep is."""
    import shlex  # local: parsing stays fast
    import subprocess

    from terrasweep.infra.tracking.sqlite import experiments
    from terrasweep.infra.tracking.uri import default_uri, is_server, server_command
    from terrasweep.infra.tracking.views import EXPERIMENTS, view_address

    uri = args.tracking or default_uri(store_uri(args))
    if is_server(uri):
        output.say(f"{uri.rstrip('/')}/{EXPERIMENTS}")
        return 0
    line = server_command(uri, port=args.port)
    output.say_now(line)
    for name, place in experiments(uri).items():
        output.say_now(f"{name}: http://127.0.0.1:{args.port}/{view_address(place)}")
    return 0 if args.print else subprocess.call(shlex.split(line))
