"""A piece of the pool's index as rules look at it: each column decoded once, whoever asks."""

from collections.abc import Callable, Collection, Hashable, Mapping
from typing import TypeVar, cast

import numpy as np
import pyarrow as pa

from terrasweep.samplers.draw import census
from terrasweep.samplers.draw.ranks import ranks
from terrasweep.samplers.geography.strata import Stratum

T = TypeVar("T")


class Frame:
    """Rows of the index, or of the census, with what has been worked out of them so far.

    Several threads may look at once: what they work out twice is the same.
    """

    def __init__(self, table: pa.Table) -> None:
        """Look at a table without reading any of it."""
        self.table = table
        self._memo: dict[Hashable, object] = {}
        self._low: dict[int, tuple[np.uint64, np.ndarray]] = {}

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def once(self, name: Hashable, make: Callable[[], T]) -> T:
        """Return what was made under a name, or make it."""
        if name not in self._memo:
            self._memo[name] = make()
        return cast("T", self._memo[name])

    def column(self, name: str) -> np.ndarray:
        """Return a column of numbers, without a copy where it lies in one piece."""
        return self.once(("column", name), lambda: _numbers(self.table.column(name)))

    def placed(self, over: Stratum, home: Mapping[str, int]) -> np.ndarray:
        """Return the place that each row's word of a stratum has in `home`, or -1."""
        codes, values = self.once(over, lambda: census.words(self.table.column(over)))
        of_code = np.array([home.get(value, -1) for value in values], dtype=np.int16)
        return np.asarray(of_code.take(codes))

    def among(self, over: Stratum, words: Collection[str]) -> np.ndarray:
        """Say of each row whether its word of a stratum is one of these."""
        codes, values = self.once(over, lambda: census.words(self.table.column(over)))
        return np.asarray(np.array([value in words for value in values], dtype=bool).take(codes))

    def ranks(self, replicate: int) -> np.ndarray:
        """Return the rank of every row in one replicate."""
        return self.once(
            ("ranks", replicate), lambda: ranks(self.column("rank_hash"), replicate=replicate)
        )

    def low(self, replicate: int, bound: np.uint64) -> np.ndarray:
        """Return the rows up to a rank; the widest search so far serves all that are narrower."""
        ranked, known = self.ranks(replicate), self._low.get(replicate)
        if known is None or known[0] < bound:
            known = self._low[replicate] = bound, np.flatnonzero(ranked <= bound)
        widest, rows = known
        return rows if widest == bound else rows[ranked[rows] <= bound]

    def by_rank(self, replicate: int, rows: np.ndarray) -> np.ndarray:
        """Return some rows, the lowest rank first; those of one rank as they stand."""
        order = self.once(("order", replicate), lambda: _order(self.ranks(replicate)))
        wanted = np.zeros(len(self), dtype=bool)
        wanted[rows] = True
        return np.asarray(order[wanted[order]])


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(column.chunk(0) if column.num_chunks == 1 else column)


def _order(ranked: np.ndarray) -> np.ndarray:
    """Return the order of ranks; only ties need the stable way, which takes five times as long."""
    order = np.argsort(ranked)
    ordered = ranked[order]
    return np.argsort(ranked, kind="stable") if (ordered[1:] == ordered[:-1]).any() else order
