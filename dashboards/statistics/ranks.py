"""Which composition stands first over many places at once, and whether places agree on it.

Two customs: the mean of dense ranks counted from 0, as one of the studies prints it, and average
ranks with the test of Friedman and the critical difference of Nemenyi. A score matrix has one row
per composition and one column per place (a task on a continent); larger is better.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc
from scipy.stats import rankdata, studentized_range

from terrasweep.infra.summary import CONFIDENCE

FEWEST_PLACES = 2
FEWEST_RANKED = 3
"""Friedman's test of two compositions would be a sign test in disguise."""


@dataclass(frozen=True)
class Agreement:
    """Average ranks, and whether they differ by more than chance lets them."""

    ranks: np.ndarray
    """Average rank of each composition, 1 for the best."""
    statistic: float
    """Friedman's, corrected for ties; chi-squared if compositions were exchangeable."""
    p: float
    critical: float
    """Ranks closer than this cannot be told apart (Nemenyi)."""
    num_places: int


def dense(scores: np.ndarray) -> np.ndarray:
    """Return each row's 0-based dense rank in each column: ties share one, and none is left out."""
    ranks = [rankdata(-column, method="dense") - 1 for column in scores.T]
    return np.asarray(np.stack(ranks, axis=1))


def mean_dense(scores: np.ndarray) -> np.ndarray:
    """Return each row's mean of dense ranks."""
    return np.asarray(dense(scores).mean(axis=1))


def agreement(scores: np.ndarray) -> Agreement | None:
    """Return what the places agree on; nothing where there is too little to rank."""
    num_ranked, num_places = scores.shape
    if num_ranked < FEWEST_RANKED or num_places < FEWEST_PLACES:
        return None
    each = np.stack([rankdata(-column) for column in scores.T], axis=1)
    statistic = _friedman(each)
    return Agreement(
        ranks=each.mean(axis=1),
        statistic=statistic,
        p=float(chdtrc(num_ranked - 1, statistic)),
        critical=critical_difference(num_ranked, num_places),
        num_places=num_places,
    )


def critical_difference(num_ranked: int, num_places: int) -> float:
    """Return how far apart two average ranks must be (Nemenyi, at the project's confidence)."""
    q = float(studentized_range.ppf(CONFIDENCE, num_ranked, np.inf))
    return float(q / 2**0.5 * (num_ranked * (num_ranked + 1) / (6 * num_places)) ** 0.5)


def cliques(ranks: np.ndarray, *, critical: float) -> list[tuple[int, ...]]:
    """Return the largest groups of neighbours, in order of rank, that cannot be told apart."""
    order = [int(at) for at in np.argsort(ranks, kind="stable")]
    found: list[tuple[int, ...]] = []
    for start in range(len(order)):
        near = [at for at in order[start:] if ranks[at] - ranks[order[start]] < critical]
        is_new = not found or not set(near) <= set(found[-1])
        if len(near) > 1 and is_new:
            found.append(tuple(near))
    return found


def _friedman(each: np.ndarray) -> float:
    """Return Friedman's statistic; 0 where every place ties everything."""
    num_ranked, num_places = each.shape
    between = ((each.mean(axis=1) - (num_ranked + 1) / 2) ** 2).sum() * num_places
    within = ((each - (num_ranked + 1) / 2) ** 2).sum() / (num_places * (num_ranked - 1))
    return float(between / within) if within else 0.0
