"""Rank correlations against SciPy's own, orders counted by hand, and simulated sweeps."""

import numpy as np
import pytest
from scipy import stats

from terrasweep.dashboards.statistics.correlation import correlation
from terrasweep.infra.seeds import generator


def test_it_is_spearmans_correlation_with_ties():
    rng = generator("diversity")
    x, y = rng.integers(5, size=20), rng.normal(size=20)

    found, theirs = correlation(x, y, name="ties"), stats.spearmanr(x, y)

    assert (found.rho, found.p_student) == pytest.approx((theirs.statistic, theirs.pvalue))


def test_few_points_are_tried_in_every_order():
    found = correlation(np.arange(4), np.arange(4), name="four")

    assert found.rho == 1.0
    assert found.p == pytest.approx(2 / 24)  # the order itself and its mirror


def test_the_permutation_p_is_that_of_scipy():
    rng = generator("diversity", "permuted")
    x = rng.normal(size=12)
    y = x + 1.5 * rng.normal(size=12)

    theirs = stats.permutation_test(
        (x,),
        lambda x: stats.spearmanr(x, y).statistic,
        permutation_type="pairings",
        n_resamples=5000,
        rng=np.random.default_rng(0),
    )

    assert correlation(x, y, name="p").p == pytest.approx(theirs.pvalue, abs=0.01)


def test_a_partial_correlation_is_the_one_of_the_textbook():
    rng = generator("diversity", "partial")
    z = rng.normal(size=30)
    x, y = z + rng.normal(size=30), z + rng.normal(size=30)
    xy, xz, yz = (stats.spearmanr(*pair).statistic for pair in ((x, y), (x, z), (y, z)))

    found = correlation(x, y, given=z[:, None], name="partial")

    assert found.rho == pytest.approx((xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2)))


def test_what_says_nothing_has_no_correlation():
    assert correlation(np.arange(3), np.arange(3), name="few") is None
    assert correlation(np.zeros(9), np.arange(9), name="same") is None


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    rng, truth, held = generator("diversity", "coverage"), 0.5, []
    pearson = 2 * np.sin(np.pi * truth / 6)  # of a normal pair with this rank correlation
    for at in range(200):
        x, noise = rng.normal(size=(2, 25))
        y = pearson * x + np.sqrt(1 - pearson**2) * noise
        found = correlation(x, y, name=str(at))
        held.append(found.low <= truth <= found.high)

    assert np.mean(held) > 0.88
