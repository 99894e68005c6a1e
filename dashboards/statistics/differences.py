"""Is one composition better than another? Differences paired by seed, with honest intervals.

Two checkpoints are compared on the same finetune seeds, hence on the same training samples. The
unit of an interval and of a test is the pretraining run (the replicate) where there are several.
With one replicate the unit is the finetune seed, and the interval cannot contain the luck of the
pretraining run: every such row says so.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from terrasweep.dashboards.statistics.intervals import ALPHA, Pairs, estimate
from terrasweep.dashboards.statistics.multiple_testing import benjamini_hochberg, holm
from terrasweep.dashboards.tables.cells import (
    PLACE,
    SAME,
    WITH_LUCK,
    WITHOUT_LUCK,
    Holes,
    Row,
    by_replicate,
    direction,
    grouped,
    is_hole,
    refuse_holes,
)

ALL = "global"
"""The region that holds every continent; it is no continent, so no average counts it twice."""
MEAN = "mean of continents"

DIFFERENCES = pa.schema(
    [
        ("composition", pa.string()),
        ("baseline", pa.string()),
        ("model", pa.string()),
        ("task", pa.string()),
        ("continent", pa.string()),
        ("tested", pa.string()),
        ("n", pa.int64()),
        ("protocol", pa.string()),
        ("metric", pa.string()),
        ("difference", pa.float64()),
        ("error", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("p", pa.float64()),
        ("p_holm", pa.float64()),
        ("p_bh", pa.float64()),
        ("distinguishable", pa.bool_()),
        ("detectable", pa.float64()),
        ("num_to_settle", pa.int64()),
        ("improves", pa.float64()),
        ("improves_low", pa.float64()),
        ("improves_high", pa.float64()),
        ("num_pairs", pa.int64()),
        ("num_seeds", pa.int64()),
        ("num_replicates", pa.int64()),
        ("num_holes", pa.int64()),
        ("num_tests", pa.int64()),
        ("interval", pa.string()),
    ]
)


@dataclass(frozen=True)
class Compared:
    """One composition against the baseline at one place of the grid."""

    place: Row
    pairs: Pairs
    num_holes: int


def differences(
    cells: pa.Table, *, baseline: str, holes: Holes = Holes.REFUSE, fixed: Collection[str] = ()
) -> pa.Table:
    """Compare every composition with the baseline wherever both were judged.

    A difference is how far a composition is ahead: where less of a metric is better, its sign is
    turned. What is `fixed` is one network from outside: it meets every replicate of the other.

    Holm's correction is over all comparisons of the table; those that average the continents
    repeat the others, and are corrected among themselves.

    Raises:
        HolesError: If planned cells have no value and holes are refused.
    """
    if holes is Holes.REFUSE:
        refuse_holes(cells)
    compared = list(_compared(cells, baseline, fixed))
    single = _corrected([_row(one, baseline) for one in compared])
    averaged = _corrected([_row(one, baseline) for one in _averaged(compared)])
    return pa.Table.from_pylist([*single, *averaged], schema=DIFFERENCES)


def _compared(cells: pa.Table, baseline: str, fixed: Collection[str]) -> Iterator[Compared]:
    groups = {tuple(place.values()): rows for place, rows in grouped(cells, PLACE)}
    for place, rows in groups.items():
        base = groups.get((baseline, *place[1:]))
        if place[0] == baseline or base is None:
            continue
        ours: Pairs = by_replicate(rows)
        theirs: Pairs = by_replicate(base)
        if place[0] in fixed:
            ours = _repeated(ours, like=theirs)
        if baseline in fixed:
            theirs = _repeated(theirs, like=ours)
        pairs = _paired(ours, theirs, sign=direction(place[-1]))
        if pairs:
            yield Compared(dict(zip(PLACE, place, strict=True)), pairs, _num_holes(rows, base))


def _repeated(fixed: Pairs, *, like: Pairs) -> Pairs:
    """Return the one network's values once for every replicate of the other."""
    return {replicate: own for own in fixed.values() for replicate in like}


def _paired(ours: Pairs, theirs: Pairs, *, sign: int) -> Pairs:
    """Return how far ahead ours are at the seeds that both have, by replicate."""
    both = {
        replicate: {
            seed: sign * (value - theirs[replicate][seed])
            for seed, value in sorted(seeds.items())
            if seed in theirs[replicate]
        }
        for replicate, seeds in sorted(ours.items())
        if replicate in theirs
    }
    return {replicate: seeds for replicate, seeds in both.items() if seeds}


def _num_holes(*groups: Iterable[Row]) -> int:
    """Count the pairs that are missing because at least one of their cells is a hole."""
    return len({(row["replicate"], row["seed"]) for rows in groups for row in rows if is_hole(row)})


def _averaged(compared: Sequence[Compared]) -> Iterator[Compared]:
    """Average the continents, seed by seed, for seeds that every continent has."""
    groups: dict[tuple[Any, ...], list[Compared]] = defaultdict(list)
    for one in compared:
        if one.place["continent"] != ALL:
            rest = tuple(value for axis, value in one.place.items() if axis != "continent")
            groups[rest].append(one)
    for group in groups.values():
        pairs = _mean_pairs([one.pairs for one in group])
        if len(group) > 1 and pairs:
            holes = sum(one.num_holes for one in group)
            yield Compared({**group[0].place, "continent": MEAN}, pairs, holes)


def _mean_pairs(many: Sequence[Pairs]) -> Pairs:
    first, *others = many
    means = {
        replicate: {
            seed: float(np.mean([pairs[replicate][seed] for pairs in many]))
            for seed in seeds
            if all(seed in pairs.get(replicate, {}) for pairs in others)
        }
        for replicate, seeds in first.items()
    }
    return {replicate: seeds for replicate, seeds in means.items() if seeds}


def _row(compared: Compared, baseline: str) -> Row:
    pairs = compared.pairs
    usual = ("tested", SAME)
    words = [str(value) for axis, value in compared.place.items() if (axis, value) != usual]
    found = estimate(pairs, words=[*words, baseline])
    return {
        **compared.place,
        "baseline": baseline,
        "difference": found.mean,
        "error": found.error,
        "low": found.low,
        "high": found.high,
        "p": found.p,
        "detectable": found.detectable,
        "num_to_settle": found.num_to_settle,
        "improves": found.improves,
        "improves_low": found.improves_low,
        "improves_high": found.improves_high,
        "num_pairs": sum(len(seeds) for seeds in pairs.values()),
        "num_seeds": len({seed for seeds in pairs.values() for seed in seeds}),
        "num_replicates": len(pairs),
        "num_holes": compared.num_holes,
        "interval": WITH_LUCK if len(pairs) > 1 else WITHOUT_LUCK,
    }


def _corrected(rows: Sequence[Row]) -> list[Row]:
    tested = [row["p"] for row in rows if row["p"] is not None]
    after = iter(zip(holm(tested), benjamini_hochberg(tested), strict=True))
    untested = (None, None)
    return [
        _judged(row, len(tested), *(untested if row["p"] is None else next(after))) for row in rows
    ]


def _judged(row: Row, num_tests: int, p_holm: float | None, p_bh: float | None) -> Row:
    return {
        **row,
        "p_holm": p_holm,
        "p_bh": p_bh,
        "distinguishable": p_holm is not None and p_holm < ALPHA,
        "num_tests": num_tests,
    }
