"""How alike two sets are, against scipy's divergence and against draws."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from terrasweep.infra.seeds import generator
from terrasweep.samplers.audit.similarity import jaccard, jensen_shannon, moved, moved_by_chance

COUNTS = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 50))


@given(COUNTS, COUNTS)
def test_the_divergence_is_scipys(one: dict[str, int], other: dict[str, int]):
    found = jensen_shannon(one, other)
    if not sum(one.values()) or not sum(other.values()):
        assert found is None
        return
    p, q = ([own.get(letter, 0) for letter in "abcdef"] for own in (one, other))
    assert found == pytest.approx(jensenshannon(p, q) ** 2, abs=1e-12)
    assert found == pytest.approx(jensen_shannon(other, one), abs=1e-12)
    assert found <= math.log(2) + 1e-12


def test_ids_shared_are_counted_once_each():
    assert jaccard(np.array([1, 2, 2, 3]), np.array([2, 3, 4])) == 2 / 4
    assert jaccard(np.array([1]), np.array([2])) == 0
    assert jaccard(np.array([], np.uint64), np.array([], np.uint64)) == 1


def test_what_would_have_to_move_is_what_one_has_too_much_of():
    assert moved({"a": 3, "b": 1}, {"a": 0.5, "b": 0.5}) == pytest.approx(0.25)
    assert moved({"a": 1}, {"b": 1}) == 1
    assert moved({"a": 1}, {}) is None


@pytest.mark.parametrize("count", [1, 7, 300, 20_000])
def test_what_luck_moves_is_what_it_moves_in_draws(count: int):
    shares = {"a": 0.5, "b": 0.3, "c": 0.1999, "d": 0.0001}
    p = np.array(list(shares.values()))
    counts = generator("luck", count).multinomial(count, p, size=4000)
    off = np.abs(counts / count - p).sum(axis=1) / 2
    error = 4 * off.std() / math.sqrt(len(off)) + 1e-12
    assert abs(moved_by_chance(shares, count=count) - off.mean()) <= error


def test_a_stratum_of_a_single_value_moves_nothing():
    assert moved_by_chance({"a": 1.0}, count=10) == pytest.approx(0, abs=1e-9)
