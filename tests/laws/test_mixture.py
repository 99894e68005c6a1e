"""The law of mixtures: each component draws as if it were alone.

The expected share of every stratum in a mixture is the weighted sum of its components' shares. Of
samples that two components draw, the first keeps them, so near the pool's size the second is left
with what the first did not take, and no more than that.
"""

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest

from terrasweep.infra.spec import Spec
from terrasweep.samplers.draw.scan import DrawRequest
from terrasweep.samplers.spec.composition import CompositionSpec
from terrasweep.samplers.spec.places import Box, Cities, EntropyTop, Only, PerSample, Union
from terrasweep.samplers.spec.rules import (
    Component,
    Difference,
    EntropyHistogram,
    EntropyWeighted,
    Mixture,
    Stratified,
    Uniform,
)
from tests.support.drawing import facts_of, pool_of, selected

RULES: dict[str, Spec] = {
    "per_sample": PerSample(),
    "uniform": Uniform(),
    "only": Only(values=("africa", "asia")),
    "cities": Cities(top=300, radius_km=100),
    "box": Box(south=0, north=5, west=0, east=12),
    "entropy_top": EntropyTop(fraction=0.3),
    "entropy_weighted": EntropyWeighted(temperature=0.3),
    "entropy_histogram": EntropyHistogram(edges=(0.0, 1.0, 3.0), shares=(3.0, 1.0)),
    "stratified": Stratified(over="biome"),
    "union": Union(of=(Box(south=0, north=3), EntropyTop(fraction=0.1))),
    "difference": Difference(of=PerSample(), less=(Box(south=4, north=8),)),
}
REPLICATES = 40
SIZE = 50
FIRST, SECOND = 2, 3
"""Weights of the two components."""

Feature = Callable[[pa.Table], np.ndarray]
FEATURES: dict[str, Feature] = {
    "continent africa": lambda rows: np.asarray(rows.column("continent")) == "africa",
    "the south": lambda rows: np.asarray(rows.column("lat")) < 4,
    "high entropy": lambda rows: np.nan_to_num(np.asarray(rows.column("entropy"))) > 2,
}


@pytest.fixture(scope="module")
def pool() -> pa.Table:
    return pool_of(6000, seed=5)


@pytest.fixture(scope="module")
def facts(pool: pa.Table):
    return facts_of(pool)


def shares(pool: pa.Table, facts, rule: Spec, size: int, replicates: int) -> np.ndarray:
    """Return the share of each feature in each replicate, (replicates, features)."""
    rows = []
    for replicate in range(replicates):
        composition = CompositionSpec(rule=rule, size=size)
        request = DrawRequest(composition, replicate=replicate, guard="none")
        made, _ = selected([pool], request, facts=facts)
        rows.append([feature(made).mean() for feature in FEATURES.values()])
    return np.array(rows)


@pytest.fixture(scope="module")
def alone(pool, facts) -> dict[str, np.ndarray]:
    """What each rule draws when it is alone, a sample of many draws."""
    return {name: shares(pool, facts, rule, SIZE, 2 * REPLICATES) for name, rule in RULES.items()}


def mixture(first: Spec, second: Spec) -> Mixture:
    return Mixture(
        components=(
            Component(name="first", rule=first, weight=FIRST),
            Component(name="second", rule=second, weight=SECOND),
        )
    )


@pytest.mark.parametrize(("first", "second"), list(combinations(RULES, 2)))
def test_shares_of_a_mixture_are_the_weighted_sum_of_its_components(
    first, second, pool, facts, alone
):
    made = shares(pool, facts, mixture(RULES[first], RULES[second]), SIZE, REPLICATES)
    weights = np.array([FIRST, SECOND]) / (FIRST + SECOND)
    expected = weights[0] * alone[first].mean(axis=0) + weights[1] * alone[second].mean(axis=0)
    variance = made.var(axis=0) / REPLICATES
    for weight, name in zip(weights, (first, second), strict=True):
        variance = variance + weight**2 * alone[name].var(axis=0) / (2 * REPLICATES)
    # 55 pairs of three features: one in ten thousand such tests would miss five errors by chance.
    assert (np.abs(made.mean(axis=0) - expected) <= 5 * np.sqrt(variance) + 0.012).all()


def test_a_component_draws_the_same_samples_whatever_else_is_in_the_mixture(pool, facts):
    """Law 7 within a component: sizes are nested, and what stands beside it changes nothing."""
    ids = []
    for weight, size in ((1, 40), (3, 80)):
        rule = Mixture(
            components=(
                Component(name="south", rule=Box(south=0, north=6), weight=1),
                Component(name="north", rule=Box(south=6, north=12), weight=weight),
            )
        )
        request = DrawRequest(CompositionSpec(rule=rule, size=size), replicate=0, guard="none")
        made, _ = selected([pool], request, facts=facts)
        lat = np.asarray(made.column("lat"))
        ids.append(set(np.asarray(made.column("id"))[lat < 6]))
    assert len(ids[0]) == len(ids[1]) == 20
    assert ids[0] == ids[1]


def test_near_the_size_of_the_pool_the_second_is_left_with_what_the_first_did_not_take():
    """Held against a simulation that knows nothing of ranks: successive weighted draws."""
    small = pool_of(400, seed=6)
    size, temperature = 300, 0.4
    rule = mixture(EntropyWeighted(temperature=temperature), PerSample())
    made = shares(small, facts_of(small), rule, size, 150)
    entropy = np.asarray(small.column("entropy"), dtype=np.float64)
    weight = np.where(np.isnan(entropy), 0.0, np.exp(np.nan_to_num(entropy) / temperature))
    features = np.stack([feature(small) for feature in FEATURES.values()], axis=1)
    rng = np.random.default_rng(0)
    simulated = []
    for _ in range(600):
        first = rng.choice(len(weight), size * 2 // 5, replace=False, p=weight / weight.sum())
        rest = np.setdiff1d(np.arange(len(weight)), first)
        second = rng.choice(rest, size * 3 // 5, replace=False)
        simulated.append(features[np.concatenate([first, second])].mean(axis=0))
    error = np.sqrt(made.var(axis=0) / 150 + np.var(simulated, axis=0) / 600)
    assert (np.abs(made.mean(axis=0) - np.mean(simulated, axis=0)) <= 5 * error + 1e-9).all()
