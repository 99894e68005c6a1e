"""The compositions of the catalogue, and what a sweep's own hold before they are paid for."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from terrasweep.sweeps.commands import output
from terrasweep.sweeps.commands.options import open_store, shared, with_json, with_sweep

if TYPE_CHECKING:  # pyarrow would make the front door heavy
    from terrasweep.sweeps.pages.cards import Cards
    from terrasweep.sweeps.plan.draws import PlannedDraw

NAME = "composition"


def add(parser: argparse.ArgumentParser) -> None:
    names = "list|show|draw|card|export"
    parts = parser.add_subparsers(dest="part", metavar=names, required=True)
    listed = parts.add_parser(
        "list", help="list the compositions of the catalogue", parents=[shared()]
    )
    with_json(listed)
    listed.set_defaults(part=_list)
    shown = parts.add_parser(
        "show", help="print one in the form of a sweep file", parents=[shared()]
    )
    shown.add_argument("name", metavar="NAME")
    with_json(shown)
    shown.set_defaults(part=_show)
    _add_sweep_parts(parts)


def run(args: argparse.Namespace) -> int:
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
        output.table(
            [{"name": one.name, "rule": _rule_text(one.rule.model_dump())} for one in entries]
        )
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


def _rule_text(rule: dict[str, object]) -> str:
    fields = {name: value for name, value in rule.items() if name != "kind" and value != {}}
    return " ".join(
        [str(rule["kind"]), *(f"{name}={_value_text(fields[name])}" for name in fields)]
    )


def _value_text(value: object) -> str:
    if isinstance(value, dict):
        return f"({_rule_text(value)})" if "kind" in value else str(value)
    return ",".join(map(_value_text, value)) if isinstance(value, tuple) else str(value)


def _add_sweep_parts(parts: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    draw = _part(parts, "draw", help="draw the compositions of a sweep without training")
    draw.add_argument("--address", metavar="HOST:PORT", help="a running Ray cluster")
    draw.set_defaults(part=_draw)
    card = _part(parts, "card", help="maps, shares, diversity and overlap of what was drawn")
    card.add_argument("--composition", metavar="NAME", help="only this one")
    card.add_argument(
        "--out", type=Path, metavar="FOLDER", help="folder of the page (default: in the store)"
    )
    card.set_defaults(part=_card)
    export = _part(parts, "export", help="write what was drawn as GeoParquet")
    export.add_argument("--composition", metavar="NAME", required=True, help="which one")
    export.add_argument("--to", type=Path, required=True, metavar="FILE", help="file to write")
    export.add_argument(
        "--of",
        choices=("samples", "cells"),
        default="samples",
        help="one point per sample, or one polygon per H3 cell with its count",
    )
    export.add_argument(
        "--resolution",
        type=int,
        metavar="R",
        help="H3 resolution of cells (default: that of the pool)",
    )
    export.set_defaults(part=_export)
    for one in (card, export):
        one.add_argument(
            "--replicate",
            type=int,
            default=0,
            metavar="N",
            help="number of the replicate (default: 0)",
        )


def _part(
    parts: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, *, help: str
) -> argparse.ArgumentParser:
    part = parts.add_parser(name, help=help, description=help, parents=[shared()])
    with_sweep(part)
    with_json(part)
    return part


def _draw(args: argparse.Namespace) -> int:
    from rich.console import Console  # local: the parsing of the line stays fast

    from terrasweep.sweeps.plan.draws import draws
    from terrasweep.sweeps.plan.grid import plan
    from terrasweep.sweeps.plan.pool_checks import check_pools
    from terrasweep.sweeps.reading.sweep_file import read

    sweep = read(args.sweep)
    check_pools(sweep)
    drawn = draws(plan(sweep))
    store = open_store(args, create=True)
    from terrasweep.pipelines.reading.contents import card
    from terrasweep.sweeps.engine.prepare import prepare

    steps = [draw.step for draw in drawn]
    prepare(steps, store=store, address=args.address, console=Console(stderr=True))
    counted = [(draw, card(store, draw.step.key)) for draw in drawn]
    continents = sorted(
        {name for _, sample_card in counted for name in sample_card["strata"]["continent"]}
    )
    rows = [_draw_row(draw, sample_card, continents=continents) for draw, sample_card in counted]
    if args.json:
        output.as_json(rows)
        return 0
    output.table(rows)
    output.say(f"`terrasweep composition card {args.sweep}` shows maps of them")
    return 0


def _draw_row(
    draw: "PlannedDraw", card: Mapping[str, Any], *, continents: Sequence[str]
) -> dict[str, object]:
    """Return what a draw holds in one line."""
    counts = card["strata"]["continent"]
    return {
        "composition": draw.name,
        "replicate": draw.replicate,
        "samples": card["size"],
        **{name: counts.get(name, {}).get("count", 0) for name in continents},
        "short": sum(card["short"].values()),
        "key": str(draw.step.key),
    }


def _card(args: argparse.Namespace) -> int:
    from terrasweep.sweeps.pages.cards import of_draws  # local: the parsing of the line stays fast
    from terrasweep.sweeps.pages.write import write_cards
    from terrasweep.sweeps.plan.draws import chosen, draws, not_drawn
    from terrasweep.sweeps.plan.grid import plan
    from terrasweep.sweeps.reading.sweep_file import read

    sweep = read(args.sweep)
    planned_draws = draws(plan(sweep))
    compared = chosen(planned_draws, composition=None, replicate=args.replicate, sweep=args.sweep)
    shown = chosen(
        planned_draws, composition=args.composition, replicate=args.replicate, sweep=args.sweep
    )
    cards = of_draws(sweep.name, compared, shown=shown, store=open_store(args, create=False))
    if not cards.compositions:
        raise not_drawn(args.sweep)
    page = write_cards(cards, store=open_store(args, create=True), out=args.out).resolve()
    if args.json:
        output.as_json({**vars(cards), "page": str(page)})
        return 0
    output.table(_audit_rows(cards))
    for name in cards.not_drawn:
        output.say(f"not drawn yet: {name}; `terrasweep composition draw {args.sweep}` does it")
    output.say(str(page))
    return 0


def _audit_rows(cards: "Cards") -> list[dict[str, object]]:
    pools = {f"pool of {name}": own for name, own in cards.pools.items()}
    audits = {**pools, **cards.compositions}
    return [show_audit(name, cast("Any", audit)) for name, audit in audits.items()]


def show_audit(name: str, audit: "dict[str, Any]") -> dict[str, object]:
    """Return an audit in one line of a table."""
    continent = audit["strata"].get("continent", {})
    land = continent.get("land") or {}
    spacing, spectral = audit["spacing"], audit["spectral_entropy"]
    return {
        "": name,
        "samples": audit["size"],
        "continent entropy": _number(continent.get("entropy_nats")),
        "off the land": _number(land.get("moved")),
        "by luck": _number(land.get("moved_by_chance")),
        "effective cells": round(audit["cells"]["effective_fine"]),
        "nearest km": _number(spacing["mean_nearest_km"]),
        "clustering": _number(spacing["clustering"]),
        "spectral entropy": _number(spectral.get("mean")),
    }


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _export(args: argparse.Namespace) -> int:
    from terrasweep.infra.errors import SpecError  # local: the parsing of the line stays fast
    from terrasweep.sweeps.plan.draws import chosen, draws, not_drawn
    from terrasweep.sweeps.plan.grid import plan
    from terrasweep.sweeps.reading.sweep_file import read

    matches = chosen(
        draws(plan(read(args.sweep))),
        composition=args.composition,
        replicate=args.replicate,
        sweep=args.sweep,
    )
    if len(matches) > 1:
        names = ", ".join(repr(draw.name) for draw in matches)
        expected = f"one draw of {args.composition}"
        raise SpecError(expected, got=f"{len(matches)}", fix=f"name one of {names}")
    store, (draw,) = open_store(args, create=False), matches
    if not store.has(draw.step.key):
        raise not_drawn(args.sweep)
    from terrasweep.pipelines.reading.contents import manifest
    from terrasweep.samplers.audit.export import write_cells, write_samples

    rows = manifest(store, draw.step.key)
    if args.of == "samples":
        number = write_samples(rows, to=args.to)
    else:
        number = write_cells(rows, to=args.to, resolution=args.resolution)
    if args.json:
        output.as_json({"file": str(args.to.resolve()), args.of: number})
    else:
        output.say(f"{number:,} {args.of} in {args.to}")
    return 0
