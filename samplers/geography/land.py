"""How much land of the six continents there is, and where, by the embedded raster."""

from functools import cache

import numpy as np

from terrasweep.samplers.geography.cells import cells_of
from terrasweep.samplers.geography.grids import Codes, asset
from terrasweep.samplers.geography.sphere import EARTH_KM


def land_km2(resolution: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the cells that hold land, sorted, and how much each holds; resolutions 0 to 2."""
    arrays = asset("land")
    return arrays[f"cells_{resolution}"], arrays[f"km2_{resolution}"]


@cache
def squares() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the middle, in degrees, and the area of every square of the raster that is land."""
    return squares_of(asset("continents")["code"])


def squares_of(code: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the middle, in degrees, and the area of every square of a raster that is land."""
    rows, columns = code.shape
    row, column = np.nonzero(Codes.land(code))
    # A band of the sphere between two latitudes has an area in proportion to the difference of
    # their sines; the squares of a row share it.
    edges = np.sin(np.deg2rad(90.0 - np.arange(rows + 1) * (180.0 / rows)))
    km2 = EARTH_KM**2 * np.deg2rad(360.0 / columns) * (edges[:-1] - edges[1:])
    lat = 90.0 - (row + 0.5) * (180.0 / rows)
    lon = -180.0 + (column + 0.5) * (360.0 / columns)
    return lat, lon, km2[row]


def by_cell(code: np.ndarray, *, resolution: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the cells that hold land, sorted, and how much each holds."""
    lat, lon, km2 = squares_of(code)
    cells, place = np.unique(cells_of(lat, lon, resolution=resolution), return_inverse=True)
    return cells, np.bincount(place, weights=km2)
