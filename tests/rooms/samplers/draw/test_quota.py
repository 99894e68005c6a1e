from fractions import Fraction
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from terrasweep.infra.errors import PoolError
from terrasweep.samplers.draw.apportion import apportion, whole_numbers
from terrasweep.samplers.draw.census import CENSUS, add
from terrasweep.samplers.draw.design import sampling_design
from terrasweep.samplers.draw.index import INDEX
from terrasweep.samplers.draw.pool_facts import PoolFacts
from terrasweep.samplers.draw.quota import StratumShare, allocate
from terrasweep.samplers.spec.places import Only, PerSample
from terrasweep.samplers.spec.rules import Component, Mixture, Rule, Stratified, Zero

HELD = {"africa": 300, "asia": 500, "europe": 150, "none": 50}
REST = {"coarse": 0, "climate": 3, "land_cover": "none", "realm": "none", "ecoregion": "none"}


def facts() -> PoolFacts:
    """A pool that is known by its counts alone."""
    lines = [{**REST, "continent": name, "biome": 1, "count": n} for name, n in HELD.items()]
    return PoolFacts(
        add([pa.Table.from_pylist(lines, schema=CENSUS)]),
        entropies={},
        cell_counts={},
        pilot=INDEX.empty_table(),
    )


def shares(rule: Rule, size: int, *free: list[int]) -> tuple[StratumShare, ...]:
    """Share out where the strata of each part have so many free samples."""
    design = sampling_design(rule, facts=facts())
    parts = allocate(design, size=size, free=[np.array(one) for one in free])
    return tuple(share for part in parts for share in part)


def taken(rule: Rule, size: int, *free: list[int]) -> dict[str, int]:
    return {share.stratum: share.taken for share in shares(rule, size, *free)}


ALL = [300, 500, 150]


def test_per_sample_draws_from_everything_even_off_the_continents():
    assert taken(PerSample(), 1000, [1000]) == {"all": 1000}


def test_only_counts_its_values_as_one_stratum():
    assert taken(Only(values=("europe", "africa")), 450, [450]) == {"africa+europe": 450}


def test_equal_shares_go_to_known_values_and_the_first_names_get_what_is_left():
    assert taken(Stratified(), 440, ALL) == {"africa": 147, "asia": 147, "europe": 146}


def test_given_shares_leave_out_what_they_do_not_name():
    rule = Stratified(shares={"asia": 0.3, "europe": 0.1})
    assert taken(rule, 200, [500, 150]) == {"asia": 150, "europe": 50}


def test_proportional_shares_follow_what_may_be_drawn():
    rule = Stratified(shares="proportional")
    assert taken(rule, 95, ALL) == {"africa": 30, "asia": 50, "europe": 15}
    assert taken(rule, 75, [100, 500, 150]) == {"africa": 10, "asia": 50, "europe": 15}


def test_a_short_stratum_is_made_up_for_by_the_others():
    assert shares(Stratified(short="redistribute"), 600, ALL) == (
        StratumShare("africa", asked=200, available=300, taken=225),
        StratumShare("asia", asked=200, available=500, taken=225),
        StratumShare("europe", asked=200, available=150, taken=150),
    )


def test_a_stratum_that_the_guard_emptied_is_short_not_forgotten():
    with pytest.raises(PoolError, match="200 samples of continent europe, got 0"):
        taken(Stratified(), 600, [300, 500, 0])
    lenient = Stratified(short="redistribute")
    assert taken(lenient, 600, [300, 500, 0]) == {"africa": 300, "asia": 300, "europe": 0}


@pytest.mark.parametrize(
    ("rule", "size", "free", "message"),
    [
        (
            PerSample(),
            1001,
            [1000],
            "Expected 1,001 samples .*, got 1,000 .*. Fix: lower size to 1,000",
        ),
        (Only(values=("europe",)), 151, [150], "got 150 .* Fix: lower size to 150"),
        (
            Stratified(),
            600,
            ALL,
            "Expected 200 samples of continent europe, got 150. Fix: .*redistrib",
        ),
        (Stratified(short="redistribute"), 951, ALL, "got 950 that may be drawn"),
        (Only(over="biome", values=("7",)), 5, [0], "'7 .tropical grassland.*got none .* it has"),
        (Only(values=("oceania",)), 5, [0], "continent is 'oceania', got none in the pool"),
        (
            Stratified(over="realm"),
            5,
            [0],
            "Expected the realm .* it knows biome, climate, continent",
        ),
        (Stratified(shares={"oceania": 1}), 5, [0], "continent is 'oceania', got none"),
    ],
)
def test_too_much_asked_is_said_in_three_parts(
    rule: Rule, size: int, free: list[int], message: str
):
    with pytest.raises(PoolError, match=message):
        taken(rule, size, free)


def mixture(short: str = "error", **fields: object) -> Mixture:
    """Europe and Asia by half, one field of Europe's set."""
    europe = {"name": "eu", "rule": Only(values=("europe",)), "weight": 1, **fields}
    asia = Component(name="as", rule=Only(values=("asia",)), weight=1)
    return Mixture(components=(Component(**europe), asia), short=short)


def test_components_get_their_weights():
    assert taken(mixture(weight=3), 100, [150], [500]) == {"eu: europe": 75, "as: asia": 25}


def test_a_short_component_fails_or_is_made_up_for():
    with pytest.raises(PoolError, match="200 samples for component 'eu', got 150"):
        taken(mixture(), 400, [150], [500])
    assert taken(mixture("redistribute"), 400, [150], [500]) == {"eu: europe": 150, "as: asia": 250}


def test_a_component_may_repeat_its_samples():
    assert taken(mixture(repeats=2), 400, [150], [500]) == {"eu: europe": 200, "as: asia": 200}
    with pytest.raises(PoolError, match="got 300"):
        taken(mixture(repeats=2), 800, [150], [500])


def test_a_component_that_is_frozen_is_not_made_up_for_and_makes_up_for_none():
    with pytest.raises(PoolError, match="component 'eu', got 150"):
        taken(mixture("redistribute", frozen=True), 400, [150], [500])
    rule = mixture("redistribute", frozen=True)
    with pytest.raises(PoolError, match="Expected 100 samples by rule 'mixture', got 90"):
        taken(rule, 200, [150], [90])


def test_a_component_keeps_its_least():
    rule = mixture("redistribute", least=0.4)
    assert taken(rule, 360, [150], [500]) == {"eu: europe": 150, "as: asia": 210}
    with pytest.raises(PoolError, match=r"at least 0.4 of 500 .*, got 150 after"):
        taken(rule, 500, [150], [500])


def test_zero_draws_nothing():
    assert shares(Zero(), 0) == ()


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


def test_weights_of_many_digits_are_shared_out_exactly():
    weights = whole_numbers([Fraction(str(1 / 3)), Fraction(str(2 / 3)), Fraction("1e-9")])
    named = dict(zip("abc", weights, strict=True))
    assert apportion(3_000_000_000, weights=named) == {"a": 999999999, "b": 1999999998, "c": 3}
