"""Cards beside each other: one line for each, and how much every two of them share."""

from collections.abc import Iterable, Mapping, Sequence
from math import log
from typing import Final

from terrasweep.dashboards.cards.audits import Audit, OverlapAudit
from terrasweep.dashboards.html import bars, wording
from terrasweep.dashboards.html.page import Content, Html, Section, element, figure, html, table

HEADS: Final = (
    *("", "samples", "continents", "biomes", "off the land", "by chance"),
    *("cells", "nearest", "clustering", "spectral"),
)


def glance(audits: Mapping[str, Audit], *, not_drawn: Sequence[str]) -> Section:
    """Show every pool and composition in one line."""
    rows = (_line(name, audit) for name, audit in audits.items())
    lead = (
        "Continents and biomes: the entropy of their shares in nats; for six continents it is at "
        "most ln 6 = 1.79. Off the land: the share of samples that would have to move to another "
        "continent to match the shares of the land. By chance: the same on average for samples "
        "that fall evenly on the land. Cells: how many evenly filled cells would be as diverse. "
        "Nearest: kilometres to the nearest sample. Spectral: mean spectral entropy."
    )
    missing = [f"Not drawn yet: {wording.listed(list(not_drawn))}."] if not_drawn else []
    body = html(
        element("p", lead),
        table(HEADS, rows, caption="At a glance"),
        *(element("p", sentence, class_="bad") for sentence in missing),
    )
    return Section("glance", "At a glance", body)


def overlaps(pairs: Sequence[OverlapAudit]) -> Iterable[Section]:
    """Show how much every two draws share, if there are two."""
    if not pairs:
        return
    labels = list(dict.fromkeys(name for pair in pairs for name in (pair["one"], pair["other"])))
    matrices = {
        "ids": ("Samples shared (Jaccard: of all that either has).", 1.0),
        "cell": ("Divergence of their cells, nats.", log(2)),
        "continent": ("Divergence of their continents, nats.", log(2)),
        "biome": ("Divergence of their biomes (a proxy, where no map is given), nats.", log(2)),
    }
    drawings = tuple(
        bars.matrix(labels, _values(pairs, of), most=most, name=f"overlap-{of}", title=title)
        for of, (title, most) in matrices.items()
    )
    lead = (
        "Draws of one replicate share their random numbers, so two draws differ only by their "
        "rules. Divergences are Jensen-Shannon divergences: 0 for the same shares, ln 2 = 0.69 "
        "where nothing is in common."
    )
    shown = (element("div", figure(one), class_="chart") for one in drawings)
    body = html(element("p", lead), element("div", *shown, class_="charts"))
    yield Section("overlap", "Overlap", body, drawings)


def _values(pairs: Sequence[OverlapAudit], of: str) -> dict[tuple[str, str], float]:
    values = {
        (pair["one"], pair["other"]): pair["jaccard"] if of == "ids" else pair["jensen_shannon"][of]
        for pair in pairs
    }
    return {names: value for names, value in values.items() if value is not None}


def _line(name: str, audit: Audit) -> list[Content]:
    strata, spacing = audit["strata"], audit["spacing"]
    continent, biome = strata.get("continent"), strata.get("biome")
    land = None if continent is None else continent["land"]
    return [
        _name(name),
        f"{audit['size']:,}",
        _number(continent and continent["entropy_nats"]),
        _number(biome and biome["entropy_nats"]),
        _share(land and land["moved"]),
        _share(land and land["moved_by_chance"]),
        f"{audit['cells']['effective_fine']:,.0f}",
        _number(spacing["mean_nearest_km"], form=",.0f"),
        _number(spacing["clustering"]),
        _number(audit["spectral_entropy"].get("mean")),
    ]


def _name(name: str) -> Html:
    return element("a", name, href=f"#{wording.slug('card', name)}")


def _number(value: float | None, *, form: str = ".2f") -> str:
    return wording.NOTHING if value is None else format(value, form)


def _share(value: float | None) -> str:
    return wording.NOTHING if value is None else wording.percent(value)
