"""Is one composition better than another? Differences paired by seed, with their intervals.

Two checkpoints are compared on the same finetune seeds, hence on the same training samples. The
unit of an interval and of a test is the pretraining run (the replicate) where there are several.
With one replicate the unit is the finetune seed, and the interval does not contain the variation
between pretraining runs: every such row says so.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from terrasweep.dashboards.statistics.intervals import ALPHA, Estimate, Pairs, estimate
from terrasweep.dashboards.statistics.multiple_testing import benjamini_hochberg, holm
from terrasweep.dashboards.tables.cells import (
    SAME,
    WITH_LUCK,
    WITHOUT_LUCK,
    Holes,
    by_replicate,
    direction,
    is_hole,
    refuse_holes,
)
from terrasweep.dashboards.tables.rows import (
    CellRow,
    DifferenceRow,
    Place,
    group_by,
    place_of,
    rows_of,
    to_table,
)

ALL = "global"
"""The region that holds every continent; averages over continents leave it out."""
MEAN = "mean of continents"


@dataclass(frozen=True)
class Comparison:
    """One composition against the baseline at one place of the grid."""

    place: Place
    pairs: Pairs
    num_holes: int


def differences(
    cells: pa.Table, *, baseline: str, holes: Holes = Holes.REFUSE, fixed: Collection[str] = ()
) -> pa.Table:
    """Compare every composition with the baseline wherever both were tested.

    A difference is how far a composition is ahead: where less of a metric is better, its sign is
    turned. `fixed` names checkpoints from outside: one network, which is compared with every
    replicate of the other side.

    Holm's correction is over all comparisons of the table. Averages over continents repeat the
    others, and are corrected among themselves.

    Raises:
        HolesError: If planned cells have no value and holes are refused.
    """
    if holes is Holes.REFUSE:
        refuse_holes(cells)
    comparisons = list(_comparisons(rows_of(cells, CellRow), baseline, fixed))
    single = _rows(comparisons, baseline)
    averaged = _rows(list(_averaged(comparisons)), baseline)
    return to_table([*single, *averaged], DifferenceRow)


def _comparisons(
    cells: Sequence[CellRow], baseline: str, fixed: Collection[str]
) -> Iterator[Comparison]:
    groups = group_by(cells, place_of)
    by_place = {tuple(place.values()): rows for place, rows in groups}
    for place, rows in groups:
        composition = place["composition"]
        base = by_place.get(tuple({**place, "composition": baseline}.values()))
        if composition == baseline or base is None:
            continue
        ours: Pairs = by_replicate(rows)
        theirs: Pairs = by_replicate(base)
        if composition in fixed:
            ours = _repeated(ours, like=theirs)
        if baseline in fixed:
            theirs = _repeated(theirs, like=ours)
        pairs = _paired(ours, theirs, sign=direction(place["metric"]))
        if pairs:
            yield Comparison(place, pairs, _num_holes(rows, base))


def _repeated(fixed: Pairs, *, like: Pairs) -> Pairs:
    """Return the values of the one network once for every replicate of the other."""
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


def _num_holes(*groups: Iterable[CellRow]) -> int:
    """Count the pairs that are missing because at least one of their cells is a hole."""
    return len({(row["replicate"], row["seed"]) for rows in groups for row in rows if is_hole(row)})


def _averaged(comparisons: Sequence[Comparison]) -> Iterator[Comparison]:
    """Average the continents, seed by seed, for seeds that every continent has."""
    groups: dict[tuple[object, ...], list[Comparison]] = defaultdict(list)
    for comparison in comparisons:
        if comparison.place["continent"] != ALL:
            place: Place = {**comparison.place, "continent": MEAN}
            groups[tuple(place.values())].append(comparison)
    for group in groups.values():
        pairs = _mean_pairs([comparison.pairs for comparison in group])
        if len(group) > 1 and pairs:
            num_holes = sum(comparison.num_holes for comparison in group)
            yield Comparison({**group[0].place, "continent": MEAN}, pairs, num_holes)


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


def _rows(comparisons: Sequence[Comparison], baseline: str) -> list[DifferenceRow]:
    """Return the estimate of every comparison, its p value corrected for all of them."""
    estimates = [estimate(one.pairs, words=_words(one.place, baseline)) for one in comparisons]
    tested = [one.p for one in estimates if one.p is not None]
    corrected = iter(zip(holm(tested), benjamini_hochberg(tested), strict=True))
    rows = []
    for comparison, statistics in zip(comparisons, estimates, strict=True):
        p_holm, p_bh = (None, None) if statistics.p is None else next(corrected)
        row = _row(comparison, statistics, baseline)
        row |= {
            "p_holm": p_holm,
            "p_bh": p_bh,
            "distinguishable": p_holm is not None and p_holm < ALPHA,
            "num_tests": len(tested),
        }
        rows.append(row)
    return rows


def _words(place: Place, baseline: str) -> list[str]:
    """Return the words that seed what is drawn for a place.

    `tested` is left out where it has its usual value: rows of sweeps without that axis were
    seeded without it.
    """
    usual = ("tested", SAME)
    return [*(str(value) for axis, value in place.items() if (axis, value) != usual), baseline]


def _row(comparison: Comparison, statistics: Estimate, baseline: str) -> DifferenceRow:
    """Return the row of one comparison, not yet corrected for the others."""
    pairs = comparison.pairs
    return {
        **comparison.place,
        "baseline": baseline,
        "difference": statistics.mean,
        "error": statistics.error,
        "low": statistics.low,
        "high": statistics.high,
        "p": statistics.p,
        "p_holm": None,
        "p_bh": None,
        "distinguishable": False,
        "detectable": statistics.detectable,
        "num_to_settle": statistics.num_to_settle,
        "improves": statistics.improves,
        "improves_low": statistics.improves_low,
        "improves_high": statistics.improves_high,
        "num_pairs": sum(len(seeds) for seeds in pairs.values()),
        "num_seeds": len({seed for seeds in pairs.values() for seed in seeds}),
        "num_replicates": len(pairs),
        "num_holes": comparison.num_holes,
        "num_tests": 1,
        "interval": WITH_LUCK if len(pairs) > 1 else WITHOUT_LUCK,
    }
