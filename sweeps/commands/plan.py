"""What would run: steps, what is made already, hours, bytes, expected intervals; spends nothing."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from terrasweep.sweeps.commands import output
from terrasweep.sweeps.commands.options import open_store, with_json, with_sweep

if TYPE_CHECKING:  # pyarrow would make the front door heavy
    from terrasweep.infra.storage.store import Store
    from terrasweep.sweeps.forecast.cluster import Forecast
    from terrasweep.sweeps.forecast.outlook import Outlook, StageOutlook
    from terrasweep.sweeps.plan.grid import Plan

NAME = "plan"


def add(parser: argparse.ArgumentParser) -> None:
    with_sweep(parser)
    with_json(parser)
    parser.add_argument(
        "--cluster",
        type=Path,
        metavar="FILE",
        help="simulate the run on the cluster that this profile describes",
    )


def run(args: argparse.Namespace) -> int:
    from terrasweep.sweeps.plan.grid import plan
    from terrasweep.sweeps.plan.pool_checks import (
        check_pools,  # local: the parsing of the line stays fast
    )
    from terrasweep.sweeps.reading.sweep_file import read

    sweep = read(args.sweep)
    contents = check_pools(sweep)
    from terrasweep.sweeps.forecast.outlook import outlook

    planned = plan(sweep)
    store = open_store(args, create=False)
    left, foreseen = outlook(planned, store=store), _forecast(args, planned, store)
    if args.json:
        summary = {"sweep": sweep.name, "pools": contents, **asdict(left)}
        output.as_json(summary | ({"forecast": asdict(foreseen)} if foreseen else {}))
        return 0
    output.say(f"{sweep.name}: {' '.join(sweep.question.split())}")
    for name, content in contents.items():
        output.say(f"pool of {name}: content {content}")
    output.table([_row(one) for one in left.stages])
    _print_what_is_left(left, sweep=args.sweep)
    if foreseen is not None:
        _print_forecast(foreseen, file=args.cluster)
    return 0


def _forecast(args: argparse.Namespace, planned: "Plan", store: "Store") -> "Forecast | None":
    if args.cluster is None:
        return None
    from terrasweep.sweeps.forecast.cluster import (
        forecast,  # local: the parsing of the line stays fast
    )
    from terrasweep.sweeps.forecast.profile import Profile
    from terrasweep.sweeps.reading.value_file import read_part

    profile = read_part(args.cluster, Profile, called="the profile of a cluster")
    return forecast(planned, store=store, profile=profile)


def _print_forecast(forecast: "Forecast", *, file: Path) -> None:
    hours = f"{forecast.work_gpu_hours:.3g} GPU-hours of work ({forecast.paid_gpu_hours:.3g} held)"
    work = f"{hours}, {forecast.work_cpu_hours:.3g} CPU-hours"
    output.say(f"on the cluster of {file}, simulated: {output.duration(forecast.wall_s)}")
    output.say(f"  work: {work}, {forecast.num_bundles:,} bundles")
    output.say(f"  cost: {forecast.cost:,.2f}, each node until its last work")
    output.say(f"  store: {output.size(forecast.num_bytes)} more")
    if forecast.chain:
        links = ", ".join(f"{one.stage} {output.duration(one.seconds)}" for one in forecast.chain)
        least = output.duration(sum(one.seconds for one in forecast.chain))
        output.say(f"  critical path: {least}, whatever the number of nodes: {links}")


def _row(one: "StageOutlook") -> dict[str, object]:
    unknown = "no record yet"
    return {
        "stage": one.stage,
        "planned": one.planned,
        "made": one.made,
        "to make": one.to_make,
        "time": output.duration(one.cost.seconds) if one.cost else unknown,
        "in the store": output.size(one.cost.bytes) if one.cost else unknown,
    }


def _print_what_is_left(left: "Outlook", *, sweep: str) -> None:
    if left.excluded:
        output.say(f"{left.excluded:,} cells are excluded; `terrasweep status {sweep}` says why")
    if left.new:
        output.say(f"new compositions: {', '.join(left.new)}")
    if not any(one.to_make for one in left.stages):
        output.say("nothing is left to make")
    for width in left.widths:
        place = f"{width.model}, {width.task}, n {width.n}, {width.protocol}"
        if width.half_width is None:
            output.say(f"interval for {place}: no earlier results with two {width.unit}s to tell")
            continue
        wide = f"{width.metric} difference +- {width.half_width:.3g}"
        pairs = f"{width.num_pairs} earlier pairs, the unit is the {width.unit}"
        output.say(f"interval for {place}: expect {wide} ({pairs})")
    output.say("times are the sum over all steps, without parallelism")
