"""Which composition stands first over many places at once, and whether places agree on it.

Two customs: the mean of dense ranks counted from 0, as one of the studies prints it, and average
ranks with the test of Friedman and the critical difference of Nemenyi. A score matrix has one row
per composition and one column per place (a task on a continent); larger is better.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.special import chdtrc
from scipy.stats import rankdata, studentized_range

from terrasweep.dashboards.statistics.differences import ALL
from terrasweep.dashboards.tables.cells import Row, direction, judged_at_home
from terrasweep.infra.summary import CONFIDENCE

ASKED = ("model", "n", "protocol")
CONTINENTS = "continents"

RANKS = pa.schema(
    [
        ("model", pa.string()),
        ("n", pa.int64()),
        ("protocol", pa.string()),
        ("over", pa.string()),
        ("composition", pa.string()),
        ("dense_rank", pa.float64()),
        ("average_rank", pa.float64()),
        ("critical", pa.float64()),
        ("friedman", pa.float64()),
        ("p", pa.float64()),
        ("num_places", pa.int64()),
    ]
)

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


def ranks(summary: pa.Table) -> pa.Table:
    """Rank compositions by their means over every task, on continents and on all at once.

    Only places where every composition was judged count. `dense_rank` counts from 0 and is 0 for
    a composition that is best everywhere; `average_rank` counts from 1.
    """
    return pa.Table.from_pylist(list(_ranked(summary)), schema=RANKS)


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


def _ranked(summary: pa.Table) -> Iterator[Row]:
    groups: dict[tuple[Any, ...], dict[tuple[str, str], dict[str, float]]] = defaultdict(dict)
    for row in judged_at_home(summary):
        over = ALL if row["continent"] == ALL else CONTINENTS
        means = groups[(*(row[axis] for axis in ASKED), over)]
        oriented = direction(row["metric"]) * row["mean"]
        means.setdefault((row["task"], row["continent"]), {})[row["composition"]] = oriented
    for (*place, over), means in groups.items():
        yield from (
            {**dict(zip(ASKED, place, strict=True)), "over": over, **row} for row in _rows(means)
        )


def _rows(means: dict[tuple[str, str], dict[str, float]]) -> Iterator[Row]:
    compositions = list(dict.fromkeys(name for place in means.values() for name in place))
    whole = [place for place in means.values() if len(place) == len(compositions)]
    if len(compositions) < 2 or not whole:
        return
    scores = np.array([[place[name] for place in whole] for name in compositions])
    found, dense = agreement(scores), mean_dense(scores)
    for at in np.argsort(dense, kind="stable"):
        yield {
            "composition": compositions[at],
            "dense_rank": float(dense[at]),
            "average_rank": None if found is None else float(found.ranks[at]),
            "critical": None if found is None else found.critical,
            "friedman": None if found is None else found.statistic,
            "p": None if found is None else found.p,
            "num_places": len(whole),
        }


def _friedman(each: np.ndarray) -> float:
    """Return Friedman's statistic; 0 where every place ties everything."""
    num_ranked, num_places = each.shape
    between = ((each.mean(axis=1) - (num_ranked + 1) / 2) ** 2).sum() * num_places
    within = ((each - (num_ranked + 1) / 2) ** 2).sum() / (num_places * (num_ranked - 1))
    return float(between / within) if within else 0.0
