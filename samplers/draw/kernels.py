"""A kernel around the nearest of several points, and which places it reaches."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from scipy.spatial import cKDTree

from terrasweep.samplers.draw.view import Frame
from terrasweep.samplers.geography.sphere import EARTH_KM, unit_vectors

REACH: Final = 4.0
"""Beyond so many radii a kernel is zero: 3 in 10,000 of its middle."""
OUTSIDE, INSIDE, CROWDED = -2, -1, np.iinfo(np.int16).max
"""Of a square: all is out of reach, all is within, or its points are too many to be told."""
COARSEST, FINEST = 4.0, 0.25
"""Degrees: the sides of the squares that are asked first, and of those that are left unsure."""
MOST_POINTS: Final = 3
"""How many points an unsure square tells."""
NOWHERE: Final = 9.0
"""Each coordinate of the point that a square tells where it has fewer: a tree counts it last."""
KM_PER_DEGREE: Final = 111.3
"""A little more than there are."""


@dataclass(frozen=True, eq=False)
class Zones:
    """The squares of the Earth, from the south and the west, and what each says of its places."""

    squares: np.ndarray
    """`OUTSIDE`, `INSIDE`, `CROWDED`, or which of the unsure ones it is.

    One more row and column are those of 90 degrees north and 180 degrees east themselves.
    """
    points: np.ndarray
    """For each unsure square, the points that may reach some of it: a column each."""

    def of(self, lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
        """Return what the squares of some places say."""
        row = ((lat + 90) * (1 / FINEST)).astype(np.int32)
        column = ((lon + 180) * (1 / FINEST)).astype(np.int32)
        return np.asarray(self.squares.ravel().take(row * self.squares.shape[1] + column))


@dataclass(frozen=True, eq=False)
class Near:
    """A Gaussian kernel around the nearest of several points."""

    lat: np.ndarray
    lon: np.ndarray
    radius_km: float

    def holds(self, frame: Frame) -> np.ndarray:
        """Say whether a point is within reach: most squares answer for all that lies in them."""
        lat, lon = frame.column("lat"), frame.column("lon")
        zone = self.zones.of(lat, lon)
        held = np.asarray(zone == INSIDE)
        left = np.flatnonzero(zone >= 0)
        crowded = zone[left] == CROWDED
        asked, unsure = left[crowded], left[~crowded]
        held[asked] = np.isfinite(self._apart(lat[asked], lon[asked]))
        held[unsure] = self._reached(lat[unsure], lon[unsure], zone[unsure])
        return held

    def weigh(self, frame: Frame, rows: np.ndarray) -> np.ndarray:
        """Return exp(-(d / radius)^2 / 2) of the distance to the nearest point."""
        apart = self._apart(frame.column("lat")[rows], frame.column("lon")[rows])
        return np.exp(-0.5 * (_km(apart) / self.radius_km) ** 2)  # beyond reach: exp of -inf

    def most(self, _: Frame) -> float:
        """Return one."""
        return 1.0

    @cached_property
    def zones(self) -> Zones:
        """The zones of the points, from coarse squares to fine ones."""
        squares, side = np.zeros((45, 90), dtype=np.int16), COARSEST
        while side > FINEST:
            self._decide(squares, side, most=1)
            squares, side = squares.repeat(2, axis=0).repeat(2, axis=1), side / 2
        points = self._decide(squares, side, most=MOST_POINTS + 1)
        told = points[:, -1] == len(self.lat)  # the last of them is none
        told[np.flatnonzero(told)[CROWDED:]] = False
        number = np.full(len(told), CROWDED, dtype=np.int16)
        number[told] = np.arange(np.count_nonzero(told))
        squares[squares >= 0] = number
        return Zones(np.pad(squares, ((0, 1), (0, 1)), mode="edge"), points[told, :-1].T.copy())

    def _decide(self, squares: np.ndarray, side: float, *, most: int) -> np.ndarray:
        """Say of the squares that are unsure what they are; of those left, which points are near.

        Returns:
            A row for each that is left, the nearest of so many points first.
        """
        row, column = np.nonzero(squares >= 0)
        lat, lon = ((np.arange(n) + 0.5) * side - n * side / 2 for n in squares.shape)
        widest = np.cos(np.deg2rad(np.maximum(np.abs(lat) - side / 2, 0)))
        corner = (side / 2 * KM_PER_DEGREE * np.hypot(1, widest))[row]
        middle = unit_vectors(lat[row], lon[column])
        far = _chord(self._reach_km + corner)
        bound = far.max(initial=0.0)
        apart, points = self._tree.query(
            middle, k=np.arange(most) + 1, distance_upper_bound=bound, workers=-1
        )
        inside, outside = apart[:, 0] < _chord(self._reach_km - corner), apart[:, 0] > far
        squares[row, column] = np.select([inside, outside], [INSIDE, OUTSIDE], 0)
        return np.asarray(points[~(inside | outside)])

    @property
    def _reach_km(self) -> float:
        return REACH * self.radius_km

    @cached_property
    def _tree(self) -> cKDTree:
        return cKDTree(unit_vectors(self.lat, self.lon))

    @cached_property
    def _points(self) -> np.ndarray:
        """The points as columns (x, y, z), and the one that is nowhere."""
        return np.append(unit_vectors(self.lat, self.lon), [[NOWHERE] * 3], axis=0).T.copy()

    def _reached(self, lat: np.ndarray, lon: np.ndarray, square: np.ndarray) -> np.ndarray:
        """Say whether places in unsure squares are reached by a point that their square tells."""
        x, y, z = unit_vectors(lat, lon).T.copy()
        reached, bound = np.zeros(len(lat), dtype=bool), _chord(self._reach_km) ** 2
        for told in self.zones.points:
            px, py, pz = self._points[:, told[square]]
            reached |= (x - px) ** 2 + (y - py) ** 2 + (z - pz) ** 2 <= bound
        return reached

    def _apart(self, lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
        """Return the chord to the nearest point on a sphere of one; infinite beyond reach."""
        bound = _chord(self._reach_km)
        return np.asarray(self._tree.query(unit_vectors(lat, lon), distance_upper_bound=bound)[0])


def _chord(km: float | np.ndarray) -> np.ndarray:
    """Return the straight way between points of a sphere of one that are so far apart on Earth."""
    return np.asarray(2 * np.sin(np.clip(km / (2 * EARTH_KM), -np.pi / 2, np.pi / 2)))


def _km(apart: np.ndarray) -> np.ndarray:
    """Return the way along the sphere; what is infinitely far stays so."""
    arc = 2 * EARTH_KM * np.arcsin(np.minimum(apart / 2, 1.0))
    return np.where(np.isfinite(apart), arc, np.inf)
