"""One scan of the pool's index for all compositions of a sweep; pure.

`sift` runs over any piece of the pool and keeps the rows that some composition may draw: those
below a ceiling that follows from the whole pool, never from the piece. `settle` then draws from
the joined rows, and refuses rather than guesses when the ceiling was too low.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from terrasweep.infra.errors import PoolError
from terrasweep.samplers.draw import census
from terrasweep.samplers.draw.design import Cut, cut, only_where
from terrasweep.samplers.draw.pool_facts import Facts
from terrasweep.samplers.draw.quota import Share, share_out
from terrasweep.samplers.draw.ranks import ceiling, last_rank, waits
from terrasweep.samplers.draw.view import Frame
from terrasweep.samplers.geography.cells import disk
from terrasweep.samplers.spec.composition import CompositionSpec

MANIFEST: Final = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("rank_hash", pa.uint64(), nullable=False),
        pa.field("coarse", pa.uint64(), nullable=False),
        pa.field("cell", pa.uint64(), nullable=False),
        *census.STRATA_FIELDS,
        pa.field("lat", pa.float64(), nullable=False),
        pa.field("lon", pa.float64(), nullable=False),
    ]
)
INDEX: Final = MANIFEST.append(pa.field("entropy", pa.float32(), nullable=False)).append(
    pa.field("city_km", pa.float32(), nullable=False)
)
"""What a scan reads of every sample: all but its pixels."""

WHERE: Final = pa.schema(
    [
        pa.field("coarse", pa.uint64(), nullable=False),
        pa.field("index", pa.string(), nullable=False),
    ]
)
"""In which file of the index the samples of each coarse cell stand."""

Guards = Mapping[str, np.ndarray]
"""Every guard's name and the cells it closes; sweeps without a guard have one that closes none."""


@dataclass(frozen=True)
class Wish:
    """One composition that is drawn in a scan."""

    composition: CompositionSpec
    replicate: int
    guard: str


@dataclass(frozen=True, eq=False)
class Sieve:
    """A wish as a piece of the pool sees it: which rows may be drawn."""

    replicate: int
    guard: str
    cut: Cut
    ceilings: tuple[np.ndarray, ...]
    """For each stratum of each part, the highest key that is worth keeping."""


@dataclass(frozen=True)
class Tally:
    """How many samples a sieve's strata hold, and how many of them its guard leaves free."""

    held: int
    free: int
    strata: tuple[np.ndarray, ...]
    """For each part, how many samples of each stratum are free."""

    def __add__(self, other: "Tally") -> "Tally":
        """Return the tally of both pieces."""
        strata = tuple(a + b for a, b in zip(self.strata, other.strata, strict=True))
        return Tally(self.held + other.held, self.free + other.free, strata)


def closed(cells: np.ndarray, *, rings: int) -> np.ndarray:
    """Return the cells that a guard of so many rings closes around test samples."""
    return disk(np.unique(cells), rings=rings)


def sieve(wish: Wish, *, facts: Facts) -> Sieve:
    """Return which rows a wish may draw, as far as one knows before the scan.

    Raises:
        PoolError: If the pool does not know what the rule asks of it.
    """
    made = cut(wish.composition.rule, facts=facts)
    pilot, times = facts.seen, facts.pilot_times
    weights = [
        [part.weigher.weigh(pilot, np.flatnonzero(place == one)) for one in range(len(part.strata))]
        for part in made.parts
        for place in [part.cut(pilot)]
    ]
    free = [np.array([round(len(own) * times) for own in part]) for part in weights]
    try:
        shares = share_out(made, size=wish.composition.size, free=free)
    except PoolError:  # by the pilot's measure; the scan will tell
        return widened(Sieve(wish.replicate, wish.guard, made, tuple(free)))
    quotas = [[share.taken for share in part] for part in shares]
    before = np.cumsum([0, *(sum(part) for part in quotas)])  # what earlier parts may take away
    bounds = tuple(
        np.array(
            [
                ceiling(max(quota, 1) + first, weights=own, times=times)
                for quota, own in zip(part, own_weights, strict=True)
            ]
        )
        for part, own_weights, first in zip(quotas, weights, before.tolist(), strict=False)
    )
    return Sieve(wish.replicate, wish.guard, made, bounds)


def widened(narrow: Sieve) -> Sieve:
    """Return a sieve that keeps every row of its strata."""
    bounds = tuple(np.full(part.shape, np.inf) for part in narrow.ceilings)
    return Sieve(narrow.replicate, narrow.guard, narrow.cut, bounds)


def needed(where: pa.Table, sieves: Sequence[Sieve], *, facts: Facts) -> list[str]:
    """Return the files of the index that hold a sample of any stratum of any sieve, sorted."""
    may = np.zeros(len(facts.counted), dtype=bool)
    for part in (part for one in sieves for part in one.cut.parts):
        may |= part.possible(facts.counted)
    cells = np.unique(facts.counted.column("coarse")[may])
    files = where.filter(np.isin(np.asarray(where.column("coarse")), cells)).column("index")
    return sorted(files.unique().to_pylist())


def sift(
    rows: pa.Table, *, sieves: Sequence[Sieve], guards: Guards
) -> tuple[pa.Table, tuple[Tally, ...]]:
    """Return the rows that some sieve keeps, and what the strata of each sieve hold."""
    frame = Frame(rows.select(INDEX.names))
    free = {
        name: ~_among(frame.column("cell"), cells) if cells.size else None
        for name, cells in guards.items()
    }
    keep = np.zeros(len(frame), dtype=bool)
    tallies = [_sifted(frame, one, free=free[one.guard], keep=keep) for one in sieves]
    return frame.table.take(np.flatnonzero(keep)).cast(INDEX), tuple(tallies)


def added(parts: Iterable[tuple[Tally, ...]]) -> tuple[Tally, ...]:
    """Return the tallies of all pieces together."""
    first, *others = parts
    for other in others:
        first = tuple(a + b for a, b in zip(first, other, strict=True))
    return first


def gathered(found: Sequence[pa.Table], *, closed_cells: np.ndarray) -> Frame:
    """Return the rows that sieves kept and a guard leaves, by id: what its wishes settle from."""
    rows = pa.concat_tables([INDEX.empty_table(), *found])
    if closed_cells.size:
        rows = rows.filter(~_among(np.asarray(rows.column("cell")), closed_cells))
    return Frame(rows.sort_by("id").combine_chunks())


def settle(
    frame: Frame, wish: Wish, *, sieve: Sieve, tally: Tally
) -> tuple[pa.Table, tuple[Share, ...]] | None:
    """Return the draw of a wish, sorted by id, and its shares; nothing if the sieve was too fine.

    Of samples that several parts of a mixture could draw, an earlier part takes them; where that
    leaves a later one short, the shares are worked out again without those.

    Args:
        frame: What `gathered` makes of the rows that were found.
        wish: What is drawn.
        sieve: The sieve that the rows went through.
        tally: What the wish's strata hold in the whole pool.

    Raises:
        PoolError: If what the guard leaves is too little.
    """
    ordered = [_ordered(frame, sieve, part) for part in range(len(sieve.cut.parts))]
    lost = [np.zeros_like(own) for own in tally.strata]
    while True:
        size = wish.composition.size
        shares = share_out(sieve.cut, size=size, free=tally.strata, lost=lost)
        quotas = [[share.taken for share in part] for part in shares]
        drawn, gone = _drawn(ordered, quotas, cut=sieve.cut, size=len(frame))
        flat = [positions for part in drawn for positions in part]
        if sum(map(len, flat)) == size:
            whole = np.sort(np.concatenate([np.empty(0, dtype=np.int64), *flat]))
            return frame.table.take(whole), tuple(share for part in shares for share in part)
        if any(np.isfinite(bounds).any() for bounds in sieve.ceilings):
            return None
        lost = [np.maximum(one, other) for one, other in zip(lost, gone, strict=True)]


def _sifted(frame: Frame, one: Sieve, *, free: np.ndarray | None, keep: np.ndarray) -> Tally:
    """Mark the rows that one sieve keeps, and count what its strata hold."""
    strata, parts = [], one.cut.parts
    for number, (part, bounds) in enumerate(zip(parts, one.ceilings, strict=True)):
        place = part.cut(frame)
        mine = place if free is None else only_where(free, place)
        strata.append(_counts(mine, len(part.strata)))
        rows = _candidates(frame, one, number, mine)
        weights = part.weigher.weigh(frame, rows)
        wait = waits(frame.ranks(one.replicate)[rows])
        keep[rows[wait <= _bound(bounds[mine[rows]], weights)]] = True
    return Tally(*_held(frame, one, free=free, strata=strata), tuple(strata))


def _held(
    frame: Frame, one: Sieve, *, free: np.ndarray | None, strata: Sequence[np.ndarray]
) -> tuple[int, int]:
    """Return how many rows any part of a sieve holds, and how many of those are free."""
    if len(strata) == 1 and free is None:  # counted already, as most sieves are
        return int(strata[0].sum()), int(strata[0].sum())
    held = np.logical_or.reduce([part.cut(frame) >= 0 for part in one.cut.parts])
    left = held if free is None else held & free
    return int(np.count_nonzero(held)), int(np.count_nonzero(left))


def _counts(place: np.ndarray, number: int) -> np.ndarray:
    """Return how many rows each of so many strata has."""
    if number == 1:  # by far the quickest way, and most rules have one
        return np.array([np.count_nonzero(place == 0)])
    return np.bincount(place + 1, minlength=number + 1)[1:]


def _candidates(frame: Frame, one: Sieve, part: int, place: np.ndarray) -> np.ndarray:
    """Return the rows that may lie below their bound: few, and found without weighing the rest."""
    bounds = one.ceilings[part]
    known = np.isfinite(bounds)
    longest = float(bounds[known].max(initial=0.0)) * one.cut.parts[part].weigher.most(frame)
    if known.all():
        rows = frame.low(one.replicate, last_rank(longest))
    else:
        low = frame.ranks(one.replicate) <= last_rank(longest)
        low |= np.append(~known, False).take(place)  # the place -1 is that of no stratum, the last
        rows = np.flatnonzero(low)
    return np.asarray(rows[place[rows] >= 0])


def _bound(ceilings: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the longest wait that is worth keeping, a hair more than rounding could cost."""
    with np.errstate(over="ignore"):
        return np.asarray(ceilings * weights * (1 + 1e-12))


def _ordered(frame: Frame, one: Sieve, part: int) -> list[np.ndarray]:
    """Return for each stratum of a part the rows that may be drawn, the lowest key first."""
    own, bounds, ranked = one.cut.parts[part], one.ceilings[part], frame.ranks(one.replicate)
    place = own.cut(frame)
    rows = frame.by_rank(one.replicate, _candidates(frame, one, part, place))
    wait, weights = waits(ranked[rows]), own.weigher.weigh(frame, rows)
    low = wait <= _bound(bounds[place[rows]], weights)
    rows, wait, weights = rows[low], wait[low], weights[low]
    rows = rows[np.lexsort((wait / weights, place[rows]))]  # ties: in order of rank, then of id
    ends = np.cumsum(np.bincount(place[rows], minlength=len(one.ceilings[part])))
    return np.split(rows, ends[:-1])


def _drawn(
    ordered: Sequence[Sequence[np.ndarray]],
    quotas: Sequence[Sequence[int]],
    *,
    cut: Cut,
    size: int,
) -> tuple[list[list[np.ndarray]], list[np.ndarray]]:
    """Return the rows that each stratum gives, as far as it can, and how many others took."""
    taken = np.zeros(size, dtype=bool)
    drawn: list[list[np.ndarray]] = []
    lost = []
    for part, strata, whose in zip(cut.parts, ordered, quotas, strict=True):
        repeats = part.component.repeats if part.component else 1
        left = [rows[~taken[rows]] for rows in strata]
        drawn.append(
            [
                np.resize(rows, min(quota, len(rows) * repeats))
                for rows, quota in zip(left, whose, strict=True)
            ]
        )
        lost.append(np.array([len(a) - len(b) for a, b in zip(strata, left, strict=True)]))
        for rows in drawn[-1]:
            taken[rows] = True
    return drawn, lost


def _among(cells: np.ndarray, ordered: np.ndarray) -> np.ndarray:
    """Say of each cell whether it is one of the ordered ones, which may be far more, not none."""
    place = np.minimum(np.searchsorted(ordered, cells), ordered.size - 1)
    return np.asarray(ordered[place] == cells)
