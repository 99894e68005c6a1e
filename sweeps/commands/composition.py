"""The compositions of the catalogue, and what a sweep's own hold before they are paid for."""

import argparse

from terrasweep.sweeps.commands import drawn, output
from terrasweep.sweeps.commands.options import shared, with_json

NAME = "composition"


def add(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    names = "list|show|draw|card|export"
    parts = parser.add_subparsers(dest="part", metavar=names, required=True)
    listed = parts.add_parser(
        "list", help="list the compositions of the catalogue", parents=[shared()]
    )
    with_json(listed)
    listed.set_defaults(part=_list)
    shown = parts.add_parser(
        "show", help="print one, as it would stand in a sweep file", parents=[shared()]
    )
    shown.add_argument("name", metavar="NAME")
    with_json(shown)
    shown.set_defaults(part=_show)
    drawn.add(parts)


def run(args: argparse.Namespace) -> int:
    """List, show, draw, look at or export."""
    part: int = args.part(args)
    return part


def _list(args: argparse.Namespace) -> int:
    from terrasweep.sweeps.reading.sweep_file import (  # local: parsing stays fast
        composition,
        compositions,
    )

    entries = [composition(name) for name in compositions()]
    if args.json:
        output.as_json([entry.model_dump(mode="json") for entry in entries])
    else:
        output.table([{"name": one.name, "rule": _told(one.rule.model_dump())} for one in entries])
    return 0


def _show(args: argparse.Namespace) -> int:
    import yaml  # local: parsing stays fast

    from terrasweep.sweeps.reading.sweep_file import composition

    entry = composition(args.name).model_dump(mode="json", exclude_defaults=False)
    entry = {name: value for name, value in entry.items() if name not in ("size", "sizes") or value}
    if args.json:
        output.as_json(entry)
    else:
        output.say(yaml.safe_dump(entry, sort_keys=False, default_flow_style=None).rstrip())
    return 0


def _told(rule: dict[str, object]) -> str:
    fields = {name: value for name, value in rule.items() if name != "kind" and value != {}}
    return " ".join([str(rule["kind"]), *(f"{name}={_plain(fields[name])}" for name in fields)])


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return f"({_told(value)})" if "kind" in value else str(value)
    return ",".join(map(_plain, value)) if isinstance(value, tuple) else str(value)
