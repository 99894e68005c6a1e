import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from terrasweep.samplers.draw.ranks import (
    MARGIN,
    draw,
    exponential_keys,
    hashes,
    key_threshold,
    rank_bound,
    ranks,
)


def test_hashes_and_ranks_never_change():
    """They are in finished manifests: whoever changes them must raise SampleSpec.recipe."""
    rank_hash = hashes(["tile-7", "tile-8"])
    assert rank_hash[0] == 18375875657748639932
    assert ranks(rank_hash, replicate=0).tolist() == [10396632172910253256, 14774053320937721074]
    assert ranks(rank_hash, replicate=1).tolist() == [8883285152856365810, 15165696463017587684]


def test_ranks_of_a_replicate_are_a_shuffle_of_their_own():
    rank_hash = hashes(f"s{number}" for number in range(20_000))
    one, other = (ranks(rank_hash, replicate=replicate) for replicate in (0, 1))
    assert len(np.unique(one)) == len(rank_hash)
    assert abs(np.corrcoef(one.astype(float), other.astype(float))[0, 1]) < 0.03
    shares = np.histogram(one.astype(float), bins=10, range=(0, 2.0**64))[0] / len(one)
    assert np.abs(shares - 0.1).max() < 0.01


def test_ranks_do_not_follow_the_order_of_hashes():
    in_order = np.arange(1000, dtype=np.uint64)
    ranked = ranks(in_order, replicate=0).astype(float)
    assert abs(np.corrcoef(in_order.astype(float), ranked)[0, 1]) < 0.1


def test_every_group_gives_its_lowest_ranks_and_ties_go_to_the_first_id():
    ranked = np.array([5, 1, 1, 9, 1, 0, 3], dtype=np.uint64)
    ids = np.array(["a", "c", "b", "d", "e", "f", "g"], dtype=object)
    groups = np.array([0, 0, 0, 1, 0, -1, 1])
    assert draw(ranked, ids=ids, groups=groups, quota=[2, 1]).tolist() == [1, 2, 6]
    assert draw(ranked, ids=ids, groups=groups, quota=[0, 0]).tolist() == []
    assert draw(ranked, ids=ids, groups=groups, quota=[9, 9]).tolist() == [0, 1, 2, 3, 4, 6]


def test_waits_keep_the_order_of_ranks_and_are_exponential():
    ranked = np.sort(ranks(np.arange(100_000, dtype=np.uint64), replicate=0))
    wait = exponential_keys(ranked)
    assert (np.diff(wait) >= 0).all()
    assert abs(wait.mean() - 1) < 0.02
    ends = exponential_keys(np.array([0, 2**64 - 1], dtype=np.uint64))
    assert (np.isfinite(ends) & (ends > 0)).all()


@pytest.mark.parametrize("quota", [1, 100, 5_000])
@pytest.mark.parametrize("times", [1, 20])
def test_a_ceiling_lets_enough_pass_and_little_more(quota: int, times: int):
    """Of a hundred thousand of which all, or one in twenty, were seen."""
    wait = exponential_keys(ranks(np.arange(100_000, dtype=np.uint64), replicate=0))
    weights = np.random.Generator(np.random.PCG64(1)).uniform(0.1, 2, 100_000)
    bound = key_threshold(quota, weights=weights[::times], times=times)
    passed = np.count_nonzero(wait / weights <= bound)
    assert quota <= passed <= 2 * quota + 300


@pytest.mark.parametrize("quota", [10, 1_000, 12_000])
@pytest.mark.parametrize("spread", [0.1, 3.0, 12.0])
def test_a_ceiling_is_found_for_weights_of_any_spread(quota: int, spread: float):
    weights = np.exp(np.random.Generator(np.random.PCG64(2)).normal(0, spread, 20_000))
    expected = -np.expm1(-weights * key_threshold(quota, weights=weights)).sum()
    wanted = (quota + MARGIN * np.sqrt(quota) + 64) * 4 / 3
    assert expected == pytest.approx(wanted, rel=1e-6)


def test_a_ceiling_lets_everything_pass_where_most_is_drawn_or_little_is_known():
    assert key_threshold(90, weights=np.ones(100)) == np.inf
    assert key_threshold(1, weights=np.ones(40), times=1000) == np.inf
    assert key_threshold(5, weights=np.array([1.0, *np.zeros(999)])) == np.inf


@given(st.floats(0, 60), st.integers(0, 2**64 - 1))
def test_no_rank_beyond_the_last_waits_as_short(wait: float, rank: int):
    """What a scan passes over without working out its wait would not have been kept."""
    bound = rank_bound(wait)
    near = np.array([rank, min(int(bound) + 1, 2**64 - 1), 2**64 - 1], dtype=np.uint64)
    beyond = near[near > bound]
    assert (exponential_keys(beyond) > wait).all()


def test_few_are_looked_at_beyond_those_that_are_kept():
    assert int(rank_bound(0.01)) / 2**64 == pytest.approx(1 - np.exp(-0.01), rel=1e-6)
