"""Cards beside each other: one line for each, and how much every two of them share."""

from collections.abc import Iterable, Mapping, Sequence
from math import log
from typing import Any, Final

from terrasweep.dashboards.html import bars, wording
from terrasweep.dashboards.html.page import Content, Html, Section, element, figure, html, table

HEADS: Final = (
    *("", "samples", "continents", "biomes", "off the land", "by luck"),
    *("cells", "nearest", "clustering", "spectral"),
)


def glance(audits: Mapping[str, Mapping[str, Any]], *, not_drawn: Sequence[str]) -> Section:
    """Show every pool and composition in one line."""
    rows = (_line(name, audit) for name, audit in audits.items())
    lead = (
        "Continents and biomes: how even, as entropy in nats; over six continents at most "
        "ln 6 = 1.79. Off the land: the share of samples that would have to move to another "
        "continent to lie as the land does; by luck: what that is on average where samples fall "
        "evenly on the land. Cells: how many evenly filled ones would be as diverse. Nearest: "
        "kilometres to the next sample. Spectral: mean entropy of what was seen."
    )
    missing = [f"Not drawn yet: {wording.listed(list(not_drawn))}."] if not_drawn else []
    body = html(
        element("p", lead),
        table(HEADS, rows, caption="At a glance"),
        *(element("p", said, class_="bad") for said in missing),
    )
    return Section("glance", "At a glance", body)


def overlaps(pairs: Sequence[Mapping[str, Any]]) -> Iterable[Section]:
    """Show how much every two draws share, if there are two."""
    if not pairs:
        return
    labels = list(dict.fromkeys(pair[end] for pair in pairs for end in ("one", "other")))
    told = {
        "ids": ("Samples shared (Jaccard: of all that either has).", 1.0),
        "cell": ("Divergence of their cells, nats.", log(2)),
        "continent": ("Divergence of their continents, nats.", log(2)),
        "biome": ("Divergence of their biomes (a proxy, where no map is given), nats.", log(2)),
    }
    drawings = tuple(
        bars.matrix(labels, _values(pairs, of), most=most, name=f"overlap-{of}", title=title)
        for of, (title, most) in told.items()
    )
    lead = (
        "Draws of one replicate share luck: a sample that is lucky in one composition is lucky in "
        "all, so what differs between two draws is their rule. Divergences are Jensen and "
        "Shannon's: 0 for the same shares, ln 2 = 0.69 where nothing is in common."
    )
    shown = (element("div", figure(one), class_="chart") for one in drawings)
    body = html(element("p", lead), element("div", *shown, class_="charts"))
    yield Section("overlap", "Overlap", body, drawings)


def _values(pairs: Sequence[Mapping[str, Any]], of: str) -> dict[tuple[str, str], float]:
    found = {
        (pair["one"], pair["other"]): pair["jaccard"] if of == "ids" else pair["jensen_shannon"][of]
        for pair in pairs
    }
    return {names: value for names, value in found.items() if value is not None}


def _line(name: str, audit: Mapping[str, Any]) -> list[Content]:
    strata, spacing, spectral = (audit[of] for of in ("strata", "spacing", "spectral_entropy"))
    continent = strata.get("continent", {}).get("land") or {}
    return [
        _name(name),
        f"{audit['size']:,}",
        _number(strata.get("continent", {}).get("entropy_nats")),
        _number(strata.get("biome", {}).get("entropy_nats")),
        _share(continent.get("moved")),
        _share(continent.get("moved_by_chance")),
        f"{audit['cells']['effective_fine']:,.0f}",
        _number(spacing["mean_nearest_km"], form=",.0f"),
        _number(spacing["clustering"]),
        _number(spectral.get("mean")),
    ]


def _name(name: str) -> Html:
    return element("a", name, href=f"#{wording.slug('card', name)}")


def _number(value: float | None, *, form: str = ".2f") -> str:
    return wording.NOTHING if value is None else format(value, form)


def _share(value: float | None) -> str:
    return wording.NOTHING if value is None else wording.percent(value)
