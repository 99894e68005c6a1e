"""Open the MLflow pages of a store."""

import argparse

from sweeps import show
from sweeps.commands.options import store_uri

NAME = "ui"


def add(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("--tracking", metavar="URI", help="where MLflow mirrors to")
    parser.add_argument("--port", type=int, default=5000, help="port on this machine")
    parser.add_argument("--print", action="store_true", help="print the line, start nothing")


def run(args: argparse.Namespace) -> int:
    """Start the pages and serve until stopped; or print how."""
    import shlex  # local: parsing stays fast
    import subprocess

    from infra.tracking_uri import default_uri, ui_command

    line = ui_command(args.tracking or default_uri(store_uri(args)))
    if line.startswith(("http://", "https://")):
        show.say(line)
        return 0
    line = f"{line} --port {args.port}"
    show.say(line)
    return 0 if args.print else subprocess.call(shlex.split(line))
