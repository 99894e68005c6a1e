"""From positions to what is seen and what is true there; pool and tasks share it."""

from dataclasses import dataclass

import numpy as np

from terrasweep.samplers.pools.planet.ground import Ground
from terrasweep.samplers.pools.planet.places import Places, places
from terrasweep.samplers.pools.planet.points import Land, draw, earth
from terrasweep.samplers.pools.planet.series import series

YEAR = 12


@dataclass(frozen=True)
class Positions:
    """Where samples lie, and the place each of them looks like."""

    lat: np.ndarray
    lon: np.ndarray
    looks_lat: np.ndarray
    looks_lon: np.ndarray


def positions(count: int, *, land: Land, reach: float, rng: np.random.Generator) -> Positions:
    """Draw positions on some land; each looks like itself, or with the reach like anywhere."""
    lat, lon = draw(rng, count, land=land)
    far_lat, far_lon = draw(rng, count, land=earth())
    far = rng.random(count) < reach
    return Positions(lat, lon, np.where(far, far_lat, lat), np.where(far, far_lon, lon))


def look(where: Positions, *, seed: int, rng: np.random.Generator) -> Places:
    """Return the places that the samples look like."""
    return places(where.looks_lat, where.looks_lon, seed=seed, rng=rng)


def months_of(
    under: Ground, *, first: np.ndarray, months: int, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Return Presto's arrays from each place's first month on; a second year is another year."""
    years = [series(under, rng=rng) for _ in range(months // YEAR)]
    month = (first[:, None] + np.arange(months)) % months
    row = np.arange(len(first))[:, None]
    whole = {
        "x": np.concatenate([year.x for year in years], axis=1),
        "dynamic_world": np.concatenate([year.dynamic_world for year in years], axis=1),
    }
    return {name: array[row, month] for name, array in whole.items()}
