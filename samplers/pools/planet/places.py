"""What a place is like: relief, weather, region and how uniform its land is."""

from dataclasses import dataclass, fields, replace
from functools import cache

import numpy as np

from terrasweep.infra.seeds import generator
from terrasweep.samplers.geography import biomes, cities, climate, relief
from terrasweep.samplers.geography.sphere import EARTH_KM, unit_vectors
from terrasweep.samplers.pools.planet.points import draw, earth
from terrasweep.samplers.pools.planet.weather import Weather, sigmoid, weather

REGION_KM, MOSAIC_KM = 2500.0, 400.0
CITY_COUNT = 3000
WAVES = 24
"""Plane waves that a smooth field is the sum of."""


@dataclass(frozen=True)
class Places:
    """Properties of places, one place in every array each; none of them is a continent."""

    altitude_m: np.ndarray
    slope_deg: np.ndarray
    biome: np.ndarray
    city_km: np.ndarray
    heterogeneity: np.ndarray
    """How patchy the land is, 0 to 1: a field of its own, independent of continent and biome."""
    region: np.ndarray
    """Regional habits as columns ``WATER`` to ``STYLE``, each about mean 0 and variance 1."""
    system: np.ndarray
    """Which of the farming systems is used here: the one whose seat is nearest."""
    weather: Weather


WATER, MEADOW, STYLE = 0, 1, slice(2, 5)
REGION_COLUMNS = 5
SYSTEMS = 8
CANDIDATES = 64
"""Places among which the seats of farming systems are chosen."""


def places(lat: np.ndarray, lon: np.ndarray, *, seed: int, rng: np.random.Generator) -> Places:
    """Return what the places are like; the generator gives what no map holds."""
    at = unit_vectors(lat, lon)
    altitude = relief.altitude_m(lat, lon)
    rough = relief.relief_m(lat, lon) / (10 * relief.cell_km(lat))
    mosaic = smooth(at, name="mosaic", seed=seed, count=1, scale_km=MOSAIC_KM)[:, 0]
    patchy = sigmoid(2 * mosaic + rng.normal(0, 1.2, len(at)))
    return Places(
        altitude_m=np.maximum(altitude + rng.normal(0, 20, len(at)), 0),
        slope_deg=np.minimum(rough + rng.exponential(0.6 + 0.5 * rough), 60.0),
        biome=biomes.proxy(lat, lon),
        city_km=cities.distance_km(lat, lon, count=CITY_COUNT),
        heterogeneity=patchy,
        system=_nearest_seat(at, seed=seed),
        region=smooth(at, name="region", seed=seed, count=REGION_COLUMNS, scale_km=REGION_KM),
        weather=weather(
            lat=lat,
            altitude_m=altitude,
            coast_km=relief.coast_km(lat, lon),
            koppen=climate.codes(lat, lon),
        ),
    )


def take(these: Places, rows: np.ndarray) -> Places:
    """Return some of the places, in the order asked."""
    year = these.weather
    kept = {f.name: getattr(these, f.name)[rows] for f in fields(these) if f.name != "weather"}
    months = {f.name: getattr(year, f.name)[rows] for f in fields(year)}
    return replace(these, **kept, weather=replace(year, **months))


def _nearest_seat(at: np.ndarray, *, seed: int) -> np.ndarray:
    return np.asarray((at.astype(np.float32) @ _seats(seed).T).argmax(axis=1))


@cache
def _seats(seed: int) -> np.ndarray:
    """Return where each farming system comes from: places on land, as far apart as may be."""
    lat, lon = draw(generator("planet seats", seed), CANDIDATES, land=earth())
    candidates = unit_vectors(lat, lon).astype(np.float32)
    # Greedy farthest points: each next seat is the candidate whose nearest seat is farthest away,
    # so whose largest cosine to the chosen ones is smallest.
    chosen = [0]
    for _ in range(SYSTEMS - 1):
        nearest = (candidates @ candidates[chosen].T).max(axis=1)
        chosen.append(int(nearest.argmin()))
    return np.asarray(candidates[chosen])


def smooth(at: np.ndarray, *, name: str, seed: int, count: int, scale_km: float) -> np.ndarray:
    """Return some independent fields at points (unit vectors) as (points, count).

    Each has about mean 0 and variance 1; points farther apart than the scale are independent. A sum
    of plane waves needs no grid, has no seam at 180 degrees, and its value at a point does not
    depend on which other points are computed with it.
    """
    direction, phase = _waves(name, seed, count, scale_km)
    # A wave with a random direction in space and a random phase, on the unit sphere, has the
    # variance 1/2: hence the square root of 2 / WAVES.
    waves = np.cos(at.astype(np.float32) @ direction + phase)
    sums = waves.reshape(len(at), count, WAVES).sum(axis=2)
    return np.asarray(sums * np.float32(np.sqrt(2 / WAVES)))


@cache
def _waves(name: str, seed: int, count: int, scale_km: float) -> tuple[np.ndarray, np.ndarray]:
    rng = generator("planet field", name, seed)
    direction = rng.normal(0, EARTH_KM / scale_km, (3, count * WAVES))
    phase = rng.uniform(0, 2 * np.pi, count * WAVES)
    return direction.astype(np.float32), phase.astype(np.float32)
