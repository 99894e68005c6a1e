"""Area-uniform points on the real land, with or without a choice of continent."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from terrasweep.samplers.geography import continents
from terrasweep.samplers.geography.continents import Russia
from terrasweep.samplers.geography.grids import Codes, asset

STEP = 0.1
FARTHEST = np.nextafter(180.0, 0.0)


@dataclass(frozen=True)
class Land:
    """Raster cells of land, and how much area there is up to and including each."""

    cells: np.ndarray
    area: np.ndarray


def draw(rng: np.random.Generator, count: int, *, land: Land) -> tuple[np.ndarray, np.ndarray]:
    """Return the latitudes and longitudes of points that fall anywhere on the land alike."""
    cell = land.cells[np.searchsorted(land.area, rng.random(count) * land.area[-1], side="right")]
    row, col = np.divmod(cell, round(360 / STEP))
    north = np.sin(np.deg2rad(90 - STEP * row))
    south = np.sin(np.deg2rad(90 - STEP * (row + 1)))
    lat = np.rad2deg(np.arcsin(south + (north - south) * rng.random(count)))
    lon = -180 + STEP * (col + rng.random(count))
    return lat, np.minimum(lon, FARTHEST)


@cache
def earth() -> Land:
    """Return all the land of the six continents."""
    code = asset("continents")["code"]
    return _land(np.flatnonzero(Codes.land(code).ravel()))


@cache
def continent(name: str, *, russia: Russia) -> Land:
    """Return the land of one continent."""
    cells = earth().cells
    lat, lon = _middles(cells)
    number = continents.NAMES.index(name)
    return _land(cells[continents.numbers(lat, lon, russia=russia) == number])


def _land(cells: np.ndarray) -> Land:
    lat, _ = _middles(cells)
    return Land(cells, np.cumsum(np.cos(np.deg2rad(lat))))


def _middles(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    row, col = np.divmod(cells, round(360 / STEP))
    return 90 - STEP * (row + 0.5), -180 + STEP * (col + 0.5)
