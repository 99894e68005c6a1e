"""How much land of the six continents there is, and where, by the embedded raster."""

from functools import cache

import numpy as np

from terrasweep.samplers.geography import areas
from terrasweep.samplers.geography.grids import asset


def land_km2(resolution: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the cells that hold land, sorted, and how much each holds; resolutions 0 to 2."""
    arrays = asset("land")
    return arrays[f"cells_{resolution}"], arrays[f"km2_{resolution}"]


@cache
def squares() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the middle, in degrees, and the area of every square of the raster that is land."""
    return areas.squares(asset("continents")["code"])
