"""What would run: steps, what is made already, hours, bytes, expected intervals; spends nothing."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from sweeps import show
from sweeps.commands.options import open_store, with_json, with_sweep

if TYPE_CHECKING:  # pyarrow would make the front door heavy
    from infra.store import Store
    from sweeps.forecast import Forecast
    from sweeps.outlook import Outlook, StageOutlook
    from sweeps.plan import Plan

NAME = "plan"


def add(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    with_sweep(parser)
    with_json(parser)
    parser.add_argument(
        "--cluster", type=Path, metavar="FILE", help="simulate it on the cluster of this profile"
    )


def run(args: argparse.Namespace) -> int:
    """Print the plan."""
    from sweeps.plan import plan
    from sweeps.pools import check_pools  # local: the parsing of the line stays fast
    from sweeps.reading import read

    sweep = read(args.sweep)
    contents = check_pools(sweep)
    from sweeps.outlook import outlook

    planned = plan(sweep)
    store = open_store(args, create=False)
    found, foreseen = outlook(planned, store=store), _forecast(args, planned, store)
    if args.json:
        told = {"sweep": sweep.name, "pools": contents, **asdict(found)}
        show.as_json(told | ({"forecast": asdict(foreseen)} if foreseen else {}))
        return 0
    show.say(f"{sweep.name}: {' '.join(sweep.question.split())}")
    for name, content in contents.items():
        show.say(f"pool of {name}: content {content}")
    show.table([_row(one) for one in found.stages])
    _say_rest(found, sweep=args.sweep)
    if foreseen is not None:
        _say_forecast(foreseen, file=args.cluster)
    return 0


def _forecast(args: argparse.Namespace, planned: "Plan", store: "Store") -> "Forecast | None":
    if args.cluster is None:
        return None
    from sweeps.forecast import forecast  # local: the parsing of the line stays fast
    from sweeps.part_file import read_part
    from sweeps.profile import Profile

    profile = read_part(args.cluster, Profile, called="the profile of a cluster")
    return forecast(planned, store=store, profile=profile)


def _say_forecast(found: "Forecast", *, file: Path) -> None:
    hours = f"{found.work_gpu_hours:.3g} GPU-hours of work ({found.paid_gpu_hours:.3g} held)"
    work = f"{hours}, {found.work_cpu_hours:.3g} CPU-hours"
    show.say(f"on the cluster of {file}, simulated: {show.duration(found.wall_s)}")
    show.say(f"  work: {work}, {found.num_bundles:,} bundles")
    show.say(f"  cost: {found.cost:,.2f}, each node until its last work")
    show.say(f"  store: {show.size(found.num_bytes)} more")
    if found.chain:
        links = ", ".join(f"{one.stage} {show.duration(one.seconds)}" for one in found.chain)
        least = show.duration(sum(one.seconds for one in found.chain))
        show.say(f"  critical path: {least}, whatever the number of nodes: {links}")


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
