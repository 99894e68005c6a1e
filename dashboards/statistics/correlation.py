"""Rank correlations of diversity and performance over a handful of data sets.

A sweep compares perhaps ten compositions. So few points leave a wide interval, which is returned
beside every correlation, and a p value that assumes no distribution.
"""

from dataclasses import dataclass
from itertools import permutations
from math import factorial

import numpy as np
from scipy.special import ndtr, ndtri, stdtr
from scipy.stats import rankdata

from terrasweep.infra.seeds import generator
from terrasweep.infra.summary import CONFIDENCE

FEWEST = 4
"""Points below which a rank correlation says nothing."""
NUM_DRAWS = 10_000
NUM_BOOTSTRAPS = 2000
MOST_EXACT = 8
"""Points up to which every order is tried; beyond, `NUM_DRAWS` orders are drawn."""


@dataclass(frozen=True)
class Correlation:
    """Spearman's, with what so few points can prove."""

    rho: float
    p: float
    """Share of orders at least as far from zero: no distribution is assumed."""
    p_student: float
    """By Student's approximation, which is what papers print."""
    low: float
    high: float
    num_points: int


def correlation(
    x: np.ndarray, y: np.ndarray, *, given: np.ndarray | None = None, name: str
) -> Correlation | None:
    """Correlate two measures over data sets, `given` (points, others) held fixed.

    Args:
        x: One measure.
        y: The other.
        given: Measures whose share in both is taken out first (a partial correlation).
        name: Fixes what is drawn.

    Returns:
        The correlation; nothing where too few points, or no spread in a measure, say nothing.
    """
    spare = 0 if given is None else given.shape[1]
    if len(x) < FEWEST + spare:
        return None
    ours, theirs = _ranks(x, given=given), _ranks(y, given=given)
    if not (_spread(ours) and _spread(theirs)):
        return None
    rho = float(_pearson(ours, theirs))
    freedom = len(x) - 2 - spare
    low, high = _interval(x, y, given=given, rho=rho, name=name)
    return Correlation(
        rho=rho,
        p=_permuted(ours, theirs, rho=rho, name=name),
        p_student=_student(rho, freedom=freedom),
        low=low,
        high=high,
        num_points=len(x),
    )


def _ranks(values: np.ndarray, *, given: np.ndarray | None) -> np.ndarray:
    """Return centred ranks along the last axis, less what the ranks of `given` explain of them."""
    ranks = _centred(values)
    if given is None:
        return ranks
    # A partial Spearman correlation: the residuals of ranks after least squares on other ranks.
    # The last axis is that of data sets; earlier axes are bootstrap samples, done all at once.
    others = np.moveaxis(_centred(np.moveaxis(given, -1, -2)), -1, -2)
    explained = np.linalg.pinv(others) @ ranks[..., None]
    return np.asarray(ranks - (others @ explained)[..., 0])


def _centred(values: np.ndarray) -> np.ndarray:
    ranks = np.asarray(rankdata(values, axis=-1), dtype=np.float64)
    return np.asarray(ranks - ranks.mean(axis=-1, keepdims=True))


def _spread(ranks: np.ndarray) -> np.ndarray:
    """Return of each row of ranks whether they differ at all."""
    return np.asarray(np.abs(ranks).max(axis=-1) > 1e-9)


def _pearson(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    rho = (x * y).sum(axis=-1) / np.sqrt((x * x).sum(axis=-1) * (y * y).sum(axis=-1))
    return np.asarray(np.clip(rho, -1.0, 1.0))


def _permuted(x: np.ndarray, y: np.ndarray, *, rho: float, name: str) -> float:
    """Return the share of orders that correlate at least as much, the given one among them."""
    scale = np.sqrt((x @ x) * (y @ y))
    if len(x) <= MOST_EXACT:
        orders = np.array(list(permutations(range(len(x)))))
        assert len(orders) == factorial(len(x))
        sizes = np.abs(y[orders] @ x) / scale
        return float((sizes >= abs(rho) - 1e-12).mean())
    rng = generator("diversity", "permutation", name)
    orders = rng.permuted(np.tile(np.arange(len(x)), (NUM_DRAWS, 1)), axis=1)
    sizes = np.abs(y[orders] @ x) / scale
    # The given order counts as one of those drawn, so that p is never 0 (Phipson, Smyth 2010).
    return float((1 + (sizes >= abs(rho) - 1e-12).sum()) / (1 + NUM_DRAWS))


def _student(rho: float, *, freedom: int) -> float:
    if abs(rho) == 1.0:
        return 0.0
    t = abs(rho) * np.sqrt(freedom / (1 - rho**2))
    return float(2 * stdtr(freedom, -t))


def _interval(
    x: np.ndarray, y: np.ndarray, *, given: np.ndarray | None, rho: float, name: str
) -> tuple[float, float]:
    """Return the bias-corrected bootstrap interval over the data sets."""
    rng = generator("diversity", "bootstrap", name)
    picks = rng.integers(len(x), size=(NUM_BOOTSTRAPS, len(x)))
    less = None if given is None else given[picks]
    ours, theirs = _ranks(x[picks], given=less), _ranks(y[picks], given=less)
    has_spread = _spread(ours) & _spread(theirs)
    values = _pearson(ours[has_spread], theirs[has_spread])
    # Efron's bias-corrected percentile interval (1981): the quantiles are shifted by twice the
    # normal score of the share of samples below the estimate.
    below = (np.sum(values < rho) + np.sum(values == rho) / 2) / len(values)
    shift = 2 * ndtri(np.clip(below, 1e-3, 1 - 1e-3))
    ends = ndtri([(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    low, high = np.quantile(values, ndtr(shift + ends))
    return float(low), float(high)
