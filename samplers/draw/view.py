"""A piece of the pool's index as rules look at it: each column decoded once, whoever asks."""

from collections.abc import Callable, Collection, Hashable, Mapping
from typing import NamedTuple, TypeVar, cast

import numpy as np
import pyarrow as pa

from terrasweep.samplers.draw import census
from terrasweep.samplers.draw.ranks import ranks
from terrasweep.samplers.geography.strata import Stratum

T = TypeVar("T")


class RankSeed(NamedTuple):
    """What ranks follow from beside the ids of the samples."""

    replicate: int
    component: str = ""
    """The component of a mixture; empty for a rule that is none."""


class IndexView:
    """Rows of the index, or of the census, with what has been worked out of them so far.

    Several threads may use one view: what two of them work out at the same time is equal.
    """

    def __init__(self, table: pa.Table) -> None:
        self.table = table
        self._memo: dict[Hashable, object] = {}
        self._low: dict[RankSeed, tuple[np.uint64, np.ndarray]] = {}

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what was made under a key, or make it.

        The view keeps the key, so an object in it lives as long as the view does.
        """
        if key not in self._memo:
            self._memo[key] = make()
        return cast("T", self._memo[key])

    def column(self, name: str) -> np.ndarray:
        """Return a column of numbers, without a copy where it lies in one piece."""
        return self.once(("column", name), lambda: _numbers(self.table.column(name)))

    def numbered(self, over: Stratum, numbers: Mapping[str, int]) -> np.ndarray:
        """Return the number that each row's value of a stratum has, or -1 where it has none."""
        codes, values = self._coded(over)
        of_code = np.array([numbers.get(value, -1) for value in values], dtype=np.int16)
        return np.asarray(of_code.take(codes))

    def has_value(self, over: Stratum, values: Collection[str]) -> np.ndarray:
        """Return for every row whether its value of a stratum is one of these."""
        codes, words = self._coded(over)
        return np.asarray(np.array([word in values for word in words], dtype=bool).take(codes))

    def ranks(self, seed: RankSeed) -> np.ndarray:
        """Return the rank of every row."""
        return self.once(("ranks", seed), lambda: ranks(self.column("rank_hash"), **seed._asdict()))

    def low_rows(self, seed: RankSeed, bound: np.uint64) -> np.ndarray:
        """Return the rows up to a rank."""
        # The widest search so far serves all narrower ones: they look at few rows.
        ranked, widest = self.ranks(seed), self._low.get(seed)
        if widest is None or widest[0] < bound:
            widest = self._low[seed] = bound, np.flatnonzero(ranked <= bound)
        widest_bound, rows = widest
        return rows if widest_bound == bound else rows[ranked[rows] <= bound]

    def by_rank(self, seed: RankSeed, rows: np.ndarray) -> np.ndarray:
        """Return some rows, the lowest rank first; those of one rank in the order of the view."""
        order = self.once(("order", seed), lambda: _order(self.ranks(seed)))
        # All rows are sorted once for all compositions; each then picks its own from that order.
        wanted = np.zeros(len(self), dtype=bool)
        wanted[rows] = True
        return np.asarray(order[wanted[order]])

    def _coded(self, over: Stratum) -> tuple[np.ndarray, list[str]]:
        return self.once(("codes", over), lambda: census.words(self.table.column(over)))


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(column.chunk(0) if column.num_chunks == 1 else column)


def _order(ranked: np.ndarray) -> np.ndarray:
    """Return the order of ranks, ties in the order of the rows."""
    order = np.argsort(ranked)
    ordered = ranked[order]
    # Ties are rare, and only they need the stable sort, which takes five times as long.
    has_ties = (ordered[1:] == ordered[:-1]).any()
    return np.argsort(ranked, kind="stable") if has_ties else order
