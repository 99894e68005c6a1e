"""How likely every sample of a piece of the pool is to be drawn; zero where it may not be.

A weight depends on the sample and on what is known of the whole pool, never on the piece: that is
why distances are summed element by element and not by a matrix product.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Final, Protocol

import numpy as np
from scipy.spatial import cKDTree

from samplers.cells import parents
from samplers.frame import Frame
from samplers.geography.sphere import EARTH_KM, unit_vectors
from samplers.names import Stratum

REACH: Final = 4.0
"""Beyond so many radii a kernel is zero: 3 in 10,000 of its middle."""
BINS_PER_NAT: Final = 100
"""How finely the spectral entropies of the pool are counted."""


class Weigher(Protocol):
    """Anything that gives samples a weight."""

    def weigh(self, frame: Frame, /) -> np.ndarray:
        """Return one weight per row, at least zero: float64, or bool where it is one or nothing."""


@dataclass(frozen=True)
class Everything:
    """Every sample, each as likely as any other."""

    def weigh(self, frame: Frame) -> np.ndarray:
        """Return ones."""
        return np.ones(len(frame), dtype=bool)


@dataclass(frozen=True)
class Among:
    """Samples whose word of each of several strata is one of those named."""

    words: Mapping[Stratum, frozenset[str]]

    def weigh(self, frame: Frame) -> np.ndarray:
        """Return one where all words are among those named."""
        masks = (
            frame.placed(over, dict.fromkeys(values, 0)) == 0 for over, values in self.words.items()
        )
        return reduce(np.logical_and, masks)


@dataclass(frozen=True, eq=False)
class ByCell:
    """A weight for every sample of a cell; cells that are not named weigh nothing."""

    resolution: int
    cells: np.ndarray
    """The cells, sorted."""
    weights: np.ndarray

    def weigh(self, frame: Frame) -> np.ndarray:
        """Return the weight of the cell that each row lies in."""
        own = frame.once(
            ("parents", self.resolution),
            lambda: parents(frame.column("cell"), resolution=self.resolution),
        )
        place = np.minimum(np.searchsorted(self.cells, own), len(self.cells) - 1)
        return np.where(self.cells[place] == own, self.weights[place], 0.0)


@dataclass(frozen=True, eq=False)
class Near:
    """A Gaussian kernel around the nearest of several points."""

    lat: np.ndarray
    lon: np.ndarray
    radius_km: float
    are_cities: bool = False
    """Whether they are among the cities that the index has the distance to."""

    def weigh(self, frame: Frame) -> np.ndarray:
        """Return exp(-(d / radius)^2 / 2) of the distance to the nearest point."""
        reach, weights = REACH * self.radius_km, np.zeros(len(frame))
        rows = np.arange(len(frame))
        if self.are_cities:
            rows = np.flatnonzero(frame.column("city_km") <= reach + 1)  # it is rounded there
        places = unit_vectors(frame.column("lat")[rows], frame.column("lon")[rows])
        chord = 2 * np.sin(min(reach / (2 * EARTH_KM), np.pi / 2))
        tree = cKDTree(unit_vectors(self.lat, self.lon))
        apart, _ = tree.query(places, distance_upper_bound=chord)
        near = np.isfinite(apart)
        arc = 2 * EARTH_KM * np.arcsin(np.minimum(apart[near] / 2, 1.0))
        weights[rows[near]] = np.exp(-0.5 * (arc / self.radius_km) ** 2)
        return weights


@dataclass(frozen=True)
class FarFromCities:
    """Samples at least so far from the nearest city of a hundred thousand people."""

    km: float

    def weigh(self, frame: Frame) -> np.ndarray:
        """Return one where it is that far."""
        return np.asarray(frame.column("city_km") >= self.km)


@dataclass(frozen=True)
class InPolygons:
    """Samples inside polygons."""

    wkb: tuple[bytes, ...]

    def weigh(self, frame: Frame) -> np.ndarray:
        """Return one where a polygon holds the sample or has it on its edge."""
        import geopandas  # local: a scan without polygons need not wait for it

        points = geopandas.points_from_xy(frame.column("lon"), frame.column("lat"))
        index = geopandas.GeoSeries.from_wkb(list(self.wkb)).sindex
        inside = np.zeros(len(frame), dtype=bool)
        inside[np.unique(index.query(points, predicate="intersects")[0])] = True
        return inside


@dataclass(frozen=True)
class InBox:
    """Samples between two parallels and two meridians."""

    south: float
    north: float
    west: float
    east: float

    def weigh(self, frame: Frame) -> np.ndarray:
        """Return one inside; a box whose west is the larger crosses 180 degrees."""
        lat, lon = frame.column("lat"), frame.column("lon")
        after, before = lon >= self.west, lon <= self.east
        between = after & before if self.west < self.east else after | before
        return np.asarray((lat >= self.south) & (lat <= self.north) & between)


@dataclass(frozen=True)
class EntropyFrom:
    """Samples whose spectral entropy lies in a bin or above it."""

    bin: int

    def weigh(self, frame: Frame) -> np.ndarray:
        """Return one where it does; a sample without an entropy weighs nothing."""
        with np.errstate(invalid="ignore"):
            return np.asarray(entropy_bins(frame.column("entropy")) >= self.bin)


@dataclass(frozen=True)
class EntropyTilt:
    """Samples weighed by exp(entropy / temperature)."""

    temperature: float

    def weigh(self, frame: Frame) -> np.ndarray:
        """Return the weights; a sample without an entropy weighs nothing."""
        tilted = np.exp(frame.column("entropy").astype(np.float64) / self.temperature)
        return np.nan_to_num(tilted, nan=0.0)


@dataclass(frozen=True)
class Both:
    """Samples that all of several weighers give a weight; weights multiply."""

    of: tuple[Weigher, ...]

    def weigh(self, frame: Frame) -> np.ndarray:
        """Return the product."""
        return reduce(np.multiply, (one.weigh(frame) for one in self.of))


@dataclass(frozen=True)
class Any:
    """Samples that any of several weighers gives a weight; the largest counts."""

    of: tuple[Weigher, ...]

    def weigh(self, frame: Frame) -> np.ndarray:
        """Return the maximum."""
        return reduce(np.maximum, (one.weigh(frame) for one in self.of))


@dataclass(frozen=True)
class Without:
    """Samples of one weigher to which another gives no weight."""

    of: Weigher
    less: Weigher

    def weigh(self, frame: Frame) -> np.ndarray:
        """Return the first weight where the second is zero."""
        return np.asarray(self.of.weigh(frame) * (self.less.weigh(frame) == 0))


def entropy_bins(entropy: np.ndarray) -> np.ndarray:
    """Return each entropy's bin of the pool's count, as a float: one without stays NaN."""
    return np.asarray(np.floor(entropy.astype(np.float64) * BINS_PER_NAT))


def possible(weigher: Weigher, census: Frame) -> np.ndarray:
    """Say of each row of a census whether samples that it counts may weigh anything."""
    match weigher:
        case Among():
            return weigher.weigh(census) > 0
        case Both(of=of):
            return reduce(np.logical_and, (possible(one, census) for one in of))
        case Any(of=of):
            return reduce(np.logical_or, (possible(one, census) for one in of))
        case Without(of=first):
            return possible(first, census)
        case _:
            return np.ones(len(census), dtype=bool)
