"""One scan of the pool's index for all compositions of a sweep; pure.

`sift` runs over any piece of the pool and keeps the rows that some composition may draw: those
below a ceiling that follows from the whole census, never from the piece. `settle` then draws from
the joined rows, and refuses rather than guesses when the ceiling was too low.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from samplers import census
from samplers.cells import disk
from samplers.census import Totals
from samplers.draw import TOP, ceiling, draw, grouped, ranks
from samplers.quota import Share, Split, share_out, split
from samplers.spec import CompositionSpec

MANIFEST: Final = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("rank_hash", pa.uint64(), nullable=False),
        pa.field("coarse", pa.uint64(), nullable=False),
        pa.field("cell", pa.uint64(), nullable=False),
        pa.field("continent", pa.string(), nullable=False),
        pa.field("biome", pa.int16(), nullable=False),
        pa.field("climate", pa.int16(), nullable=False),
        pa.field("lat", pa.float64(), nullable=False),
        pa.field("lon", pa.float64(), nullable=False),
    ]
)
INDEX: Final = MANIFEST.append(pa.field("entropy", pa.float32(), nullable=False))
"""What a scan reads of every sample: all but its pixels."""

FREE: Final = census.CENSUS.append(pa.field("guard", pa.string(), nullable=False))
"""The census of what each guard leaves free."""

Guards = Mapping[str, np.ndarray]
"""Every guard's name and the cells it closes; sweeps without a guard have one that closes none."""


@dataclass(frozen=True)
class Wish:
    """One composition that is drawn in a scan."""

    composition: CompositionSpec
    replicate: int
    guard: str


@dataclass(frozen=True)
class Sieve:
    """A wish as a piece of the pool sees it: which rows may be drawn."""

    replicate: int
    guard: str
    cut: Split
    ceilings: Mapping[str, int]
    """For each stratum of the cut, the highest rank that is worth keeping."""


def closed(cells: np.ndarray, *, rings: int) -> np.ndarray:
    """Return the cells that a guard of so many rings closes around test samples."""
    return disk(np.unique(cells), rings=rings)


def sieve(wish: Wish, *, held: Totals) -> Sieve:
    """Return which rows a wish may draw, from the census alone.

    Raises:
        PoolError: If the pool holds too few, even before a guard takes any.
    """
    cut = split(wish.composition.rule, held=held, free=held)
    shares = share_out(wish.composition, held=held, free=held)
    bounds = {s.stratum: ceiling(s.taken, held=max(s.available, 1)) for s in shares}
    return Sieve(wish.replicate, wish.guard, cut, bounds)


def widened(narrow: Sieve) -> Sieve:
    """Return a sieve that keeps every row of its strata."""
    return Sieve(narrow.replicate, narrow.guard, narrow.cut, dict.fromkeys(narrow.ceilings, TOP))


def sift(rows: pa.Table, *, sieves: Sequence[Sieve], guards: Guards) -> tuple[pa.Table, pa.Table]:
    """Return the rows that some sieve keeps, and the census of what each guard leaves free."""
    rows = rows.select(INDEX.names).cast(INDEX)
    cells = np.asarray(rows.column("cell"))
    free = {name: ~_among(cells, closed_cells) for name, closed_cells in guards.items()}
    keep = np.zeros(rows.num_rows, dtype=bool)
    for one in sieves:
        groups, bounds = _groups(rows, one), np.array([*one.ceilings.values(), 0], dtype=np.uint64)
        low = ranks(np.asarray(rows.column("rank_hash")), replicate=one.replicate) <= bounds[groups]
        keep |= free[one.guard] & (groups >= 0) & low
    return rows.filter(keep), _free(rows, free)


def free_totals(parts: Iterable[pa.Table], *, guard: str) -> Totals:
    """Return how many samples of each value a guard leaves free, from all pieces of the pool."""
    own = (part.filter(np.asarray(part.column("guard")) == guard) for part in parts)
    return census.totals(census.add(part.select(census.CENSUS.names) for part in own))


def settle(
    found: pa.Table,
    wish: Wish,
    *,
    sieve: Sieve,
    held: Totals,
    free: Totals,
    closed_cells: np.ndarray,
) -> tuple[pa.Table, tuple[Share, ...]] | None:
    """Return the draw of a wish, sorted by id, and its shares; nothing if the sieve was too fine.

    Raises:
        PoolError: If what the guard leaves is too little.
    """
    shares = share_out(wish.composition, held=held, free=free)
    rows = found.filter(~_among(np.asarray(found.column("cell")), closed_cells)).sort_by("id")
    groups = _groups(rows, sieve)
    ranked = ranks(np.asarray(rows.column("rank_hash")), replicate=wish.replicate)
    for group, share in enumerate(shares):
        bound = np.uint64(sieve.ceilings[share.stratum])
        if np.count_nonzero((groups == group) & (ranked <= bound)) < share.taken:
            return None
    ids = np.asarray(rows.column("id"))
    drawn = draw(ranked, ids=ids, groups=groups, quota=[share.taken for share in shares])
    return rows.take(drawn), shares


def _among(cells: np.ndarray, ordered: np.ndarray) -> np.ndarray:
    """Say of each cell whether it is one of the ordered ones, which may be far more."""
    if ordered.size == 0:
        return np.zeros(cells.shape, dtype=bool)
    place = np.minimum(np.searchsorted(ordered, cells), ordered.size - 1)
    return np.asarray(ordered[place] == cells)


def _groups(rows: pa.Table, one: Sieve) -> np.ndarray:
    """Return for each row the place of its stratum among the sieve's, or -1."""
    place = {stratum: group for group, stratum in enumerate(one.ceilings)}
    home = {value: place[stratum] for value, stratum in one.cut.home.items()}
    codes, values = census.words(rows.column(one.cut.over))
    return grouped(codes, values=values, home=home)


def _free(rows: pa.Table, free: Mapping[str, np.ndarray]) -> pa.Table:
    counted = [FREE.empty_table()]
    for name, mask in free.items():
        part = census.count(rows.filter(mask))
        guard = pa.array([name] * part.num_rows, pa.string())
        counted.append(part.append_column(FREE.field("guard"), guard))
    return pa.concat_tables(counted)
