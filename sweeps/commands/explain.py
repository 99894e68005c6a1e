"""What a key is, what it needs, and why it is new."""

import argparse
from typing import TYPE_CHECKING

from sweeps import show
from sweeps.commands.options import SWEEP_HELP, open_store, with_json

if TYPE_CHECKING:  # pyarrow would make the front door heavy
    from sweeps.explain import Explanation
    from sweeps.spec import Sweep

NAME = "explain"


def add(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("key", metavar="KEY", help="<stage>/<digest>, or how it begins")
    parser.add_argument("--sweep", metavar="SWEEP", help=f"the sweep it belongs to: {SWEEP_HELP}")
    with_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print all that is known of a key."""
    from sweeps.explain import Known, explain  # local: the parsing of the line stays fast

    sweeps = _sweeps(args.sweep)
    found = explain(args.key, known=Known(open_store(args, create=False), sweeps))
    if args.json:
        show.as_json(_told(found))
    else:
        _print(found)
    return 0


def _sweeps(said: str | None) -> "dict[str, Sweep]":
    """Return the sweep that was said, or else all of the catalogue."""
    from sweeps.reading import read, studies  # local: see above

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
    show.say(" ".join(filter(None, [found.key, found.lineage.label, found.state])))
    if found.failure:
        show.say(f"failed: {' '.join(found.failure.split())}")
    if found.drifted:
        show.say(f"cannot be used: {found.drifted}")
    show.table([{"field": name, "value": value} for name, value in found.flat.items()])
    show.table(found.needs, title="needs")
    if found.nearest is None:
        show.say(f"no other {found.lineage.stage} was made in this store")
        return
    show.say(f"nearest: {found.nearest.key} {found.nearest.label}")
    if not found.news:
        show.say("no field differs; its needs were lost, or made by an older recipe")
    show.table(
        [{"field": one.field, "nearest": one.there, "this": one.here} for one in found.news],
        title="differs in",
    )
