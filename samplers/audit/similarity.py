"""How alike two sets of samples are: the ids they share, and the divergence of their shares."""

from collections.abc import Hashable, Mapping
from typing import TypeVar

import numpy as np
from scipy.special import gammaln

V = TypeVar("V", bound=Hashable)


def jaccard(one: np.ndarray, other: np.ndarray) -> float:
    """Return how many ids two sets share, of all that either has; repeats count once."""
    common, either = np.intersect1d(one, other), np.union1d(one, other)
    return common.size / either.size if either.size else 1.0


def jensen_shannon(one: Mapping[V, float], other: Mapping[V, float]) -> float | None:
    """Return the Jensen-Shannon divergence of two weightings, in nats: 0 if alike, at most ln 2.

    Nothing at all diverges from nothing, so where one of them is empty there is no answer.
    """
    p, q = _aligned(one, other)
    if not p.sum() or not q.sum():
        return None
    p, q = p / p.sum(), q / q.sum()
    middle = (p + q) / 2
    return max(float((_relative(p, middle) + _relative(q, middle)) / 2), 0.0)


def moved(one: Mapping[V, float], other: Mapping[V, float]) -> float | None:
    """Return what share of a weighting would have to move for it to become the other."""
    p, q = _aligned(one, other)
    if not p.sum() or not q.sum():
        return None
    return float(np.abs(p / p.sum() - q / q.sum()).sum() / 2)


def moved_by_chance(shares: Mapping[V, float], *, count: int) -> float:
    """Return what share would have to move, on average, if `count` were drawn by these shares.

    A value's count is binomial, and how far such a count lies from its mean is De Moivre's.
    """
    if not count:
        return 0.0
    p = np.array(list(shares.values()), dtype=np.float64)
    p = np.clip(p[p > 0] / p.sum(), 0.0, 1.0 - 1e-15)
    over = np.floor(count * p) + 1  # the first count above the mean
    ways = gammaln(count + 1) - gammaln(over + 1) - gammaln(count - over + 1)
    log_each = np.log(over) + ways + over * np.log(p) + (count - over + 1) * np.log1p(-p)
    return float(np.exp(log_each).sum() / count)


def _aligned(one: Mapping[V, float], other: Mapping[V, float]) -> tuple[np.ndarray, np.ndarray]:
    values = list(dict.fromkeys([*one, *other]))
    p, q = (np.array([own.get(value, 0.0) for value in values]) for own in (one, other))
    return p.astype(np.float64), q.astype(np.float64)


def _relative(p: np.ndarray, q: np.ndarray) -> float:
    some = p > 0
    return float(np.sum(p[some] * np.log(p[some] / q[some])))
