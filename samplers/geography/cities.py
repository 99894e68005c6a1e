"""The cities of a hundred thousand people and more, from GeoNames."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.spatial import cKDTree

from terrasweep.samplers.geography.grids import asset
from terrasweep.samplers.geography.sphere import EARTH_KM, unit_vectors


@dataclass(frozen=True)
class Cities:
    """Cities from the most populous to the least, one place in every array each."""

    name: tuple[str, ...]
    country: tuple[str, ...]
    lat: np.ndarray
    lon: np.ndarray
    population: np.ndarray


@cache
def top(count: int | None = None) -> Cities:
    """Return the most populous cities; all of them if no count is given."""
    arrays = asset("cities")
    names = arrays["name"].tobytes().decode().split("\n")
    return Cities(
        name=tuple(names[:count]),
        country=tuple(code.decode() for code in arrays["country"][:count]),
        lat=arrays["lat"][:count].astype(np.float64),
        lon=arrays["lon"][:count].astype(np.float64),
        population=arrays["population"][:count],
    )


def distance_km(lat: np.ndarray, lon: np.ndarray, *, count: int | None = None) -> np.ndarray:
    """Return how far the nearest of the most populous cities is from each point."""
    chord, _ = _tree(count).query(unit_vectors(lat, lon))
    return np.asarray(2 * EARTH_KM * np.arcsin(np.minimum(chord / 2, 1.0)))


@cache
def _tree(count: int | None) -> cKDTree:
    """Return the cities so that the nearest is found without looking at all."""
    cities = top(count)
    return cKDTree(unit_vectors(cities.lat, cities.lon))
