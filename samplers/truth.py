"""The land-area truth: how much land of the six continents each value of a stratum has.

It comes from the embedded rasters, so its biomes are the proxy's. It is what a set of samples is
held against: one drawn evenly over the land has these shares, but for the luck of the draw.
"""

from collections.abc import Mapping
from functools import cache
from typing import Final

import numpy as np

from infra.seeds import generator
from samplers.geography import biomes, climate, continents
from samplers.geography.continents import Russia
from samplers.land import squares
from samplers.names import UNKNOWN, Stratum

SQUARE: Final = 0.1
"""Degrees from one square of the raster to the next."""


@cache
def land_shares(*, russia: Russia = "europe") -> Mapping[Stratum, Mapping[str, float]]:
    """Return, for the strata that the rasters know, each value's share of the land."""
    lat, lon, km2 = squares()
    words: dict[Stratum, np.ndarray] = {
        "biome": biomes.proxy(lat, lon).astype(str),
        "climate": climate.codes(lat, lon).astype(str),
        "continent": continents.names(lat, lon, russia=russia),
    }
    return {over: _shares(own, km2, unknown=UNKNOWN[over]) for over, own in words.items()}


def points_on_land(count: int, *, purpose: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the latitudes and longitudes of points drawn evenly over the land."""
    lat, lon, km2 = squares()
    rng, upto = generator("land", purpose), np.cumsum(km2)
    place = np.searchsorted(upto, rng.random(count) * upto[-1], side="right")
    off = rng.random((2, count)) - 0.5
    return lat[place] + SQUARE * off[0], lon[place] + SQUARE * off[1]


def _shares(words: np.ndarray, km2: np.ndarray, *, unknown: str) -> dict[str, float]:
    values, place = np.unique(words, return_inverse=True)
    area = dict(zip(values.tolist(), np.bincount(place, weights=km2).tolist(), strict=True))
    area.pop(unknown, None)
    whole = sum(area.values())
    return {value: own / whole for value, own in area.items()}
