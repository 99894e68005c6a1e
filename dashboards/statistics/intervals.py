"""Estimates from paired differences: mean, interval, test, power, probability of improvement."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy.special import ndtri, stdtr, stdtrit

from terrasweep.infra.seeds import generator
from terrasweep.infra.summary import CONFIDENCE

ALPHA = 1 - CONFIDENCE
POWER = 0.8
NUM_DRAWS = 4000
ROUNDING = 1e-12
MOST_TO_SETTLE = 100_000
"""More units than any sweep has; beyond, no number is given."""

Pairs: TypeAlias = Mapping[int, Mapping[int, float]]
"""Differences by replicate and seed."""


@dataclass(frozen=True)
class Estimate:
    """The mean of paired differences and its precision; ``None`` where there are too few."""

    mean: float
    error: float | None
    """Standard error of the mean."""
    low: float | None
    high: float | None
    p: float | None
    detectable: float | None
    """The smallest true difference that 80 % of such experiments would find."""
    num_to_settle: int | None
    """Units that 80 % of experiments would need to find a difference as large as the mean."""
    improves: float
    """Share of pairs that are ahead, ties counted half: the probability of improvement."""
    improves_low: float | None
    improves_high: float | None


def estimate(pairs: Pairs, *, words: Sequence[str | int]) -> Estimate:
    """Return the estimate from paired differences; the words seed the bootstrap."""
    groups = [np.fromiter(seeds.values(), dtype=np.float64) for seeds in pairs.values() if seeds]
    units = groups[0] if len(groups) == 1 else np.array([group.mean() for group in groups])
    ahead = [(np.sign(group) + 1) / 2 for group in groups]
    mean, improves = float(units.mean()), float(np.mean([group.mean() for group in ahead]))
    if units.size < 2:
        return Estimate(mean, None, None, None, None, None, None, improves, None, None)
    rng = generator("bootstrap", *words)
    error = float(units.std(ddof=1)) / units.size**0.5
    low, high = _interval(groups, mean=mean, error=error, num=units.size, rng=rng)
    drawn = resampled(ahead, num_draws=NUM_DRAWS, rng=rng)
    least, most = np.quantile(drawn, [ALPHA / 2, 1 - ALPHA / 2])
    if error <= ROUNDING:
        p, detectable, enough = 1.0 if abs(mean) <= ROUNDING else 0.0, 0.0, None
    else:
        p = float(2 * stdtr(units.size - 1, -abs(mean) / error))
        detectable = _reach(units.size) * error
        enough = _num_to_settle(abs(mean) / (error * units.size**0.5))
    return Estimate(
        mean, error, low, high, p, detectable, enough, improves, float(least), float(most)
    )


def _interval(
    groups: Sequence[np.ndarray],
    *,
    mean: float,
    error: float,
    num: int,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Return the interval of the mean of `num` units with a standard error."""
    if error <= ROUNDING:  # all differences are one number
        return mean, mean
    drawn = resampled(groups, num_draws=NUM_DRAWS, rng=rng) - mean
    # The draws give the interval its shape. Their spread is too small for few units and counts
    # the seeds twice for many replicates, so its width is Student's.
    student, normal = stdtrit(num - 1, 1 - ALPHA / 2), ndtri(1 - ALPHA / 2)
    scale = error / drawn.std() * student / normal
    low, high = np.quantile(drawn, [ALPHA / 2, 1 - ALPHA / 2]) * scale
    return float(mean + low), float(mean + high)


def _reach(num: int) -> float:
    """Return how many standard errors from zero a true mean of `num` units is detected.

    This is the usual approximation of the power of a t test: the quantile of the test plus that of
    the power, both of Student's distribution.
    """
    return float(stdtrit(num - 1, 1 - ALPHA / 2) + stdtrit(num - 1, POWER))


def _num_to_settle(size: float) -> int | None:
    """Return the fewest units that detect an effect of `size` standard deviations of a unit."""
    if size * MOST_TO_SETTLE**0.5 < _reach(MOST_TO_SETTLE):
        return None
    return 2 + bisect_left(
        range(2, MOST_TO_SETTLE), True, key=lambda num: size * num**0.5 >= _reach(num)
    )


def resampled(
    groups: Sequence[np.ndarray], *, num_draws: int, rng: np.random.Generator
) -> np.ndarray:
    """Draw replicates, then seeds within each, with replacement; return the mean of each draw."""
    sizes = np.array([group.size for group in groups])
    padded = np.zeros((len(groups), int(sizes.max())))
    for at, group in enumerate(groups):
        padded[at, : group.size] = group
    means = np.zeros(num_draws)
    # One pass draws one replicate and all its seeds, for every draw at once. Rows of `padded` are
    # of different length: `counted` masks the positions beyond a replicate's own number of seeds.
    for _ in groups:
        chosen = rng.integers(len(groups), size=num_draws)
        width = sizes[chosen][:, None]
        picks = (rng.random((num_draws, padded.shape[1])) * width).astype(np.int64)
        counted = np.arange(padded.shape[1]) < width
        means += (padded[chosen[:, None], picks] * counted).sum(axis=1) / width[:, 0]
    return means / len(groups)
