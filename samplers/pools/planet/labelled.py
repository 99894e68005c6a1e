"""Labelled samples of the planet: the same number on every continent, never the pool's points."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from terrasweep.infra.seeds import generator
from terrasweep.samplers.geography.cells import cells_of
from terrasweep.samplers.geography.spec import Russia
from terrasweep.samplers.geography.strata import Continent
from terrasweep.samplers.pools.planet import points
from terrasweep.samplers.pools.planet.ground import Ground, ground
from terrasweep.samplers.pools.planet.observe import YEAR, look, months_of, positions
from terrasweep.samplers.pools.planet.patches import patches
from terrasweep.samplers.pools.planet.places import Places, take
from terrasweep.samplers.pools.planet.series import MISSING
from terrasweep.samplers.pools.planet.spec import ArrayKind, World
from terrasweep.samplers.pools.planet.worlds import KNOBS

CELL_RESOLUTION = 5
CANDIDATES = 4
"""Places looked at for every one that is labelled."""
FEBRUARY = 1

Willingness = Callable[[Places, float], np.ndarray]
"""How likely labels are gathered at each place (zero: never), given the world's gap."""

Label = Callable[[Ground], np.ndarray]
"""What is true of each place, int64."""


@dataclass(frozen=True)
class Campaign:
    """Who gathers labels, where and how many."""

    name: str
    per_continent: int
    world: World
    seed: int
    russia: Russia
    arrays: ArrayKind
    size_px: int
    willingness: Willingness
    label: Label


def labelled(campaign: Campaign) -> dict[str, np.ndarray]:
    """Return the columns of a task: continent after continent, the arrays as asked.

    The land-cover map is left out of the series: it would name the label.
    """
    each = [_continent(campaign, continent.value) for continent in Continent]
    return {name: np.concatenate([one[name] for one in each]) for name in each[0]}


def _continent(campaign: Campaign, continent: str) -> dict[str, np.ndarray]:
    knobs = KNOBS[campaign.world]
    rng = generator("planet task", campaign.name, campaign.seed, continent)
    land = points.continent(continent, russia=campaign.russia)
    count = CANDIDATES * campaign.per_continent
    where = positions(count, land=land, reach=knobs.task_reach, rng=rng)
    at = look(where, seed=campaign.seed, rng=rng)
    rows = _chosen(campaign.willingness(at, knobs.gap), count=campaign.per_continent, rng=rng)
    first = np.full(campaign.per_continent, FEBRUARY)
    under = ground(take(at, rows), knobs=knobs, redundancy=0.0, seed=campaign.seed, rng=rng)
    lat, lon = where.lat[rows], where.lon[rows]
    stem = f"{campaign.name}-{campaign.world}-{campaign.seed}-{continent}"
    return {
        "id": np.array([f"{stem}-{i}" for i in range(campaign.per_continent)]),
        "lat": lat,
        "lon": lon,
        "cell": cells_of(lat, lon, resolution=CELL_RESOLUTION),
        "continent": np.full(campaign.per_continent, continent),
        "label": campaign.label(under),
        "month": first.astype(np.uint8),
        **(_series(under, first=first, rng=rng) if campaign.arrays != "patches" else {}),
        **(_images(campaign, continent, under, first) if campaign.arrays != "series" else {}),
    }


def _series(under: Ground, *, first: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    arrays = months_of(under, first=first, months=YEAR, rng=rng)
    return {**arrays, "dynamic_world": np.full_like(arrays["dynamic_world"], MISSING)}


def _images(
    campaign: Campaign, continent: str, under: Ground, month: np.ndarray
) -> dict[str, np.ndarray]:
    rng = generator("planet task patches", campaign.name, campaign.seed, continent)
    return {"image": patches(under, month=month, size_px=campaign.size_px, rng=rng)}


def _chosen(willingness: np.ndarray, *, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return the rows that are labelled: a draw without replacement, weighted by willingness."""
    # Exponential waiting times with these rates: the first arrivals are a weighted draw without
    # replacement.
    waiting = rng.exponential(size=len(willingness)) / np.maximum(willingness, 1e-9)
    return np.sort(np.argsort(waiting, kind="stable")[:count])
