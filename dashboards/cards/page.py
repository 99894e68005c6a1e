"""A page of cards: what pools and compositions hold, map by map, against the land and each other.

The audits hold all of its numbers; nothing is computed here but the drawings.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from terrasweep.dashboards.cards import comparisons
from terrasweep.dashboards.cards.audits import (
    Audit,
    OverlapAudit,
    SpectralAudit,
    StratumAudit,
    ValueAudit,
)
from terrasweep.dashboards.cards.explanations import reading, verdict
from terrasweep.dashboards.html import bars, wording
from terrasweep.dashboards.html.drawing import Drawing
from terrasweep.dashboards.html.maps import LARGE, Atlas, Tile, steps, world
from terrasweep.dashboards.html.page import (
    STAMP,
    Html,
    Section,
    contents,
    document,
    element,
    facts,
    figure,
    html,
    section,
)

PAGE: Final = "cards.html"
NUMBERS: Final = "cards.json"
FEWEST: Final = 0.01
"""Values with less than this share of both samples and land are joined into one bar."""
MOST_BARS: Final = 14
NATS_PER_BAR: Final = 20
"""Bars of a distribution of entropies in each nat."""

RUSSIA: Final = {
    "europe": "Europe, all of it",
    "split_60e": "Europe west of 60 degrees east, Asia beyond",
    "asia": "Asia, all of it",
}


@dataclass(frozen=True)
class PageData:
    """What a page of cards shows."""

    title: str
    synthetic: bool
    pools: Mapping[str, Audit]
    compositions: Mapping[str, Audit]
    overlap: Sequence[OverlapAudit]
    not_drawn: Sequence[str] = ()

    @property
    def audits(self) -> dict[str, Audit]:
        """Every audit under what people call it, the pools first."""
        pools = {f"pool of {name}": audit for name, audit in self.pools.items()}
        return {**pools, **self.compositions}


def build(data: PageData, *, atlas: Atlas, out: Path) -> Path:
    """Write the page, its figures and its numbers into a folder, and return the page's path."""
    parts = _parts(data, atlas=atlas)
    out.mkdir(parents=True, exist_ok=True)
    stamp = STAMP if data.synthetic else ""
    for drawing in (drawing for part in parts for drawing in part.drawings):
        (out / f"{drawing.name}.svg").write_text(drawing.file(stamp=stamp), encoding="utf-8")
    (out / NUMBERS).write_text(json.dumps(vars(data), indent=1), encoding="utf-8")
    page = document(
        f"{data.title}: terrasweep cards",
        first=parts[0].name,
        header=_header(data),
        nav=contents((part.name, part.title) for part in parts),
        sections=(section(part.title, part.body, name=part.name) for part in parts),
        footer=element("p", f"Made by terrasweep. All numbers of this page lie in {NUMBERS}."),
    )
    (out / PAGE).write_text(page, encoding="utf-8")
    return out / PAGE


def _parts(data: PageData, *, atlas: Atlas) -> list[Section]:
    tiles = {
        name: atlas.tiles({int(cell, 16): n for cell, n in audit["cells"]["counts"].items()})
        for name, audit in data.audits.items()
    }
    drawn = [tile for name in data.compositions for tile in tiles[name]]
    scales = {name: steps(drawn if name in data.compositions else tiles[name]) for name in tiles}
    cards = [
        _card(name, audit, _map(name, audit, tiles[name], atlas=atlas, begins=scales[name]))
        for name, audit in data.audits.items()
    ]
    return [
        comparisons.glance(data.audits, not_drawn=data.not_drawn),
        *cards,
        *comparisons.overlaps(data.overlap),
        reading(data.audits),
    ]


def _header(data: PageData) -> Html:
    what = "compositions" if data.compositions else "pool"
    title = f"What the {what} of {data.title} hold{'' if data.compositions else 's'}"
    warning = "These places are real, but a program made up their pixels."
    banner = element("div", element("strong", STAMP), warning, class_="banner", role="note")
    kicker = element("p", f"terrasweep · {data.title}", class_="kicker")
    return html(kicker, element("h1", title), *([banner] if data.synthetic else []))


def _map(
    name: str, audit: Audit, tiles: Sequence[Tile], *, atlas: Atlas, begins: Sequence[int]
) -> Drawing:
    cells = audit["cells"]
    return world(
        tiles,
        atlas=atlas,
        steps=begins,
        letters=LARGE,
        name=f"map-{wording.slug(name)}",
        title=f"Where the samples of {name} lie.",
        alt=f"{audit['size']:,} samples in {cells['occupied']:,} cells of H3",
    )


def _card(name: str, audit: Audit, drawing: Drawing) -> Section:
    strata = [_shares(name, over, own) for over, own in audit["strata"].items()]
    spectral = _spectral(name, audit["spectral_entropy"])
    charts = [*strata, *([spectral] if spectral else [])]
    shown = (
        element("div", figure(one, caption=_ticks(one, strata)), class_="chart") for one in charts
    )
    body = html(
        element("p", verdict(name, audit), class_="lead"),
        element("div", figure(drawing), class_="wide"),
        element("div", *shown, class_="charts"),
        facts(_facts(audit)),
    )
    return Section(wording.slug("card", name), name, body, (drawing, *charts))


def _ticks(chart: Drawing, strata: Sequence[Drawing]) -> str:
    return "Ticks: the land's." if chart in strata and "(land" in chart.alt else ""


def _shares(name: str, over: str, stratum: StratumAudit) -> Drawing:
    proxy = " (a proxy)" if stratum["proxy"] else ""
    what = over.replace("_", " ") + proxy
    return bars.shares(
        list(_bars(stratum["values"].values(), over=over)),
        name=wording.slug("shares", name, over),
        title=f"Shares by {what}.",
    )


def _bars(values: Iterable[ValueAudit], *, over: str) -> Iterable[bars.Bar]:
    ordered = list(values)
    most = sorted((_reach(value) for value in ordered), reverse=True)[:MOST_BARS]
    large = [value for value in ordered if _reach(value) >= max(most[-1], FEWEST)]
    small = [value for value in ordered if value not in large]
    for value in large:
        yield bars.Bar(wording.value(value["name"], over=over), value["share"], value["land"])
    if small:
        lands = [value["land"] for value in small if value["land"] is not None]
        land = sum(lands) if lands else None
        label = wording.counted(len(small), "other")
        yield bars.Bar(label, sum(value["share"] for value in small), land)


def _reach(value: ValueAudit) -> float:
    return float(max(value["share"], value["land"] or 0.0))


def _spectral(name: str, entropies: SpectralAudit) -> Drawing | None:
    if "bins" not in entropies:
        return None
    joined: dict[int, int] = {}
    for one, number in entropies["bins"].items():
        at = int(one) * NATS_PER_BAR // entropies["bins_per_nat"]
        joined[at] = joined.get(at, 0) + number
    return bars.distribution(
        joined,
        per_unit=NATS_PER_BAR,
        unit=f"spectral entropy in {wording.unit(entropies['definition'])}",
        mean=entropies["mean"],
        name=wording.slug("spectral", name),
        title="Spectral entropy of the samples.",
    )


def _facts(audit: Audit) -> Iterable[tuple[str, str]]:
    cells, spacing = audit["cells"], audit["spacing"]
    yield "cells with samples", f"{cells['occupied']:,} of {cells['with_land']:,} with land"
    yield "effective fine cells", f"{cells['effective_fine']:,.0f}"
    if spacing["mean_nearest_km"] is not None:
        lot = spacing["measured_on"]
        of = "" if lot == audit["size"] else f", on {lot:,} samples drawn by lot"
        yield "nearest neighbour", f"{spacing['mean_nearest_km']:,.1f} km on average{of}"
        yield "clustering index", f"{spacing['clustering']:.2f}"
    for over, own in audit["strata"].items():
        if own["unknown"]:
            yield f"{over.replace('_', ' ')} unknown", wording.counted(own["unknown"], "sample")
    yield "Russia counts to", RUSSIA[audit["russia"]]
    yield from _of_the_draw(audit)
    for why, number in audit.get("rejected", {}).items():
        yield "left out", f"{number:,}: {why}"
    yield "key", audit["key"]


def _of_the_draw(audit: Audit) -> Iterable[tuple[str, str]]:
    if "composition" in audit:
        yield "rule", wording.plain(audit["composition"]["rule"]).removeprefix("kind ")
    for short, lack in audit.get("short", {}).items():
        yield "short of", f"{short} by {lack:,}"
    if audit.get("repeated"):
        yield "repeated", wording.counted(audit["repeated"], "sample")
    guard = audit.get("guard")
    if guard is not None and guard["rings"] is not None:
        rings = wording.counted(guard["rings"], "ring")
        yield "kept from tests", f"{guard['excluded']:,} samples of the pool, {rings}"
    for task, shares in audit.get("leakage", {}).items():
        near = (f"{wording.percent(share)} within {km} km" for km, share in shares.items())
        yield f"tests of {task}", f"with a sample nearby: {', '.join(near)}"
    for note in audit.get("notes", ()):
        yield "note", note
