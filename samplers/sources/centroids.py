"""Geometries as single places: what a pool of polygons or points says of where a sample lies."""

import numpy as np
import shapely


def middles(shapes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the latitudes and longitudes of centroids; NaN where there is none.

    Geometries are in degrees, longitude first.
    """
    points = shapely.centroid(shapes)
    points = np.where(shapely.is_empty(points), None, points)
    return shapely.get_y(points), shapely.get_x(points)
