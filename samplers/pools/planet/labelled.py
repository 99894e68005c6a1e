"""Labelled samples of the planet: the same number on every continent, never the pool's points."""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np

from infra.seeds import generator
from samplers.cells import cells_of
from samplers.names import Continent
from samplers.pools.planet import points
from samplers.pools.planet.observe import Seen, look, observe, positions
from samplers.pools.planet.places import Places, take
from samplers.pools.planet.spec import Russia, World
from samplers.pools.planet.worlds import KNOBS

CELL_RESOLUTION = 5
CANDIDATES = 4
"""Places looked at for every one that is labelled."""
FEBRUARY = 1

Wish = Callable[[Places, float], np.ndarray]
"""How likely labels are gathered at each place (zero: never), given the world's gap."""


@dataclass(frozen=True)
class Campaign:
    """Who gathers labels, where and how many."""

    name: str
    per_continent: int
    world: World
    seed: int
    russia: Russia
    wish: Wish


def labelled(campaign: Campaign) -> tuple[dict[str, np.ndarray], Seen]:
    """Return the columns that every task has, and what is seen and true of each row."""
    each = [_continent(campaign, continent.value) for continent in Continent]
    columns = [columns for columns, _ in each]
    seen = [seen for _, seen in each]
    joined = {name: np.concatenate([one[name] for one in columns]) for name in columns[0]}
    truth = {f.name: np.concatenate([getattr(one, f.name) for one in seen]) for f in fields(Seen)}
    return joined, Seen(**truth)


def _continent(campaign: Campaign, continent: str) -> tuple[dict[str, np.ndarray], Seen]:
    knobs = KNOBS[campaign.world]
    rng = generator("planet task", campaign.name, campaign.seed, continent)
    land = points.continent(continent, russia=campaign.russia)
    count = CANDIDATES * campaign.per_continent
    where = positions(count, land=land, reach=knobs.task_reach, rng=rng)
    at = look(where, seed=campaign.seed, rng=rng)
    rows = _chosen(campaign.wish(at, knobs.gap), count=campaign.per_continent, rng=rng)
    first = np.full(campaign.per_continent, FEBRUARY)
    kept = take(at, rows)
    seen = observe(kept, knobs=knobs, redundancy=0.0, first=first, seed=campaign.seed, rng=rng)
    lat, lon = where.lat[rows], where.lon[rows]
    stem = f"{campaign.name}-{campaign.world}-{campaign.seed}-{continent}"
    return {
        "id": np.array([f"{stem}-{i}" for i in range(campaign.per_continent)]),
        "lat": lat,
        "lon": lon,
        "cell": cells_of(lat, lon, resolution=CELL_RESOLUTION),
        "continent": np.full(campaign.per_continent, continent),
    }, seen


def _chosen(wish: np.ndarray, *, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return the rows that are labelled: a draw without replacement, weighted by the wish."""
    waiting = rng.exponential(size=len(wish)) / np.maximum(wish, 1e-9)
    return np.sort(np.argsort(waiting, kind="stable")[:count])
