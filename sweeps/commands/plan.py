"""What would run: steps, what is made already, hours, bytes, expected intervals; spends nothing."""

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from sweeps import show
from sweeps.commands.options import open_store, with_json, with_sweep

if TYPE_CHECKING:  # pyarrow would make the front door heavy
    from sweeps.outlook import Outlook, StageOutlook

NAME = "plan"


def add(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    with_sweep(parser)
    with_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print the plan."""
    from sweeps.plan import plan
    from sweeps.pools import check_pools  # local: the parsing of the line stays fast
    from sweeps.reading import read

    sweep = read(args.sweep)
    contents = check_pools(sweep)
    from sweeps.outlook import outlook

    planned = plan(sweep)
    found = outlook(planned, store=open_store(args, create=False))
    if args.json:
        show.as_json({"sweep": sweep.name, "pools": contents, **asdict(found)})
        return 0
    show.say(f"{sweep.name}: {' '.join(sweep.question.split())}")
    for name, content in contents.items():
        show.say(f"pool of {name}: content {content}")
    show.table([_row(one) for one in found.stages])
    _say_rest(found, sweep=args.sweep)
    return 0


def _row(one: "StageOutlook") -> dict[str, object]:
    unknown = "no record yet"
    return {
        "stage": one.stage,
        "planned": one.planned,
        "made": one.made,
        "to make": one.to_make,
        "time": show.duration(one.cost.seconds) if one.cost else unknown,
        "in the store": show.size(one.cost.bytes) if one.cost else unknown,
    }


def _say_rest(found: "Outlook", *, sweep: str) -> None:
    if found.excluded:
        show.say(f"{found.excluded:,} cells are excluded; `terrasweep status {sweep}` says why")
    if found.new:
        show.say(f"new compositions: {', '.join(found.new)}")
    if not any(one.to_make for one in found.stages):
        show.say("everything is made")
    for width in found.widths:
        place = f"{width.model}, {width.task}, n {width.n}, {width.protocol}"
        if width.half_width is None:
            show.say(f"interval for {place}: no earlier results with two {width.unit}s to tell")
            continue
        wide = f"{width.metric} difference +- {width.half_width:.3g}"
        pairs = f"{width.num_pairs} earlier pairs, the unit is the {width.unit}"
        show.say(f"interval for {place}: expect {wide} ({pairs})")
    show.say("times are of the work itself, one step after another")
