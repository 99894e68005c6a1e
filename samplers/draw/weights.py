"""How likely every sample of a piece of the pool is to be drawn; zero where it may not be.

Whether a sample may be drawn is asked of every row, how likely it is of the few that may be drawn
soon. Both depend on the sample and on what is known of the whole pool, never on the piece: that is
why distances are summed element by element and not by a matrix product.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Final, Protocol

import numpy as np

from terrasweep.samplers.draw.view import Frame
from terrasweep.samplers.geography.cells import parents
from terrasweep.samplers.geography.strata import Stratum

BINS_PER_NAT: Final = 100
"""How finely the spectral entropies of the pool are counted."""


class Weigher(Protocol):
    """Anything that gives samples a weight."""

    def holds(self, frame: Frame, /) -> np.ndarray:
        """Say of every row whether its weight is above zero."""

    def weigh(self, frame: Frame, rows: np.ndarray, /) -> np.ndarray:
        """Return the weights of some rows, at least zero."""

    def most(self, frame: Frame, /) -> float:
        """Return a weight that no row exceeds."""


class Mask(ABC):
    """Weighs all that it holds alike."""

    @abstractmethod
    def inside(self, frame: Frame) -> np.ndarray:
        """Say of every row whether it is held."""

    def holds(self, frame: Frame) -> np.ndarray:
        """Say of every row whether it is held; worked out once."""
        return frame.once(("holds", id(self)), lambda: self.inside(frame))

    def weigh(self, frame: Frame, rows: np.ndarray) -> np.ndarray:
        """Return one for each row that is held."""
        return np.asarray(self.holds(frame)[rows], dtype=np.float64)

    def most(self, _: Frame) -> float:
        """Return one."""
        return 1.0


@dataclass(frozen=True)
class Everything(Mask):
    """Every sample, each as likely as any other."""

    def inside(self, frame: Frame) -> np.ndarray:
        """Say yes."""
        return np.ones(len(frame), dtype=bool)


@dataclass(frozen=True)
class Among(Mask):
    """Samples whose word of each of several strata is one of those named."""

    words: Mapping[Stratum, frozenset[str]]

    def inside(self, frame: Frame) -> np.ndarray:
        """Say whether all words are among those named."""
        masks = (frame.among(over, values) for over, values in self.words.items())
        return reduce(np.logical_and, masks)


@dataclass(frozen=True, eq=False)
class ByCell:
    """A weight for every sample of a cell; cells that are not named weigh nothing."""

    resolution: int
    cells: np.ndarray
    """The cells, sorted."""
    weights: np.ndarray
    """Of each cell, above zero."""

    def holds(self, frame: Frame) -> np.ndarray:
        """Say whether the cell that each row lies in is named."""
        starts, found = self._found(frame)
        return np.repeat(found > 0, np.diff(np.append(starts, len(frame))))

    def weigh(self, frame: Frame, rows: np.ndarray) -> np.ndarray:
        """Return the weight of the cell that each row lies in."""
        starts, found = self._found(frame)
        return np.asarray(found[np.searchsorted(starts, rows, side="right") - 1])

    def most(self, frame: Frame) -> float:
        """Return the largest weight that there is."""
        return float(self._found(frame)[1].max(initial=0.0))

    def _found(self, frame: Frame) -> tuple[np.ndarray, np.ndarray]:
        """Return where rows of one cell that stand in a row begin, and what each of them weighs."""
        return frame.once(("runs", id(self)), lambda: self._find(frame))

    def _find(self, frame: Frame) -> tuple[np.ndarray, np.ndarray]:
        """Look each run up once: an index is sorted by cell, so there are far fewer than rows."""
        starts, fine = _runs(frame.column("cell"))
        among, own = _runs(parents(fine, resolution=self.resolution))
        place = np.minimum(np.searchsorted(self.cells, own), len(self.cells) - 1)
        return starts[among], np.where(self.cells[place] == own, self.weights[place], 0.0)


@dataclass(frozen=True)
class FarFromCities(Mask):
    """Samples at least so far from the nearest city of a hundred thousand people."""

    km: float

    def inside(self, frame: Frame) -> np.ndarray:
        """Say whether it is that far."""
        return np.asarray(frame.column("city_km") >= self.km)


@dataclass(frozen=True)
class InPolygons(Mask):
    """Samples inside polygons."""

    wkb: tuple[bytes, ...]

    def inside(self, frame: Frame) -> np.ndarray:
        """Say whether a polygon holds the sample or has it on its edge."""
        import geopandas  # local: a scan without polygons need not wait for it

        points = geopandas.points_from_xy(frame.column("lon"), frame.column("lat"))
        index = geopandas.GeoSeries.from_wkb(list(self.wkb)).sindex
        inside = np.zeros(len(frame), dtype=bool)
        inside[np.unique(index.query(points, predicate="intersects")[0])] = True
        return inside


@dataclass(frozen=True)
class InBox(Mask):
    """Samples between two parallels and two meridians."""

    south: float
    north: float
    west: float
    east: float

    def inside(self, frame: Frame) -> np.ndarray:
        """Say whether it lies between them; a box whose west is the larger crosses 180 degrees."""
        lat, lon = frame.column("lat"), frame.column("lon")
        after, before = lon >= self.west, lon <= self.east
        between = after & before if self.west < self.east else after | before
        return np.asarray((lat >= self.south) & (lat <= self.north) & between)


@dataclass(frozen=True)
class EntropyFrom(Mask):
    """Samples whose spectral entropy lies in a bin or above it."""

    bin: int

    def inside(self, frame: Frame) -> np.ndarray:
        """Say whether it does; a sample without an entropy is not held."""
        with np.errstate(invalid="ignore"):
            return np.asarray(entropy_bins(frame.column("entropy")) >= self.bin)


@dataclass(frozen=True)
class EntropyTilt:
    """Samples weighed by exp(entropy / temperature)."""

    temperature: float

    def holds(self, frame: Frame) -> np.ndarray:
        """Say whether a sample has an entropy."""
        return np.asarray(~np.isnan(frame.column("entropy")))

    def weigh(self, frame: Frame, rows: np.ndarray) -> np.ndarray:
        """Return the weights; a sample without an entropy weighs nothing."""
        return np.asarray(np.nan_to_num(self._tilted(frame.column("entropy")[rows]), nan=0.0))

    def most(self, frame: Frame) -> float:
        """Return the weight of the highest entropy."""
        highest = np.fmax.reduce(frame.column("entropy"), initial=-np.inf)
        return float(self._tilted(np.asarray(highest)))

    def _tilted(self, entropy: np.ndarray) -> np.ndarray:
        return np.asarray(np.exp(entropy.astype(np.float64) / self.temperature))


@dataclass(frozen=True)
class Both:
    """Samples that all of several weighers give a weight; weights multiply."""

    of: tuple[Weigher, ...]

    def holds(self, frame: Frame) -> np.ndarray:
        """Say whether all do."""
        return reduce(np.logical_and, (one.holds(frame) for one in self.of))

    def weigh(self, frame: Frame, rows: np.ndarray) -> np.ndarray:
        """Return the product."""
        return reduce(np.multiply, (one.weigh(frame, rows) for one in self.of))

    def most(self, frame: Frame) -> float:
        """Return the product of the largest."""
        return math.prod(one.most(frame) for one in self.of)


@dataclass(frozen=True)
class Any:
    """Samples that any of several weighers gives a weight; the largest counts."""

    of: tuple[Weigher, ...]

    def holds(self, frame: Frame) -> np.ndarray:
        """Say whether one does."""
        return reduce(np.logical_or, (one.holds(frame) for one in self.of))

    def weigh(self, frame: Frame, rows: np.ndarray) -> np.ndarray:
        """Return the maximum."""
        return reduce(np.maximum, (one.weigh(frame, rows) for one in self.of))

    def most(self, frame: Frame) -> float:
        """Return the largest of all."""
        return max(one.most(frame) for one in self.of)


@dataclass(frozen=True)
class Without:
    """Samples of one weigher to which another gives no weight."""

    of: Weigher
    less: Weigher

    def holds(self, frame: Frame) -> np.ndarray:
        """Say whether the first does and the second does not."""
        return np.asarray(self.of.holds(frame) & ~self.less.holds(frame))

    def weigh(self, frame: Frame, rows: np.ndarray) -> np.ndarray:
        """Return the first weight where the second is zero."""
        return np.asarray(self.of.weigh(frame, rows) * ~self.less.holds(frame)[rows])

    def most(self, frame: Frame) -> float:
        """Return the largest of the first."""
        return self.of.most(frame)


def _runs(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where runs of one value begin, and the value of each."""
    starts = np.flatnonzero(np.append(True, values[1:] != values[:-1])[: len(values)])
    return starts, values[starts]


def entropy_bins(entropy: np.ndarray) -> np.ndarray:
    """Return each entropy's bin of the pool's count, as a float: one without stays NaN."""
    return np.asarray(np.floor(entropy.astype(np.float64) * BINS_PER_NAT))


def possible(weigher: Weigher, census: Frame) -> np.ndarray:
    """Say of each row of a census whether samples that it counts may weigh anything."""
    match weigher:
        case Among():
            return weigher.holds(census)
        case Both(of=of):
            return reduce(np.logical_and, (possible(one, census) for one in of))
        case Any(of=of):
            return reduce(np.logical_or, (possible(one, census) for one in of))
        case Without(of=first):
            return possible(first, census)
        case _:
            return np.ones(len(census), dtype=bool)
