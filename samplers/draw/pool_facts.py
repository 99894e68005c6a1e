"""What is known of a pool before it is scanned: the census, its entropies, and a pilot.

The pilot is a part of the index drawn by lot. It tells how much of the pool is likely to be kept
below a threshold, so it makes scans cheap; no draw depends on it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pyarrow as pa

from terrasweep.infra.errors import PoolError
from terrasweep.infra.spec import Json
from terrasweep.samplers.draw import census
from terrasweep.samplers.draw.census import Totals, known
from terrasweep.samplers.draw.view import IndexView
from terrasweep.samplers.draw.weights import BINS_PER_NAT, entropy_bins
from terrasweep.samplers.geography.cells import parents
from terrasweep.samplers.geography.land import land_km2
from terrasweep.samplers.geography.strata import STRATA, UNKNOWN, Stratum, readable

PILOT_SIZE = 65_536
COUNT_RESOLUTION = 2
"""The same whatever the shards are, for a draw must not see them."""


@dataclass(frozen=True, eq=False)
class PoolFacts:
    """One pool."""

    census: pa.Table
    entropies: Mapping[int, int]
    """How many samples have a spectral entropy in each bin of a hundredth of a nat."""
    cell_counts: Mapping[int, int]
    """How many samples on a continent each cell of resolution 2 holds."""
    pilot: pa.Table
    """Rows of the index drawn by lot; all of them where the pool is small."""
    definition: Mapping[str, Json] | None = None
    """How the spectral entropy was measured; nothing where no sample has one."""
    memo: dict[str, object] = field(default_factory=dict)
    """What has been worked out of these facts, by the digest of what it was worked out for."""

    @cached_property
    def totals(self) -> Totals:
        """How many samples each value of each stratum has."""
        return census.totals(self.census)

    @cached_property
    def num_samples(self) -> int:
        """How many samples the pool holds."""
        return int(self.census_view.column("count").sum())

    @cached_property
    def census_view(self) -> IndexView:
        """The census, to look cells up in."""
        return IndexView(self.census)

    @cached_property
    def pilot_view(self) -> IndexView:
        """The pilot, to weigh samples in."""
        return IndexView(self.pilot)

    @property
    def samples_per_pilot_row(self) -> float:
        """How many samples of the pool each row of the pilot stands for."""
        return self.num_samples / max(len(self.pilot_view), 1)

    def values(self, over: Stratum) -> tuple[str, ...]:
        """Return the values of a stratum that samples have.

        Raises:
            PoolError: If the pool knows nothing of the stratum.
        """
        values = tuple(known(self.totals, over))
        if not values:
            has = ", ".join(other for other in sorted(STRATA) if known(self.totals, other))
            raise PoolError(
                f"the {over} of every sample",
                got="a pool that says nothing of it",
                fix=f"it knows {has or 'no stratum at all'}; name one of these, or give a layer",
            )
        return values

    def check(self, over: Stratum, values: tuple[str, ...]) -> None:
        """Refuse values of a stratum that no sample of the pool has.

        Raises:
            PoolError: With the values that samples have.
        """
        present = self.values(over)
        for value in values:
            if value not in present:
                has = ", ".join(readable(over, one) for one in present)
                expected = f"samples whose {over} is {readable(over, value)!r}"
                raise PoolError(expected, got="none in the pool", fix=f"it has {has}")

    def entropy_bin(self, fraction: float) -> tuple[int, float]:
        """Return the bin from which on a fraction of the pool lies, and the fraction that does.

        Raises:
            PoolError: If no sample has a spectral entropy.
        """
        self.check_entropies()
        bins = sorted(self.entropies, reverse=True)
        upto = np.cumsum([self.entropies[one] for one in bins]) / sum(self.entropies.values())
        place = int(np.searchsorted(upto, fraction - 1e-12))
        return bins[place], float(upto[place])

    def check_entropies(self) -> None:
        """Refuse a pool of which no sample has a spectral entropy.

        Raises:
            PoolError: If so.
        """
        if not self.entropies:
            raise PoolError(
                "the spectral entropy of every sample",
                got="none in the pool",
                fix="draw from a pool with pixels, say under `entropy` which range they have if "
                "they are no reflectances, or draw by a rule that needs none",
            )

    def land_per_sample(self, resolution: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the cells with land and samples, sorted, and the km2 for each sample."""
        fine = np.array(sorted(self.cell_counts), dtype=np.uint64)
        numbers = np.array([self.cell_counts[int(cell)] for cell in fine], dtype=np.float64)
        cells, place = np.unique(parents(fine, resolution=resolution), return_inverse=True)
        number = np.bincount(place, weights=numbers, minlength=len(cells))
        with_land, km2 = land_km2(resolution)
        both, ours, theirs = np.intersect1d(cells, with_land, return_indices=True)
        if not len(both):
            raise PoolError("samples on land", got="none", fix="draw by another rule")
        return both, km2[theirs] / number[ours]


def entropy_counts(entropy: np.ndarray) -> dict[int, int]:
    """Return how many entropies lie in each bin; those that are none are not counted."""
    bins = entropy_bins(entropy)
    values, counts = np.unique(bins[np.isfinite(bins)].astype(np.int64), return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def cell_counts(rows: pa.Table) -> dict[int, int]:
    """Return how many rows on a continent lie in each cell of a fixed resolution."""
    on_land = IndexView(rows).numbered("continent", {UNKNOWN["continent"]: 0}) < 0
    cells = parents(np.asarray(rows.column("cell"))[on_land], resolution=COUNT_RESOLUTION)
    values, counts = np.unique(cells, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def bounds_of(one: int) -> str:
    """Return a bin's lower edge as people read it."""
    return f"{one / BINS_PER_NAT:.2f} nats"
