"""What a key is, what it needs, and why it is new."""

import argparse
from typing import TYPE_CHECKING

from terrasweep.sweeps.commands import output
from terrasweep.sweeps.commands.options import SWEEP_HELP, open_store, with_json

if TYPE_CHECKING:  # pyarrow would make the front door heavy
    from terrasweep.sweeps.inspect.explain import Explanation
    from terrasweep.sweeps.spec.sweep import Sweep

NAME = "explain"


def add(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("key", metavar="KEY", help="<stage>/<digest>, or the beginning of one")
    parser.add_argument("--sweep", metavar="SWEEP", help=f"the sweep it belongs to: {SWEEP_HELP}")
    with_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print all that is known of a key."""
    from terrasweep.sweeps.inspect.explain import (  # local: the parsing of the line stays fast
        Known,
        explain,
    )

    sweeps = _sweeps(args.sweep)
    found = explain(args.key, known=Known(open_store(args, create=False), sweeps))
    if args.json:
        output.as_json(_told(found))
    else:
        _print(found)
    return 0


def _sweeps(said: str | None) -> "dict[str, Sweep]":
    """Return the sweep that was said, or else all of the catalogue."""
    from terrasweep.sweeps.reading.sweep_file import read, studies  # local: see above

    return {name: read(name) for name in ([said] if said else studies())}


def _told(found: "Explanation") -> dict[str, object]:
    return {
        "key": found.key,
        "stage": found.lineage.stage,
        "label": found.lineage.label,
        "sweep": found.sweep,
        "made": found.made,
        "failure": found.failure,
        "drift": found.drifted,
        "fields": found.lineage.fields,
        "needs": found.needs,
        "nearest": found.nearest.key if found.nearest else None,
        "differs": [vars(one) for one in found.news],
        "record": found.record.model_dump(mode="json") if found.record else None,
        "row": found.row,
    }


def _print(found: "Explanation") -> None:
    output.say(" ".join(filter(None, [found.key, found.lineage.label, found.state])))
    if found.failure:
        output.say(f"failed: {' '.join(found.failure.split())}")
    if found.drifted:
        output.say(f"the record cannot be used: {found.drifted}")
    output.table([{"field": name, "value": value} for name, value in found.flat.items()])
    output.table(found.needs, title="needs")
    if found.nearest is None:
        output.say(f"no other {found.lineage.stage} was made in this store")
        return
    output.say(f"nearest: {found.nearest.key} {found.nearest.label}")
    if not found.news:
        output.say("no field differs: what it needs was lost, or an older recipe made it")
    output.table(
        [{"field": one.field, "nearest": one.there, "this": one.here} for one in found.news],
        title="differs in",
    )
