"""The questions beyond `which is better`: ranks, architecture, home, labels, diversity."""

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from terrasweep.dashboards.statistics.convergence import convergence
from terrasweep.dashboards.statistics.differences import MEAN, differences
from terrasweep.dashboards.statistics.diversity import diversity, diversity_points, normalise
from terrasweep.dashboards.statistics.home_advantage import (
    assignment_p,
    home_advantage,
    home_advantages,
    home_matrices,
)
from terrasweep.dashboards.statistics.interaction import interaction, welch
from terrasweep.dashboards.statistics.ranks import ranks
from terrasweep.dashboards.tables.cells import SAME, summary
from terrasweep.dashboards.tables.rows import CellRow, SummaryRow, schema_of
from terrasweep.infra.seeds import generator

CONTINENTS = ("africa", "asia", "europe", "oceania")
HOMES = {name: {"rule": {"kind": "only", "values": [name]}} for name in CONTINENTS}


def cells(value, *, compositions, models=("presto",), ns=(100,), seeds=12, replicates=1, **axes):
    """Return tidy cells whose values are `value(composition, model, n, continent, replicate)`."""
    rows = []
    for composition in compositions:
        for model in models:
            for n in ns:
                for continent in CONTINENTS:
                    for replicate in range(replicates):
                        words = ("cells", composition, model, n, continent, replicate)
                        noise = generator(*words).normal(0, 0.01, size=seeds)
                        told = value(composition, model, n, continent, replicate)
                        rows += [
                            {
                                "composition": composition,
                                "model": model,
                                "task": "crops",
                                "continent": continent,
                                "n": n,
                                "protocol": "linear",
                                "metric": "f1",
                                "tested": SAME,
                                "status": "done",
                                "replicate": replicate,
                                "seed": seed,
                                "value": told + noise[seed],
                                **axes,
                            }
                            for seed in range(seeds)
                        ]
    return pa.Table.from_pylist(rows, schema=schema_of(CellRow))


def means(values, **axes):
    """Return a summary from {(composition, continent): mean}."""
    rows = [
        {
            "composition": composition,
            "continent": continent,
            "model": "presto",
            "task": "crops",
            "n": 100,
            "protocol": "linear",
            "metric": "f1",
            "tested": SAME,
            "mean": mean,
            **axes,
        }
        for (composition, continent), mean in values.items()
    ]
    return pa.Table.from_pylist(rows, schema=schema_of(SummaryRow))


def test_ranks_are_over_the_places_where_all_were_judged():
    table = means(
        {
            ("uniform", "asia"): 0.9,
            ("europe", "asia"): 0.8,
            ("zero", "asia"): 0.1,
            ("uniform", "africa"): 0.7,
            ("europe", "africa"): 0.8,
            ("zero", "africa"): 0.2,
            ("uniform", "oceania"): 0.9,
        }
    )

    found = {row["composition"]: row for row in ranks(table).to_pylist()}

    assert {name: row["dense_rank"] for name, row in found.items()} == {
        "uniform": 0.5,
        "europe": 0.5,
        "zero": 2.0,
    }
    assert found["zero"]["average_rank"] == 3.0
    assert {row["num_places"] for row in found.values()} == {2}


def test_where_less_is_better_the_smallest_value_ranks_first():
    table = means({("uniform", "asia"): 0.2, ("zero", "asia"): 0.9}, metric="log_loss")

    assert [row["composition"] for row in ranks(table).to_pylist()] == ["uniform", "zero"]


def test_welchs_test_is_that_of_scipy():
    rng = generator("welch")
    groups = [rng.normal(mean, mean + 0.5, size=size) for mean, size in ((0.0, 9), (1, 14))]
    means = [group.mean() for group in groups]
    errors = [stats.sem(group) for group in groups]

    f, p = welch(means, errors, [group.size for group in groups])

    theirs = stats.ttest_ind(*groups, equal_var=False)
    assert (f, p) == pytest.approx((theirs.statistic**2, theirs.pvalue))


def test_welchs_test_of_three_has_false_alarms_at_the_nominal_rate():
    rng = generator("welch", "alarms")
    sizes, scales = (6, 10, 20), (1.0, 3.0, 0.5)
    alarms = []
    for _ in range(2000):
        groups = [rng.normal(0, scale, size=n) for n, scale in zip(sizes, scales, strict=True)]
        errors = [group.std(ddof=1) / np.sqrt(group.size) for group in groups]
        alarms.append(welch([group.mean() for group in groups], errors, sizes)[1] < 0.05)

    assert 0.035 < np.mean(alarms) < 0.065


def test_a_difference_that_turns_with_the_architecture_is_found():
    def value(composition, model, *_):
        turns = 0.05 if model == "presto" else -0.05
        return 0.7 + {"uniform": 0.0, "cities": turns, "steady": 0.03}[composition]

    told = cells(value, compositions=("uniform", "cities", "steady"), models=("presto", "satclip"))

    found = {
        row["composition"]: row
        for row in interaction(differences(told, baseline="uniform")).to_pylist()
    }

    assert found["cities"]["depends"]
    assert (found["cities"]["most"], found["cities"]["least"]) == ("presto", "satclip")
    assert found["cities"]["range"] == pytest.approx(0.1, abs=0.02)
    assert not found["steady"]["depends"]


def test_the_home_advantage_is_the_diagonal_less_the_rest():
    strong_row, easy_column = np.arange(3)[:, None], np.arange(3)[None, :]

    assert home_advantage(np.eye(3)) == 1.0
    assert home_advantage(np.eye(3) + strong_row + 10 * easy_column) == pytest.approx(1.0)
    assert assignment_p(np.eye(3)) == pytest.approx(1 / 6)
    assert assignment_p(np.ones((3, 3))) == 1.0


def test_local_best_is_found_and_its_absence_is_not():
    def local(composition, model, n, continent, replicate):
        return 0.7 + 0.04 * (composition == continent)

    (found,) = home_advantages(
        home_matrices(cells(local, compositions=CONTINENTS), HOMES)
    ).to_pylist()
    (none,) = home_advantages(
        home_matrices(cells(lambda *_: 0.7, compositions=CONTINENTS), HOMES)
    ).to_pylist()

    assert found["advantage"] == pytest.approx(0.04, abs=0.01)
    assert found["low"] > 0
    assert found["p_assignment"] == pytest.approx(1 / 24)
    assert none["low"] < 0 < none["high"]


def test_only_compositions_of_one_continent_are_crossed():
    told = cells(lambda *_: 0.7, compositions=("africa", "asia", "uniform"))
    compositions = {**HOMES, "uniform": {"rule": {"kind": "uniform"}}}

    assert home_matrices(told, compositions) == []


def test_the_n_from_which_a_difference_is_gone_is_told():
    gap = {100: 0.08, 500: 0.04, 2000: 0.0, 5000: 0.0}

    def value(composition, model, n, *_):
        return 0.7 + {"uniform": 0.0, "europe": -gap[n], "steady": -0.1}[composition]

    told = cells(value, compositions=("uniform", "europe", "steady"), ns=tuple(gap), seeds=20)
    found = {
        row["composition"]: row
        for row in convergence(differences(told, baseline="uniform")).to_pylist()
    }

    assert (found["europe"]["says"], found["europe"]["vanishes_at"]) == ("vanishes", 2000)
    assert found["steady"]["says"] == "distinguishable to the end"
    assert found["steady"]["vanishes_at"] is None


def test_one_n_does_not_converge():
    told = cells(lambda *_: 0.7, compositions=("uniform", "europe"))

    assert convergence(differences(told, baseline="uniform")).num_rows == 0


def test_normalised_scores_run_from_no_pretraining_to_the_best():
    rows = means({("zero", "asia"): 0.2, ("europe", "asia"): 0.5, ("uniform", "asia"): 0.8})
    errors = means({("zero", "asia"): 9.0, ("europe", "asia"): 3.0}, metric="rmse", task="yield")

    first = normalise(rows.to_pylist())
    both = normalise([*rows.to_pylist(), *errors.to_pylist()])

    assert first.means() == {"zero": 0.0, "europe": pytest.approx(0.5), "uniform": 1.0}
    assert {row["composition"]: row["score"] for row in both.rows if row["task"] == "yield"} == {
        "zero": 0.0,
        "europe": 1.0,
    }
    assert first.version.startswith("zero-best-")
    assert first.version != both.version


def test_diversity_that_goes_with_performance_is_found_beside_one_that_does_not():
    names = [f"c{at}" for at in range(8)]
    shuffled = [3, 0, 6, 2, 7, 1, 5, 4]
    cards = {
        name: [
            {
                "entropy_nats": {"continent": float(shuffled[at])},
                "mean_spectral_entropy": 1.0 + at,
            }
        ]
        for at, name in enumerate(names)
    }
    table = means(
        {(name, "asia"): 0.1 * at for at, name in enumerate(names)} | {("zero", "asia"): 0}
    )

    rows = diversity(diversity_points(table, {"presto": cards})).to_pylist()
    found = {(row["measure"], row["given"]): row for row in rows}

    assert found["spectral", ""]["rho"] == 1.0
    assert found["spectral", ""]["p"] == pytest.approx(2 / 40320)
    assert abs(found["continent", ""]["rho"]) < 0.5
    assert found["spectral", ""]["num_compositions"] == 8  # no pretraining has no card
    assert ("spectral", "continent") in found


def test_a_summary_tells_median_and_interquartile_mean():
    table = cells(lambda *_: 0.7, compositions=("uniform",), seeds=9)
    values = np.sort([row["value"] for row in table.to_pylist() if row["continent"] == "africa"])

    row = next(row for row in summary(table).to_pylist() if row["continent"] == "africa")

    assert row["median"] == pytest.approx(np.median(values))
    assert row["iqm"] == pytest.approx(stats.trim_mean(values, 0.25))


def test_a_difference_says_what_would_settle_it_and_how_often_it_is_ahead():
    told = cells(
        lambda composition, *_: 0.7 + 0.002 * (composition == "europe"),
        compositions=("uniform", "europe"),
        seeds=30,
    )

    row = next(
        row for row in differences(told, baseline="uniform").to_pylist() if row["continent"] == MEAN
    )

    power = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    sd = row["error"] * np.sqrt(30)
    assert row["num_to_settle"] == pytest.approx((power * sd / abs(row["difference"])) ** 2, abs=4)
    assert row["improves_low"] <= row["improves"] <= row["improves_high"]
    assert row["p"] <= row["p_bh"] <= row["p_holm"]
