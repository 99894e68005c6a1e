"""How much land of the six continents lies in every coarse cell, by the embedded raster."""

from functools import cache

import numpy as np

from samplers.cells import cells_of
from samplers.geography.grids import Codes, asset
from samplers.geography.sphere import EARTH_KM


@cache
def land_km2(resolution: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the cells that hold land, sorted, and how much each holds."""
    code = asset("continents")["code"]
    rows, columns = code.shape
    row, column = np.nonzero(Codes.land(code))
    lat = 90.0 - (row + 0.5) * (180.0 / rows)
    lon = -180.0 + (column + 0.5) * (360.0 / columns)
    edges = np.sin(np.deg2rad(90.0 - np.arange(rows + 1) * (180.0 / rows)))
    km2 = EARTH_KM**2 * np.deg2rad(360.0 / columns) * (edges[:-1] - edges[1:])
    cells, place = np.unique(cells_of(lat, lon, resolution=resolution), return_inverse=True)
    return cells, np.bincount(place, weights=km2[row])
