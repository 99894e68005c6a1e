"""How likely every sample of a piece of the pool is to be drawn; zero where it may not be.

Whether a sample may be drawn is asked of every row, how likely it is only of the few rows that may
be drawn. Both depend on the sample and on what is known of the whole pool, never on the piece: that
is why distances are summed element by element and not by a matrix product.

Weightings are compared by identity (`eq=False`): a view keeps what it has worked out for one under
the object itself.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Final, Protocol

import numpy as np

from terrasweep.samplers.draw.view import IndexView
from terrasweep.samplers.geography.cells import parents
from terrasweep.samplers.geography.strata import Stratum

BINS_PER_NAT: Final = 100
"""How finely the spectral entropies of the pool are counted."""


class Weighting(Protocol):
    """Anything that gives samples a weight."""

    def support(self, view: IndexView, /) -> np.ndarray:
        """Return for every row whether its weight is above zero."""

    def weights(self, view: IndexView, rows: np.ndarray, /) -> np.ndarray:
        """Return the weights of some rows, at least zero."""

    def upper_bound(self, view: IndexView, /) -> float:
        """Return a weight that no row exceeds."""


class Mask(ABC):
    """A weighting that is one for the samples inside and zero for all others."""

    @abstractmethod
    def inside(self, view: IndexView) -> np.ndarray:
        """Return for every row whether the sample is inside; `support` keeps the answer."""

    def support(self, view: IndexView) -> np.ndarray:
        return view.once(("support", self), lambda: self.inside(view))

    def weights(self, view: IndexView, rows: np.ndarray) -> np.ndarray:
        return np.asarray(self.support(view)[rows], dtype=np.float64)

    def upper_bound(self, _: IndexView) -> float:
        return 1.0


@dataclass(frozen=True, eq=False)
class Everything(Mask):
    """Every sample, each as likely as any other."""

    def inside(self, view: IndexView) -> np.ndarray:
        return np.ones(len(view), dtype=bool)


@dataclass(frozen=True, eq=False)
class InStrata(Mask):
    """Samples whose value of each of several strata is one of those named."""

    values: Mapping[Stratum, frozenset[str]]

    def inside(self, view: IndexView) -> np.ndarray:
        masks = (view.has_value(over, values) for over, values in self.values.items())
        return reduce(np.logical_and, masks)


@dataclass(frozen=True, eq=False)
class ByCell:
    """A weight for every sample of a cell; cells that are not named weigh nothing."""

    resolution: int
    cells: np.ndarray
    """The cells, sorted."""
    cell_weights: np.ndarray
    """Of each cell, above zero."""

    def support(self, view: IndexView) -> np.ndarray:
        starts, weights = self._runs(view)
        return np.repeat(weights > 0, np.diff(np.append(starts, len(view))))

    def weights(self, view: IndexView, rows: np.ndarray) -> np.ndarray:
        starts, weights = self._runs(view)
        return np.asarray(weights[np.searchsorted(starts, rows, side="right") - 1])

    def upper_bound(self, view: IndexView) -> float:
        return float(self._runs(view)[1].max(initial=0.0))

    def _runs(self, view: IndexView) -> tuple[np.ndarray, np.ndarray]:
        """Return where each run of rows in one cell begins, and the weight of that cell."""
        return view.once(("runs", self), lambda: self._find_runs(view))

    def _find_runs(self, view: IndexView) -> tuple[np.ndarray, np.ndarray]:
        # An index is sorted by cell, so there are far fewer runs than rows: one look-up a run.
        starts, fine = _runs_of(view.column("cell"))
        coarse_starts, coarse = _runs_of(parents(fine, resolution=self.resolution))
        place = np.minimum(np.searchsorted(self.cells, coarse), len(self.cells) - 1)
        weights = np.where(self.cells[place] == coarse, self.cell_weights[place], 0.0)
        return starts[coarse_starts], weights


@dataclass(frozen=True, eq=False)
class FarFromCities(Mask):
    """Samples at least so far from the nearest city of a hundred thousand people."""

    km: float

    def inside(self, view: IndexView) -> np.ndarray:
        return np.asarray(view.column("city_km") >= self.km)


@dataclass(frozen=True, eq=False)
class InPolygons(Mask):
    """Samples inside a polygon, or on its edge."""

    wkb: tuple[bytes, ...]

    def inside(self, view: IndexView) -> np.ndarray:
        import geopandas  # local: a scan without polygons need not wait for it

        points = geopandas.points_from_xy(view.column("lon"), view.column("lat"))
        index = geopandas.GeoSeries.from_wkb(list(self.wkb)).sindex
        inside = np.zeros(len(view), dtype=bool)
        inside[np.unique(index.query(points, predicate="intersects")[0])] = True
        return inside


@dataclass(frozen=True, eq=False)
class InBox(Mask):
    """Samples between two parallels and two meridians; where west is the larger, across 180 deg."""

    south: float
    north: float
    west: float
    east: float

    def inside(self, view: IndexView) -> np.ndarray:
        lat, lon = view.column("lat"), view.column("lon")
        after, before = lon >= self.west, lon <= self.east
        between = after & before if self.west < self.east else after | before
        return np.asarray((lat >= self.south) & (lat <= self.north) & between)


@dataclass(frozen=True, eq=False)
class EntropyFrom(Mask):
    """Samples whose spectral entropy lies in a bin or above it; none without an entropy."""

    bin: int

    def inside(self, view: IndexView) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return np.asarray(entropy_bins(view.column("entropy")) >= self.bin)


@dataclass(frozen=True, eq=False)
class EntropyTilt:
    """Samples weighed by exp(entropy / temperature); one without an entropy weighs nothing."""

    temperature: float

    def support(self, view: IndexView) -> np.ndarray:
        return np.asarray(~np.isnan(view.column("entropy")))

    def weights(self, view: IndexView, rows: np.ndarray) -> np.ndarray:
        return np.asarray(np.nan_to_num(self._tilted(view.column("entropy")[rows]), nan=0.0))

    def upper_bound(self, view: IndexView) -> float:
        highest = np.fmax.reduce(view.column("entropy"), initial=-np.inf)
        return float(self._tilted(np.asarray(highest)))

    def _tilted(self, entropy: np.ndarray) -> np.ndarray:
        return np.asarray(np.exp(entropy.astype(np.float64) / self.temperature))


@dataclass(frozen=True, eq=False)
class AllOf:
    """Samples that all of several weightings give a weight; weights multiply."""

    of: tuple[Weighting, ...]

    def support(self, view: IndexView) -> np.ndarray:
        return reduce(np.logical_and, (one.support(view) for one in self.of))

    def weights(self, view: IndexView, rows: np.ndarray) -> np.ndarray:
        return reduce(np.multiply, (one.weights(view, rows) for one in self.of))

    def upper_bound(self, view: IndexView) -> float:
        return math.prod(one.upper_bound(view) for one in self.of)


@dataclass(frozen=True, eq=False)
class AnyOf:
    """Samples that any of several weightings gives a weight; the largest counts."""

    of: tuple[Weighting, ...]

    def support(self, view: IndexView) -> np.ndarray:
        return reduce(np.logical_or, (one.support(view) for one in self.of))

    def weights(self, view: IndexView, rows: np.ndarray) -> np.ndarray:
        return reduce(np.maximum, (one.weights(view, rows) for one in self.of))

    def upper_bound(self, view: IndexView) -> float:
        return max(one.upper_bound(view) for one in self.of)


@dataclass(frozen=True, eq=False)
class Without:
    """Samples of one weighting to which another gives no weight."""

    of: Weighting
    less: Weighting

    def support(self, view: IndexView) -> np.ndarray:
        return np.asarray(self.of.support(view) & ~self.less.support(view))

    def weights(self, view: IndexView, rows: np.ndarray) -> np.ndarray:
        return np.asarray(self.of.weights(view, rows) * ~self.less.support(view)[rows])

    def upper_bound(self, view: IndexView) -> float:
        return self.of.upper_bound(view)


def entropy_bins(entropy: np.ndarray) -> np.ndarray:
    """Return each entropy's bin of the pool's count, as a float: one without stays NaN."""
    return np.asarray(np.floor(entropy.astype(np.float64) * BINS_PER_NAT))


def possible(weighting: Weighting, census: IndexView) -> np.ndarray:
    """Return for every row of a census whether samples that it counts may weigh anything.

    A census knows the strata alone; whatever else a weighting asks for may hold.
    """
    match weighting:
        case InStrata():
            return weighting.support(census)
        case AllOf(of=of):
            return reduce(np.logical_and, (possible(one, census) for one in of))
        case AnyOf(of=of):
            return reduce(np.logical_or, (possible(one, census) for one in of))
        case Without(of=first):
            return possible(first, census)
        case _:
            return np.ones(len(census), dtype=bool)


def _runs_of(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where runs of one value begin, and the value of each."""
    starts = np.flatnonzero(np.append(True, values[1:] != values[:-1])[: len(values)])
    return starts, values[starts]
