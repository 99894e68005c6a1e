"""Statistics against SciPy's own, hand-worked cases and simulated studies."""

from statistics import mean

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from terrasweep.dashboards.statistics.differences import MEAN, differences
from terrasweep.dashboards.statistics.intervals import estimate, resampled
from terrasweep.dashboards.statistics.multiple_testing import holm
from terrasweep.dashboards.tables.cells import Holes, HolesError, tidy
from terrasweep.dashboards.tables.rows import CellRow, schema_of
from terrasweep.infra.seeds import generator
from tests.support.study import Study


def cells(study):
    plan, _ = study.ledger.plan(study.name)
    return tidy(plan, results=study.ledger.results(), failures=study.ledger.failures())


def grid(values):
    """Return tidy cells from {(composition, continent, replicate): {seed: value}}."""
    rows = [
        {
            "key": f"{composition}-{continent}-{replicate}-{seed}",
            "composition": composition,
            "model": "presto",
            "task": "crops",
            "continent": continent,
            "n": 100,
            "protocol": "logistic",
            "seed": seed,
            "replicate": replicate,
            "metric": "f1",
            "status": "open" if value is None else "done",
            "value": value,
        }
        for (composition, continent, replicate), seeds in values.items()
        for seed, value in seeds.items()
    ]
    return pa.Table.from_pylist(rows, schema=schema_of(CellRow))


def single(pairs):
    return {0: dict(enumerate(pairs))}


def test_differences_are_paired_by_seed_and_seeds_that_one_lacks_are_left_out():
    ours = {0: 0.70, 1: 0.80, 2: 0.90}
    theirs = {2: 0.85, 1: 0.70, 3: 0.10}

    (row,) = differences(
        grid({("europe", "asia", 0): ours, ("uniform", "asia", 0): theirs}), baseline="uniform"
    ).to_pylist()

    assert row["difference"] == pytest.approx((0.10 + 0.05) / 2)
    assert (row["composition"], row["baseline"], row["num_pairs"]) == ("europe", "uniform", 2)


def test_the_p_value_is_that_of_the_paired_t_test():
    rng = generator("p value")
    ours, theirs = rng.normal(0.7, 0.02, 12), rng.normal(0.69, 0.02, 12)

    found = estimate(single(ours - theirs), words=["p"])

    assert found.p == pytest.approx(stats.ttest_rel(ours, theirs).pvalue)


def test_the_interval_of_symmetric_differences_is_about_students():
    pairs = stats.norm.ppf((np.arange(30) + 0.5) / 30)

    found = estimate(single(pairs), words=["t"])

    low, high = stats.t.interval(0.95, 29, loc=pairs.mean(), scale=stats.sem(pairs))
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.03)


def test_the_draws_are_those_of_scipys_bootstrap():
    pairs = generator("bootstrap").exponential(size=40)

    ours = resampled([pairs], num_draws=20_000, rng=generator("ours"))
    theirs = stats.bootstrap(
        (pairs,), np.mean, n_resamples=20_000, method="percentile", rng=generator("theirs")
    ).bootstrap_distribution

    for q in (0.025, 0.5, 0.975):
        assert np.quantile(ours, q) == pytest.approx(np.quantile(theirs, q), abs=0.01)


def test_draws_choose_replicates_before_seeds():
    groups = [np.full(3, 1.0), np.full(50, 4.0)]

    drawn = resampled(groups, num_draws=8000, rng=generator("levels"))

    numbers, counts = np.unique(drawn, return_counts=True)
    assert numbers.tolist() == [1.0, 2.5, 4.0]
    assert counts / 8000 == pytest.approx([0.25, 0.5, 0.25], abs=0.02)


def test_holm_corrects_as_worked_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_a_difference_of_the_detectable_size_would_be_found_four_times_in_five():
    pairs = generator("power").normal(0, 0.02, 15)

    found = estimate(single(pairs), words=["power"])

    critical = stats.t.ppf(0.975, 14)
    power = stats.nct.sf(critical, 14, found.detectable / stats.sem(pairs))
    assert power == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize(
    ("replicates", "seeds", "luck"), [(1, 10, 0.0), (1, 50, 0.0), (4, 10, 0.02), (4, 10, 0.0)]
)
def test_intervals_hold_the_truth_nineteen_times_in_twenty(replicates, seeds, luck):
    rng = generator("coverage", replicates, seeds, str(luck))
    held = 0
    for study in range(400):
        runs = rng.normal(0, luck, size=(replicates, 1))
        drawn = runs + rng.normal(0, 0.02, size=(replicates, seeds))
        pairs = {at: dict(enumerate(row)) for at, row in enumerate(drawn)}
        found = estimate(pairs, words=["coverage", study])
        held += found.low <= 0 <= found.high
    assert 0.92 <= held / 400 <= 0.98


def test_one_pretraining_run_says_nothing_of_luck_and_several_widen_the_interval():
    rng = generator("luck")
    lucky = rng.normal(0, 0.05, 5)
    values = {
        ("europe", "asia", at): dict(enumerate(0.7 + luck + rng.normal(0, 0.01, 20)))
        for at, luck in enumerate(lucky)
    }
    base = {("uniform", "asia", at): dict.fromkeys(range(20), 0.7) for at in range(5)}
    one = {place: seeds for place, seeds in (values | base).items() if place[2] == 0}

    (narrow,) = differences(grid(one), baseline="uniform").to_pylist()
    (wide,) = differences(grid(values | base), baseline="uniform").to_pylist()

    assert narrow["interval"] == "without the luck of the pretraining run"
    assert wide["interval"] == "over pretraining runs"
    assert wide["high"] - wide["low"] > 5 * (narrow["high"] - narrow["low"])
    assert (wide["num_pairs"], wide["num_replicates"], wide["num_seeds"]) == (100, 5, 20)


def test_the_mean_of_continents_is_taken_seed_by_seed_without_global():
    values = {
        ("europe", "asia", 0): {0: 0.8, 1: 0.9},
        ("europe", "africa", 0): {0: 0.6, 1: 0.7, 2: 0.1},
        ("europe", "global", 0): {0: 0.0, 1: 0.0},
    }
    base = {("uniform", continent, 0): dict.fromkeys(range(3), 0.5) for _, continent, _ in values}

    told = differences(grid(values | base), baseline="uniform").to_pylist()

    (average,) = (row for row in told if row["continent"] == MEAN)
    assert average["difference"] == pytest.approx(mean([0.2, 0.3]))
    assert average["num_pairs"] == 2


def test_planted_differences_are_found_and_equal_compositions_are_not_told_apart(tmp_path):
    study = Study(tmp_path, compositions=("uniform", "europe", "zero"), seeds=20).write()

    told = differences(cells(study), baseline="uniform").to_pylist()
    found = {(row["composition"], row["continent"]): row for row in told}

    for continent in study.continents:
        assert found["zero", continent]["distinguishable"]
        assert found["zero", continent]["difference"] == pytest.approx(-0.14, abs=0.02)
    assert found["europe", "africa"]["high"] < 0
    assert found["europe", "africa"]["distinguishable"]
    assert found["europe", "africa"]["num_tests"] == 12
    assert abs(found["europe", "europe"]["difference"]) < 0.02


def test_a_table_does_not_depend_on_the_order_of_its_rows(tmp_path):
    study = Study(tmp_path, compositions=("uniform", "europe"), seeds=5, replicates=2).write()
    table = cells(study)
    shuffled = table.take(generator("order").permutation(table.num_rows))

    def told(cells):
        rows = differences(cells, baseline="uniform").to_pylist()
        return sorted(rows, key=lambda row: row["continent"])

    assert told(table) == told(shuffled)


def test_differences_refuse_holes_unless_asked_and_then_count_them():
    values = {
        ("europe", "asia", 0): {0: 0.8, 1: 0.9, 2: None},
        ("uniform", "asia", 0): {0: 0.7, 1: None, 2: 0.6},
    }
    with pytest.raises(HolesError, match="2 open"):
        differences(grid(values), baseline="uniform")

    (row,) = differences(grid(values), baseline="uniform", holes=Holes.COUNT).to_pylist()
    assert (row["num_pairs"], row["num_holes"]) == (1, 2)
    assert row["difference"] == pytest.approx(0.1)
    assert row["low"] is None
    assert row["p"] is None
    assert not row["distinguishable"]


def test_differences_without_any_spread_are_what_they_are():
    same = estimate(single([0.0, 0.0, 0.0]), words=["same"])
    less = estimate(single([-0.25, -0.25]), words=["less"])

    assert (same.low, same.high, same.p) == (0, 0, 1)
    assert (less.low, less.high, less.p) == (-0.25, -0.25, 0)


def test_holes_that_are_counted_leave_the_other_numbers_alone(tmp_path):
    study = Study(
        tmp_path, compositions=("uniform", "zero"), seeds=4, continents=("asia", "africa")
    )
    study.plan()
    study.ledger.append(study.rows()[:-1])
    plan, _ = study.ledger.plan(study.name)
    cells = tidy(plan, results=study.ledger.results(), failures=study.ledger.failures())

    told = differences(cells, baseline="uniform", holes=Holes.COUNT).to_pylist()

    counted = {row["continent"]: (row["num_pairs"], row["num_holes"]) for row in told}
    assert counted == {"asia": (4, 0), "africa": (3, 1), "mean of continents": (3, 1)}
