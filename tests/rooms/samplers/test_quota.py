from itertools import pairwise

import pytest

from infra.errors import PoolError
from samplers.census import Totals
from samplers.places import Only
from samplers.quota import Share, apportion, share_out, split
from samplers.rules import Rule, Stratified, Uniform, Zero
from samplers.spec import CompositionSpec

HELD: Totals = {
    "continent": {"africa": 300, "asia": 500, "europe": 150, "none": 50},
    "biome": {"0": 100, "1": 600, "10": 300},
    "climate": {"0": 50, "3": 950},
}


def taken(rule: Rule, size: int, *, free: Totals = HELD) -> dict[str, int]:
    shares = share_out(CompositionSpec(rule=rule, size=size), held=HELD, free=free)
    return {share.stratum: share.taken for share in shares}


def test_uniform_draws_from_everything_even_off_the_continents():
    assert taken(Uniform(), 1000) == {"all": 1000}


def test_only_counts_its_values_as_one_stratum():
    assert taken(Only(values=("europe", "africa")), 450) == {"africa+europe": 450}


def test_equal_shares_go_to_known_values_and_the_first_names_get_what_is_left():
    assert taken(Stratified(), 440) == {"africa": 147, "asia": 147, "europe": 146}
    assert taken(Stratified(over="biome"), 11) == {"1": 6, "10": 5}


def test_proportional_shares_follow_what_may_be_drawn():
    rule = Stratified(shares="proportional")
    assert taken(rule, 95) == {"africa": 30, "asia": 50, "europe": 15}
    guarded: Totals = {**HELD, "continent": {"africa": 100, "asia": 500, "europe": 150, "none": 9}}
    assert taken(rule, 75, free=guarded) == {"africa": 10, "asia": 50, "europe": 15}


def test_a_short_stratum_is_made_up_for_by_the_others():
    rule = Stratified(short="redistribute")
    shares = share_out(CompositionSpec(rule=rule, size=600), held=HELD, free=HELD)
    assert shares == (
        Share("africa", asked=200, available=300, taken=225),
        Share("asia", asked=200, available=500, taken=225),
        Share("europe", asked=200, available=150, taken=150),
    )


def test_a_stratum_that_the_guard_emptied_is_short_not_forgotten():
    free: Totals = {**HELD, "continent": {"africa": 300, "asia": 500, "none": 50}}
    with pytest.raises(PoolError, match="200 samples of continent europe; found 0"):
        taken(Stratified(), 600, free=free)
    lenient = Stratified(short="redistribute")
    assert taken(lenient, 600, free=free) == {"africa": 300, "asia": 300, "europe": 0}


@pytest.mark.parametrize(
    ("rule", "size", "message"),
    [
        (Uniform(), 1001, "wanted 1,001 samples .*; found 1,000 .*; lower size to 1,000"),
        (Only(values=("europe",)), 151, "found 150 .*; lower size to 150"),
        (Stratified(), 600, "wanted 200 samples of continent europe; found 150; .*redistribute"),
        (Stratified(short="redistribute"), 951, "found 950 that may be drawn"),
        (Only(over="biome", values=("7",)), 5, "biome is '7'; found none .* it has 0, 1, 10"),
        (Only(values=("europe", "oceania")), 5, "continent is 'oceania'; found none in the pool"),
    ],
)
def test_too_much_asked_is_said_in_three_parts(rule: Rule, size: int, message: str):
    with pytest.raises(PoolError, match=message):
        taken(rule, size)


def test_zero_draws_nothing():
    assert share_out(CompositionSpec(rule=Zero()), held=HELD, free=HELD) == ()
    assert split(Zero(), held=HELD, free=HELD).home == {}


def test_a_larger_size_never_takes_a_seat_away():
    """Largest remainders do: of 10 seats this third party would get 2, of 11 only 1."""
    weights = {"a": 6, "b": 6, "c": 2}
    seats = [apportion(size, weights=weights) for size in range(60)]
    assert [sum(one.values()) for one in seats] == list(range(60))
    assert all(a[name] <= b[name] for a, b in pairwise(seats) for name in a)


@pytest.mark.parametrize("size", [0, 1, 7, 99, 10_000])
def test_seats_handed_out_at_once_are_those_handed_out_one_by_one(size: int):
    weights = {"a": 1, "b": 3, "c": 1000, "d": 77}
    caps = {"a": 4, "b": 5000, "c": 6000, "d": 40}
    seats = dict.fromkeys(weights, 0)
    for _ in range(size):
        room = [name for name in weights if seats[name] < caps[name]]
        seats[max(room, key=lambda name: (weights[name] / (2 * seats[name] + 1), -ord(name)))] += 1
    assert apportion(size, weights=weights, caps=caps) == seats
