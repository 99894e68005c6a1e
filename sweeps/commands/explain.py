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
    explanation = explain(args.key, known=Known(open_store(args, create=False), sweeps))
    if args.json:
        output.as_json(_as_json(explanation))
    else:
        _print(explanation)
    return 0


def _sweeps(name_or_path: str | None) -> "dict[str, Sweep]":
    """Return the named sweep, or else all of the catalogue."""
    from terrasweep.sweeps.reading.sweep_file import read, studies  # local: see above

    return {name: read(name) for name in ([name_or_path] if name_or_path else studies())}


def _as_json(explanation: "Explanation") -> dict[str, object]:
    return {
        "key": explanation.key,
        "stage": explanation.lineage.stage,
        "label": explanation.lineage.label,
        "sweep": explanation.sweep,
        "made": explanation.made,
        "failure": explanation.failure,
        "drift": explanation.drifted,
        "fields": explanation.lineage.fields,
        "needs": explanation.needs,
        "nearest": explanation.nearest.key if explanation.nearest else None,
        "differs": [vars(one) for one in explanation.news],
        "record": explanation.record.model_dump(mode="json") if explanation.record else None,
        "row": explanation.row,
    }


def _print(explanation: "Explanation") -> None:
    output.say(
        " ".join(filter(None, [explanation.key, explanation.lineage.label, explanation.state]))
    )
    if explanation.failure:
        output.say(f"failed: {' '.join(explanation.failure.split())}")
    if explanation.drifted:
        output.say(f"the record cannot be used: {explanation.drifted}")
    output.table([{"field": name, "value": value} for name, value in explanation.flat.items()])
    output.table(explanation.needs, title="needs")
    if explanation.nearest is None:
        output.say(f"no other {explanation.lineage.stage} was made in this store")
        return
    output.say(f"nearest: {explanation.nearest.key} {explanation.nearest.label}")
    if not explanation.news:
        output.say("no field differs: what it needs was lost, or an older recipe made it")
    output.table(
        [{"field": one.field, "nearest": one.there, "this": one.here} for one in explanation.news],
        title="differs in",
    )
