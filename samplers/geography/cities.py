"""The cities of a hundred thousand people and more, from GeoNames."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from samplers.geography.grids import asset
from samplers.geography.sphere import arc_km, unit_vectors

BLOCK = 2048
"""Points at a time: a block against all cities is fifty megabytes."""


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
    cities = _vectors(count)
    points = unit_vectors(lat, lon).astype(np.float32)
    blocks = [points[at : at + BLOCK] for at in range(0, len(points), BLOCK)]
    nearest = [(block @ cities).max(axis=1) for block in blocks]
    return arc_km(np.concatenate(nearest)) if nearest else np.zeros(0)


@cache
def _vectors(count: int | None) -> np.ndarray:
    cities = top(count)
    return np.ascontiguousarray(unit_vectors(cities.lat, cities.lon).T, np.float32)
