"""The embedded rasters: how they are read, and what their codes mean.

Every raster starts at 90 N 180 W and runs east, then south. It is read once and looked up by
whole arrays.
"""

from functools import cache
from pathlib import Path

import numpy as np

ASSETS = Path(__file__).parent / "assets"


class Codes:
    """What the cells of the continent raster say.

    The low four bits name the continent of the nearest polygon within half a degree; Russia has
    its own code because where it counts is a setting. One more bit says that the cell's middle is
    land and not merely near it.
    """

    NONE, AFRICA, ASIA, EUROPE, NORTH_AMERICA, OCEANIA, SOUTH_AMERICA = range(7)
    ANTARCTICA, RUSSIA = 7, 8
    LAND = 16

    @staticmethod
    def land(code: np.ndarray) -> np.ndarray:
        """Say of each code whether it is land of the six continents."""
        studied = (code & 15 != Codes.NONE) & (code & 15 != Codes.ANTARCTICA)
        return np.asarray((code & Codes.LAND != 0) & studied)


@cache
def asset(name: str) -> dict[str, np.ndarray]:
    """Return the arrays of one embedded file; nobody may write into them."""
    with np.load(ASSETS / f"{name}.npz", allow_pickle=False) as opened:
        arrays = {key: opened[key] for key in opened.files}
    for array in arrays.values():
        array.setflags(write=False)
    return arrays


def look_up(raster: np.ndarray, *, lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Return the raster's value at each point."""
    rows, cols = raster.shape
    row = np.clip(((90.0 - np.asarray(lat)) * (rows / 180.0)).astype(np.int64), 0, rows - 1)
    col = ((np.asarray(lon) + 180.0) * (cols / 360.0)).astype(np.int64) % cols
    return np.asarray(raster[row, col])
