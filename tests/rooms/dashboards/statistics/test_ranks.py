"""Ranks against SciPy's own and the tables of the literature."""

import numpy as np
import pytest
from scipy import stats

from terrasweep.dashboards.statistics.ranks import agreement, cliques, critical_difference, dense
from terrasweep.infra.seeds import generator


def test_dense_ranks_leave_no_rank_out():
    scores = np.array([[0.9], [0.7], [0.9], [0.1]])

    assert dense(scores)[:, 0].tolist() == [0, 1, 0, 2]


@pytest.mark.parametrize("decimals", [8, 1])
def test_the_statistic_is_that_of_scipys_friedman_test_with_and_without_ties(decimals):
    scores = generator("ranks").normal(size=(5, 12)).round(decimals)

    found, theirs = agreement(scores), stats.friedmanchisquare(*scores)

    assert (found.statistic, found.p) == pytest.approx((theirs.statistic, theirs.pvalue))


def test_what_ties_everywhere_does_not_differ():
    found = agreement(np.ones((4, 6)))

    assert (found.statistic, found.p) == (0.0, 1.0)
    assert found.ranks.tolist() == [2.5] * 4


def test_the_critical_difference_is_that_of_demsars_table():
    """Demsar 2006, table 5: q at 0.05 is 1.960, 2.569 and 3.164 for 2, 4 and 10 classifiers."""
    for num, q in ((2, 1.960), (4, 2.569), (10, 3.164)):
        assert critical_difference(num, 14) == pytest.approx(
            q * np.sqrt(num * (num + 1) / (6 * 14)), rel=5e-4
        )


def test_false_alarms_come_at_the_nominal_rate():
    rng = generator("ranks", "alarms")
    alarms = [agreement(rng.normal(size=(4, 30))).p < 0.05 for _ in range(1000)]

    assert 0.03 < np.mean(alarms) < 0.07


def test_two_compositions_or_one_place_are_not_ranked():
    assert agreement(np.ones((2, 9))) is None
    assert agreement(np.ones((9, 1))) is None


def test_neighbours_that_cannot_be_told_apart_stand_together():
    ranks = np.array([1.0, 3.9, 1.8, 2.5])

    assert cliques(ranks, critical=1.0) == [(0, 2), (2, 3)]
    assert cliques(ranks, critical=5.0) == [(0, 2, 3, 1)]
    assert cliques(ranks, critical=0.1) == []
