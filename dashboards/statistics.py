"""Is one composition better than another? Differences paired by seed, with honest intervals.

Two checkpoints are compared on the same finetune seeds, hence on the same training samples. The
unit of an interval and of a test is the pretraining run (the replicate) where there are several.
With one replicate the unit is the finetune seed, and the interval cannot contain the luck of the
pretraining run: every such row says so.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from scipy.special import ndtri, stdtr, stdtrit

from dashboards.tables import (
    PLACE,
    SAME,
    WITH_LUCK,
    WITHOUT_LUCK,
    Holes,
    Row,
    by_replicate,
    grouped,
    is_hole,
    refuse_holes,
)
from infra.seeds import generator
from infra.summary import CONFIDENCE

ALPHA = 1 - CONFIDENCE
POWER = 0.8
NUM_DRAWS = 4000
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
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("p", pa.float64()),
        ("p_holm", pa.float64()),
        ("distinguishable", pa.bool_()),
        ("detectable", pa.float64()),
        ("num_pairs", pa.int64()),
        ("num_seeds", pa.int64()),
        ("num_replicates", pa.int64()),
        ("num_holes", pa.int64()),
        ("num_tests", pa.int64()),
        ("interval", pa.string()),
    ]
)

Pairs: TypeAlias = Mapping[int, Mapping[int, float]]
"""Differences by replicate and seed."""


@dataclass(frozen=True)
class Compared:
    """One composition against the baseline at one place of the grid."""

    place: Row
    pairs: Pairs
    num_holes: int


@dataclass(frozen=True)
class Estimate:
    """What paired differences say about their mean; ``None`` where too few say nothing."""

    mean: float
    low: float | None
    high: float | None
    p: float | None
    detectable: float | None
    """The smallest true difference that 80 % of such experiments would find."""


def differences(
    cells: pa.Table, *, baseline: str, holes: Holes = Holes.REFUSE, fixed: Collection[str] = ()
) -> pa.Table:
    """Compare every composition with the baseline wherever both were judged.

    What is `fixed` is one network from outside: it meets every replicate of the other.

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


def estimate(pairs: Pairs, *, words: Sequence[str | int]) -> Estimate:
    """Return mean difference, interval, p and what could be detected; the words seed the draw."""
    groups = [np.fromiter(seeds.values(), dtype=np.float64) for seeds in pairs.values() if seeds]
    units = groups[0] if len(groups) == 1 else np.array([group.mean() for group in groups])
    mean, num = float(units.mean()), units.size
    if num < 2:
        return Estimate(mean, None, None, None, None)
    error = float(units.std(ddof=1)) / num**0.5
    if error <= 1e-12:  # all differences are one number, up to rounding
        return Estimate(mean, mean, mean, 1.0 if abs(mean) <= 1e-12 else 0.0, 0.0)
    drawn = resampled(groups, num_draws=NUM_DRAWS, rng=generator("bootstrap", *words)) - mean
    # The draws give the interval its shape. Their spread is too small for few units and counts
    # the seeds twice for many replicates, so its width is Student's.
    student, normal = stdtrit(num - 1, 1 - ALPHA / 2), ndtri(1 - ALPHA / 2)
    low, high = np.quantile(drawn, [ALPHA / 2, 1 - ALPHA / 2]) * (
        error / drawn.std() * student / normal
    )
    p = float(2 * stdtr(num - 1, -abs(mean) / error))
    detectable = float((student + stdtrit(num - 1, POWER)) * error)
    return Estimate(mean, float(mean + low), float(mean + high), p, detectable)


def resampled(
    groups: Sequence[np.ndarray], *, num_draws: int, rng: np.random.Generator
) -> np.ndarray:
    """Draw replicates, then seeds within each, with replacement; return the mean of each draw."""
    sizes = np.array([group.size for group in groups])
    padded = np.zeros((len(groups), int(sizes.max())))
    for at, group in enumerate(groups):
        padded[at, : group.size] = group
    means = np.zeros(num_draws)
    for _ in groups:
        chosen = rng.integers(len(groups), size=num_draws)
        width = sizes[chosen][:, None]
        picks = (rng.random((num_draws, padded.shape[1])) * width).astype(np.int64)
        counted = np.arange(padded.shape[1]) < width
        means += (padded[chosen[:, None], picks] * counted).sum(axis=1) / width[:, 0]
    return means / len(groups)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values corrected for being several (Holm 1979), in the order given."""
    order = np.argsort(p_values, kind="stable")
    scaled = np.asarray(p_values, dtype=np.float64)[order] * np.arange(len(order), 0, -1)
    corrected = np.empty(len(order))
    corrected[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return [float(p) for p in corrected]


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
        pairs = _paired(ours, theirs)
        if pairs:
            yield Compared(dict(zip(PLACE, place, strict=True)), pairs, _num_holes(rows, base))


def _repeated(fixed: Pairs, *, like: Pairs) -> Pairs:
    """Return the one network's values once for every replicate of the other."""
    return {replicate: own for own in fixed.values() for replicate in like}


def _paired(ours: Pairs, theirs: Pairs) -> Pairs:
    """Return the differences of the seeds that both have, by replicate."""
    both = {
        replicate: {
            seed: value - theirs[replicate][seed]
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
        "low": found.low,
        "high": found.high,
        "p": found.p,
        "detectable": found.detectable,
        "num_pairs": sum(len(seeds) for seeds in pairs.values()),
        "num_seeds": len({seed for seeds in pairs.values() for seed in seeds}),
        "num_replicates": len(pairs),
        "num_holes": compared.num_holes,
        "interval": WITH_LUCK if len(pairs) > 1 else WITHOUT_LUCK,
    }


def _corrected(rows: Sequence[Row]) -> list[Row]:
    tested = [row["p"] for row in rows if row["p"] is not None]
    after = iter(holm(tested))
    return [_judged(row, len(tested), None if row["p"] is None else next(after)) for row in rows]


def _judged(row: Row, num_tests: int, p: float | None) -> Row:
    return {
        **row,
        "p_holm": p,
        "distinguishable": p is not None and p < ALPHA,
        "num_tests": num_tests,
    }
