"""One scan of the pool's index for all compositions of a sweep; pure.

`prepare` works out for each composition what is worth keeping, from what is known of the pool
beforehand. `prefilter` runs over any piece of the index and keeps the rows that some composition
may draw: those whose key lies below a threshold that follows from the whole pool, never from the
piece. `select` draws from the rows of all pieces, and returns nothing rather than a wrong draw
where a threshold was too low.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from terrasweep.infra.errors import PoolError
from terrasweep.samplers.draw.design import (
    DesignPart,
    SamplingDesign,
    only_where,
    sampling_design,
)
from terrasweep.samplers.draw.index import INDEX
from terrasweep.samplers.draw.pool_facts import PoolFacts
from terrasweep.samplers.draw.quota import StratumShare, allocate
from terrasweep.samplers.draw.ranks import exponential_keys, key_threshold, rank_bound
from terrasweep.samplers.draw.view import IndexView, RankSeed
from terrasweep.samplers.geography.cells import disk
from terrasweep.samplers.spec.composition import CompositionSpec

Guards = Mapping[str, np.ndarray]
"""Every guard's name and the cells it closes, sorted; "no guard" is one that closes none."""


@dataclass(frozen=True)
class DrawRequest:
    """One composition that is drawn in a scan."""

    composition: CompositionSpec
    replicate: int
    guard: str
    """The name of its guard."""
    label: str = ""
    """What errors of the pool call it."""


@dataclass(frozen=True, eq=False)
class Prefilter:
    """Which rows of any piece of the pool are worth keeping for one request."""

    request: DrawRequest
    design: SamplingDesign
    thresholds: tuple[np.ndarray, ...]
    """For each stratum of each part, the highest key that is worth keeping."""

    @property
    def is_bounded(self) -> bool:
        """Whether it leaves out any row of its strata."""
        return any(np.isfinite(part).any() for part in self.thresholds)


@dataclass(frozen=True)
class StratumCounts:
    """How many samples a request's strata hold, and how many of them its guard leaves free."""

    held: int
    free: int
    strata: tuple[np.ndarray, ...]
    """For each part, how many samples of each stratum are free."""

    def __add__(self, other: "StratumCounts") -> "StratumCounts":
        strata = tuple(a + b for a, b in zip(self.strata, other.strata, strict=True))
        return StratumCounts(self.held + other.held, self.free + other.free, strata)


@dataclass(frozen=True, eq=False)
class Candidates:
    """What is left of some pieces of the pool after the prefilters."""

    rows: pa.Table
    """The rows that at least one request may draw."""
    counts: tuple[StratumCounts, ...]
    """For each request, what its strata held in these pieces before the prefilter."""


@dataclass(frozen=True, eq=False)
class Selection:
    """The draw of one request."""

    rows: pa.Table
    """The index of the samples, sorted by id."""
    shares: tuple[StratumShare, ...]
    num_guarded: int
    """How many samples of its strata the guard left out."""


def guarded_cells(cells: np.ndarray, *, rings: int) -> np.ndarray:
    """Return the cells that a guard of so many rings closes around test samples."""
    return disk(np.unique(cells), rings=rings)


def prepare(requests: Sequence[DrawRequest], *, facts: PoolFacts) -> list[Prefilter]:
    """Return for each request which rows it may draw, as far as one knows before the scan.

    Raises:
        PoolError: If the pool does not know what a rule asks of it.
    """
    prefilters = []
    for request in requests:
        with _labelled(request):
            prefilters.append(_prepared(request, facts=facts))
    return prefilters


def unbounded(narrow: Prefilter) -> Prefilter:
    """Return a prefilter that keeps every row of its strata."""
    return replace(narrow, thresholds=tuple(np.full(p.shape, np.inf) for p in narrow.thresholds))


def index_files(where: pa.Table, prefilters: Sequence[Prefilter], *, facts: PoolFacts) -> list[str]:
    """Return the files of the index that hold a sample of any stratum of any request, sorted."""
    may = np.zeros(len(facts.census_view), dtype=bool)
    for one in prefilters:
        for part in one.design.parts:
            may |= part.possible(facts.census_view)
    cells = np.unique(facts.census_view.column("coarse")[may])
    files = where.filter(np.isin(np.asarray(where.column("coarse")), cells)).column("index")
    return sorted(files.unique().to_pylist())


def prefilter(
    pieces: Iterable[pa.Table], *, prefilters: Sequence[Prefilter], guards: Guards
) -> Candidates:
    """Return the rows of some pieces that any prefilter keeps; at least one piece is given."""
    return merge(_kept(piece, prefilters, guards) for piece in pieces)


def merge(parts: Iterable[Candidates]) -> Candidates:
    """Return the candidates of all parts together; there is at least one."""
    every = list(parts)
    counts = every[0].counts
    for part in every[1:]:
        counts = tuple(a + b for a, b in zip(counts, part.counts, strict=True))
    return Candidates(pa.concat_tables(part.rows for part in every), counts)


def select(
    candidates: Candidates, *, prefilters: Sequence[Prefilter], guards: Guards
) -> list[Selection | None]:
    """Return the draw of each request, or nothing where its prefilter kept too little.

    Args:
        candidates: The candidates of the whole pool.
        prefilters: What the pool was scanned with.
        guards: What it was scanned with, too.

    Raises:
        PoolError: If what a guard leaves is too little.
    """
    views = {
        name: _ordered_view(candidates.rows, closed_cells=cells) for name, cells in guards.items()
    }

    def draw(one: Prefilter, counts: StratumCounts) -> Selection | None:
        with _labelled(one.request):
            return _selected(views[one.request.guard], one, counts)

    with ThreadPoolExecutor(os.cpu_count()) as threads:  # numpy and Arrow release the lock
        return list(threads.map(draw, prefilters, candidates.counts))


def _prepared(request: DrawRequest, *, facts: PoolFacts) -> Prefilter:
    design = sampling_design(request.composition.rule, facts=facts)
    weights = [_pilot_weights(part, facts.pilot_view) for part in design.parts]
    times = facts.samples_per_pilot_row
    free = [np.array([round(len(stratum) * times) for stratum in part]) for part in weights]
    try:
        shares = allocate(design, size=request.composition.size, free=free)
    except PoolError:  # too little by the pilot's measure; only the scan can tell
        return unbounded(Prefilter(request, design, tuple(free)))
    thresholds = []
    num_taken_before = 0  # earlier parts of a mixture may take as many of this part's lowest keys
    for part_shares, part_weights in zip(shares, weights, strict=True):
        quotas = [max(share.taken, 1) + num_taken_before for share in part_shares]
        thresholds.append(
            np.array(
                [
                    key_threshold(quota, weights=stratum, times=times)
                    for quota, stratum in zip(quotas, part_weights, strict=True)
                ]
            )
        )
        num_taken_before += sum(share.taken for share in part_shares)
    return Prefilter(request, design, tuple(thresholds))


def _pilot_weights(part: DesignPart, pilot: IndexView) -> list[np.ndarray]:
    """Return for each stratum of a part the weights of the pilot's rows."""
    strata = part.strata_of(pilot)
    return [
        part.weighting.weights(pilot, np.flatnonzero(strata == number))
        for number in range(len(part.strata))
    ]


def _kept(rows: pa.Table, prefilters: Sequence[Prefilter], guards: Guards) -> Candidates:
    """Return the rows of one piece that any prefilter keeps."""
    view = IndexView(rows.select(INDEX.names))
    free = {
        name: ~_contains(cells, view.column("cell")) if cells.size else None
        for name, cells in guards.items()
    }
    keep = np.zeros(len(view), dtype=bool)
    counts = tuple(
        _mark_kept(view, one, free=free[one.request.guard], keep=keep) for one in prefilters
    )
    return Candidates(view.table.take(np.flatnonzero(keep)).cast(INDEX), counts)


def _mark_kept(
    view: IndexView, one: Prefilter, *, free: np.ndarray | None, keep: np.ndarray
) -> StratumCounts:
    """Mark the rows that one prefilter keeps, and count what its strata hold."""
    counts = []
    for part, thresholds in zip(one.design.parts, one.thresholds, strict=True):
        strata = part.strata_of(view)
        if free is not None:
            strata = only_where(free, strata)
        counts.append(_counts(strata, len(part.strata)))
        rows, _, _ = _below(
            view, part, thresholds, strata=strata, seed=part.rank_seed(one.request.replicate)
        )
        keep[rows] = True
    return StratumCounts(*_held(view, one, free=free, counts=counts), tuple(counts))


def _held(
    view: IndexView, one: Prefilter, *, free: np.ndarray | None, counts: Sequence[np.ndarray]
) -> tuple[int, int]:
    """Return how many rows any part of a design holds, and how many of those are free."""
    if len(counts) == 1 and free is None:  # counted already, as for most rules
        return int(counts[0].sum()), int(counts[0].sum())
    held = np.logical_or.reduce([part.strata_of(view) >= 0 for part in one.design.parts])
    left = held if free is None else held & free
    return int(np.count_nonzero(held)), int(np.count_nonzero(left))


def _counts(strata: np.ndarray, number: int) -> np.ndarray:
    """Return how many rows each of so many strata has."""
    if number == 1:  # by far the quickest way, and most rules have one
        return np.array([np.count_nonzero(strata == 0)])
    return np.bincount(strata + 1, minlength=number + 1)[1:]


def _below(
    view: IndexView,
    part: DesignPart,
    thresholds: np.ndarray,
    *,
    strata: np.ndarray,
    seed: RankSeed,
    in_order: bool = False,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the rows whose key is at most their stratum's threshold, their waits and weights.

    With `in_order` they come by rank, else as they stand.
    """
    rows = _low_rows(view, part, thresholds, strata=strata, seed=seed)
    if in_order:
        rows = view.by_rank(seed, rows)
    waits = exponential_keys(view.ranks(seed)[rows])
    weights = part.weighting.weights(view, rows)
    # A key is wait / weight. Compared by a product, it costs no division by zero; the factor is a
    # hair more than rounding can take away, for a row too many does no harm and one too few would.
    with np.errstate(over="ignore"):
        low = waits <= thresholds[strata[rows]] * weights * (1 + 1e-12)
    return rows[low], waits[low], weights[low]


def _low_rows(
    view: IndexView,
    part: DesignPart,
    thresholds: np.ndarray,
    *,
    strata: np.ndarray,
    seed: RankSeed,
) -> np.ndarray:
    """Return the rows that may lie below their threshold: few, and found by their rank alone.

    No weight exceeds the upper bound, so a row whose wait exceeds threshold times bound cannot.
    """
    is_finite = np.isfinite(thresholds)
    longest = float(thresholds[is_finite].max(initial=0.0)) * part.weighting.upper_bound(view)
    bound = rank_bound(longest)
    if is_finite.all():
        rows = view.low_rows(seed, bound)
    else:
        # Strata without a threshold keep all; stratum -1 takes the last entry, which keeps none.
        keeps_all = np.append(~is_finite, False)
        rows = np.flatnonzero((view.ranks(seed) <= bound) | keeps_all.take(strata))
    return np.asarray(rows[strata[rows] >= 0])


def _ordered_view(rows: pa.Table, *, closed_cells: np.ndarray) -> IndexView:
    """Return the rows that a guard leaves, by id."""
    if closed_cells.size:
        rows = rows.filter(~_contains(closed_cells, np.asarray(rows.column("cell"))))
    return IndexView(rows.sort_by("id").combine_chunks())


def _selected(view: IndexView, one: Prefilter, counts: StratumCounts) -> Selection | None:
    """Return the draw of a request; nothing if its prefilter kept too little.

    Of samples that several parts of a mixture could draw, an earlier part takes them; where that
    leaves a later one short, the shares are worked out again without those.
    """
    size = one.request.composition.size
    ordered = [
        _by_key(view, part, thresholds, seed=part.rank_seed(one.request.replicate))
        for part, thresholds in zip(one.design.parts, one.thresholds, strict=True)
    ]
    lost = [np.zeros_like(part) for part in counts.strata]
    while True:
        shares = allocate(one.design, size=size, free=counts.strata, lost=lost)
        quotas = [[share.taken for share in part] for part in shares]
        drawn, taken_by_others = _take(ordered, quotas, design=one.design, num_rows=len(view))
        if sum(map(len, drawn)) == size:
            positions = np.sort(np.concatenate([np.empty(0, dtype=np.int64), *drawn]))
            flat = tuple(share for part in shares for share in part)
            return Selection(view.table.take(positions), flat, counts.held - counts.free)
        if one.is_bounded:
            return None
        # What a stratum has lost can only grow, so this ends.
        lost = [np.maximum(old, new) for old, new in zip(lost, taken_by_others, strict=True)]


def _by_key(
    view: IndexView, part: DesignPart, thresholds: np.ndarray, *, seed: RankSeed
) -> list[np.ndarray]:
    """Return for each stratum of a part the rows that may be drawn, the lowest key first."""
    strata = part.strata_of(view)
    rows, waits, weights = _below(view, part, thresholds, strata=strata, seed=seed, in_order=True)
    # The sort is stable and rows come by rank: equal keys stay in order of rank, then of id.
    rows = rows[np.lexsort((waits / weights, strata[rows]))]
    ends = np.cumsum(np.bincount(strata[rows], minlength=len(thresholds)))
    return np.split(rows, ends[:-1])


def _take(
    ordered: Sequence[Sequence[np.ndarray]],
    quotas: Sequence[Sequence[int]],
    *,
    design: SamplingDesign,
    num_rows: int,
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return what the strata give, as far as they can, and how many rows of each others took."""
    is_taken = np.zeros(num_rows, dtype=bool)
    drawn: list[np.ndarray] = []
    lost: list[np.ndarray] = []
    for part, strata, part_quotas in zip(design.parts, ordered, quotas, strict=True):
        left = [rows[~is_taken[rows]] for rows in strata]
        lost.append(np.array([len(a) - len(b) for a, b in zip(strata, left, strict=True)]))
        own = [
            # `resize` starts again from the lowest key once all rows are drawn.
            np.resize(rows, min(quota, len(rows) * part.repeats))
            for rows, quota in zip(left, part_quotas, strict=True)
        ]
        for rows in own:
            is_taken[rows] = True
        drawn += own
    return drawn, lost


def _contains(ordered: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Return for each cell whether it is one of the ordered ones: far more of them, but not none.

    Searching is faster than `np.isin`, which would sort both.
    """
    place = np.minimum(np.searchsorted(ordered, cells), ordered.size - 1)
    return np.asarray(ordered[place] == cells)


@contextmanager
def _labelled(request: DrawRequest) -> Iterator[None]:
    """Say which composition an error of the pool is about."""
    try:
        yield
    except PoolError as error:
        if not request.label:
            raise
        expected = f"{request.label}: {error.expected}"
        raise PoolError(expected, got=error.got, fix=error.fix) from error
