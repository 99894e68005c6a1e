"""H3 cells as polygons that a map or a GIS can draw: cut at 180 degrees, closed around the poles.

Rows of a ring are (longitude, latitude), within 180 degrees to either side. A cell that crosses the
180th meridian becomes two polygons; one that holds a pole reaches up to it along the map's edge.
"""

from functools import partial
from typing import Final

import numpy as np
import shapely

from terrasweep.samplers.geography.cells import boundaries

HALF: Final = 180.0
WORLD: Final = shapely.box(-HALF, -90.0, HALF, 90.0)


def polygons(cells: np.ndarray) -> np.ndarray:
    """Return one geometry for each cell: a polygon, or several where it had to be cut."""
    shapes = [_polygon(corners[:, ::-1]) for corners in boundaries(cells)]
    return np.array(shapes, dtype=object)


def rings(cell: shapely.Geometry) -> list[np.ndarray]:
    """Return the outer rings of a geometry, each closed."""
    return [np.asarray(part.exterior.coords) for part in shapely.get_parts(cell)]


def _polygon(ring: np.ndarray) -> shapely.Geometry:
    """Return a ring of corners as a polygon of the map."""
    # A step of more than half a turn is the same step the other way, across the 180th meridian. So
    # each step is taken the short way, and longitudes are added up from the first corner: the ring
    # is unrolled and may run past 180 degrees.
    turns = np.diff(ring[:, 0], append=ring[0, 0])
    if np.abs(turns).max() <= HALF:
        return shapely.Polygon(ring)
    turns = (turns + HALF) % (2 * HALF) - HALF
    lon = ring[0, 0] + np.concatenate([[0.0], np.cumsum(turns)])
    unrolled = np.column_stack([lon[:-1], ring[:, 1]])
    # A ring around a pole does not come back to its first longitude but ends a whole turn away. It
    # is closed along the edge of the map: up to the pole, along it, and down again.
    if abs(lon[-1] - lon[0]) > HALF:
        pole = np.copysign(90.0, ring[:, 1].mean())
        last = [lon[-1], ring[0, 1]]
        unrolled = np.vstack([unrolled, last, [lon[-1], pole], [lon[0], pole]])
    return _folded(shapely.Polygon(unrolled))


def _folded(unrolled: shapely.Geometry) -> shapely.Geometry:
    """Return a geometry that runs past 180 degrees with every part brought back onto the map."""
    parts = []
    for turn in (-1, 0, 1):
        moved = shapely.transform(unrolled, partial(_turned, by=turn))
        parts += list(shapely.get_parts(shapely.intersection(moved, WORLD)))
    return shapely.union_all([part for part in parts if part.area > 0])


def _turned(corners: np.ndarray, *, by: int) -> np.ndarray:
    return np.asarray(corners + np.array([2 * HALF * by, 0.0]))
