"""What a set of samples holds, whole pool or draw, in one and the same terms; pure.

Shares and their Shannon entropies (nats) are over the values that are known. Each is held against
the land-area truth: `moved` is the share of samples that would have to lie elsewhere to meet it,
`moved_by_chance` what that would be on average for as many samples drawn evenly over the land.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from terrasweep.infra.spec import Json
from terrasweep.samplers.audit.draw_card import entropy
from terrasweep.samplers.audit.land_shares import EMBEDDED, land_shares
from terrasweep.samplers.audit.similarity import jaccard, jensen_shannon, moved, moved_by_chance
from terrasweep.samplers.audit.spacing import spacing
from terrasweep.samplers.draw.census import Totals, known
from terrasweep.samplers.draw.weights import BINS_PER_NAT
from terrasweep.samplers.geography.cells import names
from terrasweep.samplers.geography.continents import Russia
from terrasweep.samplers.geography.land import land_km2
from terrasweep.samplers.geography.spec import GeographySpec
from terrasweep.samplers.geography.strata import NUMBERED, STRATA, UNKNOWN, Stratum

MAP_RESOLUTION: Final = 2
"""The H3 resolution of maps and of the comparison of cells: 87,000 square kilometres each."""
QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, eq=False)
class SampleSet:
    """A set of samples, as far as an audit looks at it."""

    size: int
    held: Totals
    """How many samples each value of each stratum has."""
    cells: Mapping[int, int]
    """How many samples each cell of the map has."""
    effective_cells: float
    """How many evenly filled fine cells would be as diverse."""
    entropies: Mapping[int, int]
    """How many samples have a spectral entropy in each bin of a hundredth of a nat."""
    lat: np.ndarray
    """Where samples lie: all of them, or a part of a large pool drawn by lot."""
    lon: np.ndarray
    ids: np.ndarray
    """What samples are called, or a hash of that; empty for a pool, which holds all there are."""
    definition: Mapping[str, Json] | None = None
    """How the spectral entropy was measured, if it was."""
    russia: Russia = "europe"
    geography: GeographySpec = EMBEDDED
    """The maps that say where its samples lie: their own land is the truth."""


def audit(one: SampleSet) -> dict[str, Json]:
    """Return everything that a card tells of a set of samples."""
    land = land_shares(russia=one.russia, geography=one.geography)
    shown = [over for over in STRATA if known(one.held, over)]
    return {
        "size": one.size,
        "russia": one.russia,
        "strata": {over: _stratum(one, over, truth=land.get(over, {})) for over in shown},
        "cells": _cells(one),
        "spacing": spacing(one.lat, one.lon),
        "spectral_entropy": _spectral(one),
    }


def overlap(one: SampleSet, other: SampleSet) -> dict[str, Json]:
    """Return how alike two draws are: ids shared, and how far apart what they hold is."""
    return {
        "jaccard": jaccard(one.ids, other.ids),
        "jensen_shannon": {
            "continent": jensen_shannon(
                known(one.held, "continent"), known(other.held, "continent")
            ),
            "biome": jensen_shannon(known(one.held, "biome"), known(other.held, "biome")),
            "cell": jensen_shannon(one.cells, other.cells),
        },
    }


def name(over: Stratum, value: str) -> str:
    """Return what people call a value: biome 11 is `tundra`."""
    if value == UNKNOWN[over]:
        return "unknown"
    return NUMBERED[over][int(value)] if over in NUMBERED else value


def _stratum(one: SampleSet, over: Stratum, *, truth: Mapping[str, float]) -> dict[str, Json]:
    counts = known(one.held, over)
    total = sum(counts.values())
    values: dict[str, Json] = {
        value: {
            "name": name(over, value),
            "count": counts.get(value, 0),
            "share": counts.get(value, 0) / total,
            "land": truth.get(value, 0.0) if truth else None,
        }
        for value in sorted({*counts, *truth}, key=lambda value: (-counts.get(value, 0), value))
    }
    return {
        "values": values,
        "unknown": one.size - total,
        "proxy": over == "biome" and one.geography.ecoregions is None,
        "entropy_nats": entropy(counts),
        "land": _against(counts, truth) if truth else None,
    }


def _cells(one: SampleSet) -> dict[str, Json]:
    cells, km2 = land_km2(MAP_RESOLUTION)
    truth = dict(zip(cells.tolist(), (km2 / km2.sum()).tolist(), strict=True))
    return {
        "resolution": MAP_RESOLUTION,
        "occupied": len(one.cells),
        "with_land": len(truth),
        "entropy_nats": entropy({str(cell): count for cell, count in one.cells.items()}),
        "effective_fine": one.effective_cells,
        "land": _against(one.cells, truth),
        "counts": dict(zip(names(one.cells), one.cells.values(), strict=True)),
    }


def _against(
    counts: Mapping[str, int] | Mapping[int, int],
    truth: Mapping[str, float] | Mapping[int, float],
) -> dict[str, Json]:
    """Return how far counts are from the land-area truth, and how far luck alone takes them."""
    mine = {str(value): float(count) for value, count in counts.items()}
    land = {str(value): share for value, share in truth.items()}
    return {
        "entropy_nats": float(-sum(share * np.log(share) for share in land.values() if share)),
        "jensen_shannon": jensen_shannon(mine, land),
        "moved": moved(mine, land),
        "moved_by_chance": moved_by_chance(land, count=int(sum(mine.values()))),
    }


def _spectral(one: SampleSet) -> dict[str, Json]:
    """Return the distribution of spectral entropies, each taken for the middle of its bin."""
    bins = np.array(sorted(one.entropies), dtype=np.int64)
    counts = np.array([one.entropies[int(place)] for place in bins], dtype=np.int64)
    card: dict[str, Json] = {"definition": one.definition, "known": int(counts.sum())}
    if not counts.sum():
        return card
    middle, upto = (bins + 0.5) / BINS_PER_NAT, np.cumsum(counts) / counts.sum()
    at = np.searchsorted(upto, QUANTILES)
    return {
        **card,
        "mean": float(np.average(middle, weights=counts)),
        "quantiles": {str(q): float(value) for q, value in zip(QUANTILES, middle[at], strict=True)},
        "bins_per_nat": BINS_PER_NAT,
        "bins": {str(place): int(count) for place, count in zip(bins, counts, strict=True)},
    }
