"""The pools: made ready, and audited before one draws from them."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from terrasweep.sweeps.commands import output
from terrasweep.sweeps.commands.composition import show_audit
from terrasweep.sweeps.commands.options import SWEEP_HELP, open_store, shared, with_json

if TYPE_CHECKING:  # pyarrow would make the front door heavy
    from terrasweep.infra.spec import Spec
    from terrasweep.infra.step import Step
    from terrasweep.samplers.spec.pools import PoolSpec
    from terrasweep.sweeps.pages.cards import Cards
    from terrasweep.sweeps.spec.sweep import PoolFile

NAME = "pool"
POOL_HELP = f"a sweep ({SWEEP_HELP}), a pool's YAML file, or the name of an adapter"


def add(parser: argparse.ArgumentParser) -> None:
    parts = parser.add_subparsers(dest="part", metavar="build|show", required=True)
    build = parts.add_parser(
        "build", help="split a pool into shards and count its samples", parents=[shared()]
    )
    build.add_argument("--address", metavar="HOST:PORT", help="a running Ray cluster")
    build.set_defaults(part=_build)
    shown = parts.add_parser(
        "show",
        help="show what a pool holds, and how biased it is before sampling",
        parents=[shared()],
    )
    shown.add_argument(
        "--out", type=Path, metavar="FOLDER", help="write a page with maps to this folder"
    )
    shown.set_defaults(part=_show)
    for part in (build, shown):
        part.add_argument("pool", metavar="POOL|SWEEP", help=POOL_HELP)
        with_json(part)


def run(args: argparse.Namespace) -> int:
    part: int = args.part(args)
    return part


def _build(args: argparse.Namespace) -> int:
    from rich.console import Console  # local: the parsing of the line stays fast

    from terrasweep.sweeps.engine.prepare import prepare

    pools = read_pools(args.pool)
    store = open_store(args, create=True)
    steps = list(pools.steps.values())
    prepare(steps, store=store, address=args.address, console=Console(stderr=True))
    rows = [{"pool": name, "key": str(step.key)} for name, step in pools.steps.items()]
    if args.json:
        output.as_json(rows)
    else:
        output.table(rows)
    return 0


def _show(args: argparse.Namespace) -> int:
    from terrasweep.infra.errors import StoreError  # local: the parsing of the line stays fast
    from terrasweep.sweeps.pages.cards import of_pools
    from terrasweep.sweeps.pages.write import write_cards

    pools = read_pools(args.pool)
    store = open_store(args, create=False)
    cards = of_pools(pools.title, pools.steps, store=store)
    if not cards.pools:
        fix = f"`terrasweep pool build {args.pool}` makes it"
        raise StoreError(f"the pool of {args.pool}", got="no shards of it", fix=fix)
    if args.json:
        output.as_json(vars(cards))
    else:
        _print(cards)
    if args.out is not None:
        page = write_cards(cards, store=store, out=args.out)
        if not args.json:
            output.say(str(page.resolve()))
    return 0


def _print(cards: "Cards") -> None:
    audits = {name: cast("dict[str, Any]", own) for name, own in cards.pools.items()}
    output.table([show_audit(name, own) for name, own in audits.items()])
    for name, own in audits.items():
        for over, stratum in own["strata"].items():
            output.table(_share_rows(stratum), title=f"{name}: {_heading(over, stratum)}")
        if own["rejected"]:
            rows = [{"left out because": why, "rows": n} for why, n in own["rejected"].items()]
            output.table(rows, title=f"{name}: left out")
    for name in cards.not_drawn:
        output.say(f"not built yet: {name}")


def _heading(over: str, stratum: dict[str, Any]) -> str:
    return f"{over.replace('_', ' ')}{', a proxy' if stratum['proxy'] else ''}"


def _share_rows(stratum: dict[str, Any]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = [
        {
            "": own["name"],
            "samples": own["count"],
            "share": f"{own['share']:.1%}",
            "of the land": "" if own["land"] is None else f"{own['land']:.1%}",
            "times": f"{own['share'] / own['land']:.2f}" if own["land"] else "",
        }
        for own in stratum["values"].values()
    ]
    if stratum["unknown"]:
        rows.append({"": "unknown", "samples": stratum["unknown"]})
        rows[-1] |= {"share": "", "of the land": "", "times": ""}
    return rows


@dataclass(frozen=True)
class Pools:
    """Pools that someone named, and their shard steps."""

    title: str
    steps: "dict[str, Step[Spec]]"


def read_pools(text: str) -> Pools:
    """Return the pools that a text stands for.

    Raises:
        SpecError: If it stands for none.
    """
    from terrasweep.samplers.members import POOLS  # local: the parsing of the line stays fast
    from terrasweep.sweeps.plan.draws import pools
    from terrasweep.sweeps.plan.pool_checks import check_pools
    from terrasweep.sweeps.reading.sweep_file import SUFFIXES, read, read_pool
    from terrasweep.sweeps.spec.sweep import PoolFile

    if text in POOLS.names:
        return _single_pool(text, PoolFile(pool=_default_pool(text)))
    path = Path(text)
    alone = read_pool(path) if path.suffix in SUFFIXES and path.is_file() else None
    if alone is not None:
        return _single_pool(path.stem, alone)
    sweep = read(text)
    check_pools(sweep)
    return Pools(sweep.name, pools(sweep.models))


def _single_pool(name: str, file: "PoolFile") -> Pools:
    from terrasweep.sweeps.plan.grid import shard  # local: see above

    return Pools(name, {name: shard(file, label=name)})


def _default_pool(name: str) -> "PoolSpec":
    """Return the pool of an adapter whose fields all have defaults.

    Raises:
        SpecError: If one has none.
    """
    from pydantic import ValidationError  # local: see above

    from terrasweep.infra.errors import SpecError
    from terrasweep.samplers.members import POOLS
    from terrasweep.samplers.spec.pools import PoolSpec

    try:
        spec = POOLS.spec(name).model_validate({"name": name})
    except ValidationError as error:
        fields = ", ".join(str(one["loc"][-1]) for one in error.errors())
        fix = f"write a file with `pool: {{name: {name}, ...}}` and name that"
        got = f"no default for {fields}"
        raise SpecError(f"the pool {name}", got=got, fix=fix) from None
    assert isinstance(spec, PoolSpec)
    return spec
