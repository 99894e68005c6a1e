"""Cards in words: a summary of each in a few sentences, and the definitions of its numbers."""

from collections.abc import Mapping
from typing import Final

from terrasweep.dashboards.cards.audits import Audit, LandAudit, SpacingAudit, SpectralDefinition
from terrasweep.dashboards.html import wording
from terrasweep.dashboards.html.page import Content, Section, element, facts, html

FAR: Final = 2.5
"""Shares are called skewed if they are off by this many times what chance explains."""
MUCH: Final = 1.25
"""A value is named if its share is this many times the land's, or the inverse of it."""
CLUSTERED, APART = 0.9, 1.1

MAPS: Final = (
    "some 87,000 square kilometres each, in the Equal Earth projection: equal areas on the map are "
    "equal areas on Earth. Maps of compositions share one scale; a pool's map has its own. "
    "Outlines only guide the eye."
)
DEFINITIONS: Final[Mapping[str, Content]] = {
    "entropy": "Shannon entropy in nats of the shares of known values; the more even over the more "
    "values, the higher.",
    "the land": "Land of the six continents by area, from the rasters embedded in terrasweep. "
    "Biomes are a proxy read off the climate, unless the user gives a map of them.",
    "effective fine cells": "exp of the entropy over the fine H3 cells (resolution 5 unless set "
    "otherwise): how many evenly filled cells would be as diverse.",
    "clustering index": "Clark and Evans: the mean distance to the nearest other sample on the "
    "sphere, over what it is for as many samples scattered evenly over the land. Below 1, "
    "clustered.",
}


def verdict(name: str, audit: Audit) -> str:
    """Return in a few sentences how a set of samples lies on the Earth."""
    sentences = [_balance(audit), _extremes(audit), _spacing(audit["spacing"])]
    return " ".join(sentence for sentence in sentences if sentence)


def is_skewed(against: LandAudit) -> bool:
    """Return whether shares are farther from the land's than chance explains."""
    return against["moved"] > FAR * against["moved_by_chance"]


def reading(audits: Mapping[str, Audit]) -> Section:
    """Return the definitions of the numbers of the page."""
    return Section("reading", "How to read this", facts(_definitions(audits)))


def _balance(audit: Audit) -> str:
    stratum = audit["strata"].get("continent")
    against = None if stratum is None else stratum["land"]
    if against is None:
        return "None of its samples lies on a continent."
    moved = wording.percent(against["moved"])
    chance = wording.percent(against["moved_by_chance"])
    if not is_skewed(against):
        return f"Its shares of the continents match the land's ({moved} off, {chance} by chance)."
    return (
        f"{moved} of its samples would have to move to another continent to match the shares of "
        f"the land; chance alone explains {chance}."
    )


def _extremes(audit: Audit) -> str:
    stratum = audit["strata"].get("continent")
    if stratum is None or stratum["land"] is None or not is_skewed(stratum["land"]):
        return ""
    times = {
        wording.place(name): value["share"] / value["land"]
        for name, value in stratum["values"].items()
        if value["land"]
    }
    most = [f"{name} ({times[name]:.1f} times)" for name in times if times[name] >= MUCH]
    least = [name for name in times if times[name] <= 1 / MUCH]
    over = f"More than its share of the land: {wording.listed(most)}. " if most else ""
    none = [name for name in least if not times[name]]
    few = [f"{name} ({times[name]:.1f} times)" for name in least if times[name]]
    under = f"Less: {wording.listed(few)}. " if few else ""
    empty = f"No samples: {wording.listed(none)}." if none else ""
    return f"{over}{under}{empty}".strip()


def _spacing(spacing: SpacingAudit) -> str:
    index = spacing["clustering"]
    if index is None:
        return ""
    if CLUSTERED <= index <= APART:
        return "Its samples are as far apart as evenly spread samples."
    how = "clustered" if index < CLUSTERED else "more regular than chance"
    return (
        f"Its samples are {how}: the nearest neighbour is {index:.2f} times as far away as for "
        "evenly spread samples."
    )


def _definitions(audits: Mapping[str, Audit]) -> list[tuple[str, Content]]:
    resolution = next(iter(audits.values()))["cells"]["resolution"]
    definitions: list[SpectralDefinition] = []
    for audit in audits.values():
        definition = audit["spectral_entropy"]["definition"]
        if definition and definition not in definitions:
            definitions.append(definition)
    return [
        ("maps", f"H3 cells of resolution {resolution}, {MAPS}"),
        *DEFINITIONS.items(),
        *(("spectral entropy", _measured(one)) for one in definitions),
    ]


def _measured(spectral: SpectralDefinition) -> Content:
    """Return in words how a spectral entropy was measured."""
    what = f"{spectral['what'][0].upper()}{spectral['what'][1:]}: {spectral['bands']}"
    bins = f"{spectral['bins']} bins from {spectral['low']:,g} to {spectral['high']:,g}"
    assumed = f"Assumed, because no paper reports it: {', '.join(spectral['assumed'])}."
    unit = wording.unit(spectral)
    text = f"{what}; {bins}, log base {spectral['log_base']}: in {unit}. "
    return html(text, element("em", assumed) if spectral["assumed"] else "")
