"""A Gaussian kernel around the nearest of several points, and a grid of what it reaches.

Whether a place is within reach is asked of every row of the pool, so most of the Earth is decided
beforehand: a square of a quarter of a degree is wholly within reach, wholly out of reach, or left
open with the few points that decide it.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from scipy.spatial import cKDTree

from terrasweep.samplers.draw.view import IndexView
from terrasweep.samplers.geography.sphere import EARTH_KM, unit_vectors

REACH: Final = 4.0
"""Beyond so many radii a kernel is zero: 3 in 10,000 of its middle."""
OUTSIDE, INSIDE, CROWDED = -2, -1, np.iinfo(np.int16).max
"""Of a square: all is out of reach, all is within, or too many points decide it to list them."""
COARSEST, FINEST = 4.0, 0.25
"""Degrees: the sides of the squares that are decided first and last."""
MAX_POINTS: Final = 3
"""How many points an open square lists."""
NOWHERE: Final = 9.0
"""Each coordinate of the point that fills the list of a square with fewer: out of every reach."""
KM_PER_DEGREE: Final = 111.3
"""A little more than there are."""


@dataclass(frozen=True, eq=False)
class ReachGrid:
    """The squares of the Earth, from the south and the west, and what each says of its places."""

    squares: np.ndarray
    """`OUTSIDE`, `INSIDE`, `CROWDED`, or the number of an open square, from 0 on.

    One more row and column are those of 90 degrees north and 180 degrees east themselves.
    """
    points: np.ndarray
    """For each open square, the points that may reach some of it: a column each."""

    def at(self, lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
        """Return what the squares of some places say."""
        row = ((lat + 90) * (1 / FINEST)).astype(np.int32)
        column = ((lon + 180) * (1 / FINEST)).astype(np.int32)
        return np.asarray(self.squares.ravel().take(row * self.squares.shape[1] + column))


@dataclass(frozen=True, eq=False)
class GaussianKernel:
    """A Gaussian kernel around the nearest of several points."""

    lat: np.ndarray
    lon: np.ndarray
    radius_km: float

    def support(self, view: IndexView) -> np.ndarray:
        lat, lon = view.column("lat"), view.column("lon")
        square = self.grid.at(lat, lon)
        held = np.asarray(square == INSIDE)
        undecided = np.flatnonzero(square >= 0)
        is_crowded = square[undecided] == CROWDED
        crowded, open_ = undecided[is_crowded], undecided[~is_crowded]
        held[crowded] = np.isfinite(self._chords(lat[crowded], lon[crowded]))
        held[open_] = self._reached(lat[open_], lon[open_], square[open_])
        return held

    def weights(self, view: IndexView, rows: np.ndarray) -> np.ndarray:
        """Return exp(-(d / radius)^2 / 2) of the distance to the nearest point."""
        chords = self._chords(view.column("lat")[rows], view.column("lon")[rows])
        return np.exp(-0.5 * (_arc_km(chords) / self.radius_km) ** 2)  # beyond reach: exp of -inf

    def upper_bound(self, _: IndexView) -> float:
        return 1.0

    @cached_property
    def grid(self) -> ReachGrid:
        """What the squares of the Earth say, worked out from coarse squares to fine ones."""
        # Most of the Earth is decided by a few coarse squares; only open ones are split in four.
        squares, side = np.zeros((45, 90), dtype=np.int16), COARSEST
        while side > FINEST:
            self._decide(squares, side, num_nearest=1)
            squares, side = squares.repeat(2, axis=0).repeat(2, axis=1), side / 2
        points = self._decide(squares, side, num_nearest=MAX_POINTS + 1)
        # The tree fills a row with the number of points where no more lie within its bound: if
        # the last column is filled, the columns before it hold all the points that matter.
        is_listed = points[:, -1] == len(self.lat)
        is_listed[np.flatnonzero(is_listed)[CROWDED:]] = False  # more than an int16 can number
        numbers = np.full(len(is_listed), CROWDED, dtype=np.int16)
        numbers[is_listed] = np.arange(np.count_nonzero(is_listed))
        squares[squares >= 0] = numbers
        edges = np.pad(squares, ((0, 1), (0, 1)), mode="edge")
        return ReachGrid(edges, points[is_listed, :-1].T.copy())

    def _decide(self, squares: np.ndarray, side: float, *, num_nearest: int) -> np.ndarray:
        """Mark the open squares that lie wholly inside or outside, in place.

        Returns:
            For each square that stays open, so many points, the nearest first.
        """
        row, column = np.nonzero(squares >= 0)
        lat, lon = ((np.arange(n) + 0.5) * side - n * side / 2 for n in squares.shape)
        # No place of a square is farther from its middle than a corner. Widths shrink with the
        # cosine of the latitude, and the side towards the equator is the widest.
        widest = np.cos(np.deg2rad(np.maximum(np.abs(lat) - side / 2, 0)))
        corner_km = (side / 2 * KM_PER_DEGREE * np.hypot(1, widest))[row]
        middle = unit_vectors(lat[row], lon[column])
        far = _chord(self._reach_km + corner_km)
        chords, points = self._tree.query(
            middle,
            k=np.arange(num_nearest) + 1,
            distance_upper_bound=far.max(initial=0.0),
            workers=-1,
        )
        inside = chords[:, 0] < _chord(self._reach_km - corner_km)
        outside = chords[:, 0] > far
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
        """Return for places in open squares whether a point that their square lists reaches them.

        A few subtractions for each place take a fraction of the time of a search in the tree.
        """
        x, y, z = unit_vectors(lat, lon).T.copy()
        reached, bound = np.zeros(len(lat), dtype=bool), _chord(self._reach_km) ** 2
        for point_of_square in self.grid.points:
            px, py, pz = self._points[:, point_of_square[square]]
            reached |= (x - px) ** 2 + (y - py) ** 2 + (z - pz) ** 2 <= bound
        return reached

    def _chords(self, lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
        """Return the chord to the nearest point on a sphere of one; infinite beyond reach."""
        bound = _chord(self._reach_km)
        return np.asarray(self._tree.query(unit_vectors(lat, lon), distance_upper_bound=bound)[0])


def _chord(km: float | np.ndarray) -> np.ndarray:
    """Return the chord between points of a sphere of one that are so many km apart on Earth.

    Distances that are negative stay so, and nothing is farther than the other side of the Earth.
    """
    return np.asarray(2 * np.sin(np.clip(km / (2 * EARTH_KM), -np.pi / 2, np.pi / 2)))


def _arc_km(chords: np.ndarray) -> np.ndarray:
    """Return the way along the Earth for each chord; what is infinitely far stays so."""
    arc = 2 * EARTH_KM * np.arcsin(np.minimum(chords / 2, 1.0))
    return np.where(np.isfinite(chords), arc, np.inf)
