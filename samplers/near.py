"""A kernel around the nearest of several points, and which places it reaches."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from scipy.spatial import cKDTree

from samplers.frame import Frame
from samplers.geography.sphere import EARTH_KM, unit_vectors

REACH: Final = 4.0
"""Beyond so many radii a kernel is zero: 3 in 10,000 of its middle."""
OUTSIDE, INSIDE, UNSURE = range(3)
COARSEST, FINEST = 4.0, 0.25
"""Degrees: the sides of the squares that are asked first, and of those that are left unsure."""
KM_PER_DEGREE: Final = 111.3
"""A little more than there are."""


@dataclass(frozen=True, eq=False)
class Near:
    """A Gaussian kernel around the nearest of several points."""

    lat: np.ndarray
    lon: np.ndarray
    radius_km: float

    def holds(self, frame: Frame) -> np.ndarray:
        """Say whether a point is within reach: most squares answer for all that lies in them."""
        lat, lon = frame.column("lat"), frame.column("lon")
        row = ((lat + 90) * (1 / FINEST)).astype(np.int32)
        column = ((lon + 180) * (1 / FINEST)).astype(np.int32)
        zone = self.zones.ravel().take(row * self.zones.shape[1] + column)
        held = np.asarray(zone == INSIDE)
        unsure = np.flatnonzero(zone == UNSURE)
        held[unsure] = np.isfinite(self._apart(lat[unsure], lon[unsure]))
        return held

    def weigh(self, frame: Frame, rows: np.ndarray) -> np.ndarray:
        """Return exp(-(d / radius)^2 / 2) of the distance to the nearest point."""
        apart = self._apart(frame.column("lat")[rows], frame.column("lon")[rows])
        return np.exp(-0.5 * (_km(apart) / self.radius_km) ** 2)  # beyond reach: exp of -inf

    def most(self, _: Frame) -> float:
        """Return one."""
        return 1.0

    @cached_property
    def zones(self) -> np.ndarray:
        """For every square of the Earth, from the south and the west, whether it is in reach.

        One more row and column are those of 90 degrees north and 180 degrees east themselves.
        """
        zones, side = np.full((45, 90), UNSURE, dtype=np.int8), COARSEST
        while True:
            row, column = np.nonzero(zones == UNSURE)
            middle = unit_vectors((row + 0.5) * side - 90, (column + 0.5) * side - 180)
            km, corner = _km(self._tree.query(middle)[0]), side * KM_PER_DEGREE / np.sqrt(2)
            inside, outside = km + corner < self._reach_km, km - corner > self._reach_km
            zones[row, column] = np.select([inside, outside], [INSIDE, OUTSIDE], UNSURE)
            if side <= FINEST:
                return np.pad(zones, ((0, 1), (0, 1)), mode="edge")
            zones, side = zones.repeat(2, axis=0).repeat(2, axis=1), side / 2

    @property
    def _reach_km(self) -> float:
        return REACH * self.radius_km

    @cached_property
    def _tree(self) -> cKDTree:
        return cKDTree(unit_vectors(self.lat, self.lon))

    def _apart(self, lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
        """Return the chord to the nearest point on a sphere of one; infinite beyond reach."""
        chord = 2 * np.sin(min(self._reach_km / (2 * EARTH_KM), np.pi / 2))
        return np.asarray(self._tree.query(unit_vectors(lat, lon), distance_upper_bound=chord)[0])


def _km(apart: np.ndarray) -> np.ndarray:
    """Return the way along the sphere; what is infinitely far stays so."""
    arc = 2 * EARTH_KM * np.arcsin(np.minimum(apart / 2, 1.0))
    return np.where(np.isfinite(apart), arc, np.inf)
