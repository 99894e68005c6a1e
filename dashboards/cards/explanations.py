"""Cards in words: what one tells in a sentence or two, and how its numbers are to be read."""

from collections.abc import Mapping
from typing import Any, Final

from terrasweep.dashboards.html import wording
from terrasweep.dashboards.html.page import Content, Section, element, facts, html

FAR: Final = 2.5
"""Times beyond luck that samples lie off the land's shares before one calls them skewed."""
MUCH: Final = 1.25
"""Times the land's share from which on a value is named as too much, or its inverse too little."""
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
    "Biomes are a proxy read off the climate, unless a file of the user's own says them.",
    "effective fine cells": "exp of the entropy over the fine H3 cells (resolution 5 unless set "
    "otherwise): how many evenly filled cells would be as diverse.",
    "clustering index": "Clark and Evans: the mean distance to the nearest other sample on the "
    "sphere, over what it is for as many samples scattered evenly over the land. Below 1, "
    "clustered.",
}

Audit = Mapping[str, Any]


def verdict(name: str, audit: Audit) -> str:
    """Say in a few sentences how a set of samples lies on the Earth."""
    told = [_balance(audit), _extremes(audit), _spacing(audit["spacing"])]
    return " ".join(sentence for sentence in told if sentence)


def is_skewed(against: Audit) -> bool:
    """Say whether shares are farther from the land's than luck takes them."""
    return bool(against["moved"] > FAR * against["moved_by_chance"])


def reading(audits: Mapping[str, Audit]) -> Section:
    """Say how the numbers of the page are defined."""
    return Section("reading", "How to read this", facts(_definitions(audits)))


def _balance(audit: Audit) -> str:
    against = (audit["strata"].get("continent") or {}).get("land")
    if not against:
        return "None of its samples lies on a continent."
    moved, luck = (wording.percent(against[of]) for of in ("moved", "moved_by_chance"))
    if not is_skewed(against):
        return f"Its continents are as large as the land's, to within luck ({moved}, luck {luck})."
    return (
        f"{moved} of its samples would have to lie on another continent to be spread as the land "
        f"is; luck alone makes {luck}."
    )


def _extremes(audit: Audit) -> str:
    stratum = audit["strata"].get("continent") or {}
    if not stratum.get("land") or not is_skewed(stratum["land"]):
        return ""
    times = {
        wording.place(value): told["share"] / told["land"]
        for value, told in stratum["values"].items()
        if told["land"]
    }
    most = [f"{name} ({times[name]:.1f} times)" for name in times if times[name] >= MUCH]
    least = [name for name in times if times[name] <= 1 / MUCH]
    over = f"Beyond its share of the land: {wording.listed(most)}. " if most else ""
    none = [name for name in least if not times[name]]
    few = [f"{name} ({times[name]:.1f} times)" for name in least if times[name]]
    under = f"Short of it: {wording.listed(few)}. " if few else ""
    empty = f"Nothing at all: {wording.listed(none)}." if none else ""
    return f"{over}{under}{empty}".strip()


def _spacing(spacing: Audit) -> str:
    index = spacing["clustering"]
    if index is None:
        return ""
    if CLUSTERED <= index <= APART:
        return "Neighbours lie as far apart as even samples do."
    how = "cluster" if index < CLUSTERED else "keep apart"
    return f"Its samples {how}: neighbours lie {index:.2f} times as far apart as even samples do."


def _definitions(audits: Mapping[str, Audit]) -> list[tuple[str, Content]]:
    resolution = next(iter(audits.values()))["cells"]["resolution"]
    found = [audit["spectral_entropy"].get("definition") for audit in audits.values()]
    measured = [one for place, one in enumerate(found) if one and one not in found[:place]]
    return [
        ("maps", f"H3 cells of resolution {resolution}, {MAPS}"),
        *DEFINITIONS.items(),
        *(("spectral entropy", _measured(one)) for one in measured),
    ]


def _measured(spectral: Audit) -> Content:
    """Return in words how a spectral entropy was measured."""
    what = f"{spectral['what'][0].upper()}{spectral['what'][1:]}: {spectral['bands']}"
    bins = f"{spectral['bins']} bins from {spectral['low']:,g} to {spectral['high']:,g}"
    assumed = f"Assumed, no paper says it: {', '.join(spectral['assumed'])}."
    unit = wording.unit(spectral)
    said = f"{what}; {bins}, log base {spectral['log_base']}: in {unit}. "
    return html(said, element("em", assumed) if spectral["assumed"] else "")
