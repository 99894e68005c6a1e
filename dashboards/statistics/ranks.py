"""Which composition ranks first over many places, and whether the places agree on it.

There are two kinds of rank: the mean of dense ranks counted from 0, as one of the studies prints
it, and average ranks with the test of Friedman and the critical difference of Nemenyi (Demsar
2006). A score matrix has one row per composition and one column per place (a task on a continent);
larger is better.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy.special import chdtrc
from scipy.stats import rankdata, studentized_range

from terrasweep.dashboards.statistics.differences import ALL
from terrasweep.dashboards.tables.cells import direction, tested_where_trained
from terrasweep.dashboards.tables.rows import (
    ModelSetting,
    RankRow,
    SummaryRow,
    group_by,
    model_setting_of,
    rows_of,
    to_table,
)
from terrasweep.infra.summary import CONFIDENCE

CONTINENTS = "continents"
FEWEST_PLACES = 2
FEWEST_RANKED = 3
"""Friedman's test of two compositions would be a sign test in disguise."""


class RankGroup(ModelSetting):
    """What one ranking is of."""

    over: str
    """Each continent, or all of them at once."""


@dataclass(frozen=True)
class Agreement:
    """Average ranks, and whether they differ by more than chance."""

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

    Only places where every composition was tested count. `dense_rank` counts from 0 and is 0 for
    a composition that is best everywhere; `average_rank` counts from 1.
    """
    return to_table(_rows(rows_of(summary, SummaryRow)), RankRow)


def dense(scores: np.ndarray) -> np.ndarray:
    """Return each row's 0-based dense rank in each column: ties share one, and none is left out."""
    ranks = [rankdata(-column, method="dense") - 1 for column in scores.T]
    return np.asarray(np.stack(ranks, axis=1))


def mean_dense(scores: np.ndarray) -> np.ndarray:
    """Return each row's mean of dense ranks."""
    return np.asarray(dense(scores).mean(axis=1))


def agreement(scores: np.ndarray) -> Agreement | None:
    """Return average ranks and their test; nothing where there is too little to rank."""
    num_ranked, num_places = scores.shape
    if num_ranked < FEWEST_RANKED or num_places < FEWEST_PLACES:
        return None
    ranks = np.stack([rankdata(-column) for column in scores.T], axis=1)
    statistic = _friedman(ranks)
    return Agreement(
        ranks=ranks.mean(axis=1),
        statistic=statistic,
        p=float(chdtrc(num_ranked - 1, statistic)),
        critical=critical_difference(num_ranked, num_places),
        num_places=num_places,
    )


def critical_difference(num_ranked: int, num_places: int) -> float:
    """Return how far apart two average ranks must be (Nemenyi, at the project's confidence)."""
    # The studentized range over the square root of 2, as in Demsar's table 5.
    q = float(studentized_range.ppf(CONFIDENCE, num_ranked, np.inf))
    return float(q / 2**0.5 * (num_ranked * (num_ranked + 1) / (6 * num_places)) ** 0.5)


def cliques(ranks: np.ndarray, *, critical: float) -> list[tuple[int, ...]]:
    """Return the largest groups of neighbours, in order of rank, that cannot be told apart."""
    order = [int(at) for at in np.argsort(ranks, kind="stable")]
    groups: list[tuple[int, ...]] = []
    for start in range(len(order)):
        near = [at for at in order[start:] if ranks[at] - ranks[order[start]] < critical]
        is_new = not groups or not set(near) <= set(groups[-1])
        if len(near) > 1 and is_new:
            groups.append(tuple(near))
    return groups


def _rows(summary: list[SummaryRow]) -> Iterator[RankRow]:
    for group, rows in group_by(tested_where_trained(summary), _group_of):
        places: dict[tuple[str, str], dict[str, float]] = {}
        for row in rows:
            place = places.setdefault((row["task"], row["continent"]), {})
            place[row["composition"]] = direction(row["metric"]) * row["mean"]
        yield from _ranked(group, list(places.values()))


def _group_of(row: SummaryRow) -> RankGroup:
    over = ALL if row["continent"] == ALL else CONTINENTS
    return {**model_setting_of(row), "over": over}


def _ranked(group: RankGroup, places: Sequence[Mapping[str, float]]) -> Iterator[RankRow]:
    compositions = list(dict.fromkeys(name for place in places for name in place))
    whole = [place for place in places if len(place) == len(compositions)]
    if len(compositions) < 2 or not whole:
        return
    scores = np.array([[place[name] for place in whole] for name in compositions])
    tested, dense_ranks = agreement(scores), mean_dense(scores)
    for at in np.argsort(dense_ranks, kind="stable"):
        yield {
            **group,
            "composition": compositions[at],
            "dense_rank": float(dense_ranks[at]),
            "average_rank": None if tested is None else float(tested.ranks[at]),
            "critical": None if tested is None else tested.critical,
            "friedman": None if tested is None else tested.statistic,
            "p": None if tested is None else tested.p,
            "num_places": len(whole),
        }


def _friedman(ranks: np.ndarray) -> float:
    """Return Friedman's statistic, corrected for ties; 0 where every place ties everything."""
    num_ranked, num_places = ranks.shape
    # Conover (1999), eq. 5.8.4: squares between compositions over the mean square within places.
    # Without ties the latter is k (k + 1) / 12, which gives the formula of the textbooks.
    middle = (num_ranked + 1) / 2
    between = ((ranks.mean(axis=1) - middle) ** 2).sum() * num_places
    within = ((ranks - middle) ** 2).sum() / (num_places * (num_ranked - 1))
    return float(between / within) if within else 0.0
