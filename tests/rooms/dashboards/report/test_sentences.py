"""The answer in sentences, against the statistics it is made from."""

from dataclasses import replace

from terrasweep.dashboards.report.sentences import across_models, headline, verdicts
from terrasweep.dashboards.statistics.differences import MEAN, differences
from terrasweep.dashboards.tables.cells import tidy
from tests.support.study import Study


def test_sentences_say_who_is_ahead_where_by_how_much_and_how_sure(tmp_path):
    study = Study(tmp_path, compositions=("uniform", "europe", "balanced"), seeds=20).write()
    plan, _ = study.ledger.plan(study.name)
    cells = tidy(plan, results=study.ledger.results(), failures=study.ledger.failures())
    rows = differences(cells, baseline="uniform").to_pylist()
    told = {row["continent"]: row for row in rows if row["composition"] == "europe"}
    home, mean = told["europe"], told["mean of continents"]

    (said,) = (v.sentences for v in verdicts(rows, baseline="uniform") if v.composition == "europe")

    assert mean["difference"] < 0 < home["difference"]
    by = f"{-mean['difference']:.3f} [{-mean['high']:.3f}, {-mean['low']:.3f}]"
    assert said[0] == (
        f"uniform beats europe by {by} F1 on average over 6 continents, 20 paired seeds."
    )
    assert said[1].startswith("uniform is ahead on 5 of 6 continents, least in ")
    by = f"{home['difference']:.3f} [{home['low']:.3f}, {home['high']:.3f}]"
    assert said[2] == f"europe is ahead in Europe by {by}."
    assert headline(rows, baseline="uniform") == (
        "Balanced beats uniform; europe falls behind uniform, on average over the continents, "
        "based on one pretraining run of each."
    )


def test_what_cannot_be_told_apart_is_said_to_be_so(tmp_path):
    study = Study(tmp_path, compositions=("uniform", "europe"), seeds=4, continents=("europe",))
    rows = [replace(row, value=0.7 + row.seed % 2 / 50) for row in study.rows()]
    rows[0] = replace(rows[0], value=0.69)
    study.plan()
    study.ledger.append(rows)
    plan, _ = study.ledger.plan(study.name)
    cells = tidy(plan, results=study.ledger.results(), failures=study.ledger.failures())
    compared = differences(cells, baseline="uniform").to_pylist()

    assert headline(compared, baseline="uniform") == (
        "Europe is not distinguishable from uniform, in Europe, "
        "based on one pretraining run of each."
    )
    (verdict,) = verdicts(compared, baseline="uniform")
    assert verdict.sentences == ("Not distinguishable in Europe.",)


def row(model, continent, difference, low, high, *, p=0.001, seen=True, composition="cities"):
    return {
        "composition": composition,
        "model": model,
        "task": "crops",
        "tested": "same",
        "n": 100,
        "protocol": "linear",
        "metric": "f1",
        "continent": continent,
        "difference": difference,
        "low": low,
        "high": high,
        "p": p,
        "distinguishable": seen,
        "num_replicates": 1,
        "num_seeds": 50,
        "num_pairs": 50,
    }


def test_it_says_where_a_difference_shows_and_for_whom_it_does_not():
    rows = [
        row("presto", "africa", -0.004, -0.02, 0.012, p=0.6, seen=False),
        row("satclip", "africa", -0.09, -0.11, -0.07),
        row("presto", MEAN, 0.001, -0.01, 0.01, p=0.8, seen=False),
        row("satclip", MEAN, -0.02, -0.03, -0.01),
    ]
    assert across_models(rows, baseline="uniform") == [
        "For satclip, uniform beats cities by 0.090 F1 in Africa [0.070, 0.110], 50 paired seeds; "
        "for presto the difference is not distinguishable from zero."
    ]


def test_it_says_so_when_the_data_cannot_say():
    rows = [
        row("presto", MEAN, 0.001, -0.01, 0.01, p=0.8, seen=False),
        row("satclip", MEAN, 0.02, None, None, p=None, seen=False),
    ]
    assert across_models(rows, baseline="uniform") == [
        "For presto the difference between cities and uniform on average over the continents is "
        "not distinguishable from zero; for satclip there are too few pairs to compare cities "
        "with uniform."
    ]


def test_one_model_alone_is_not_compared():
    assert across_models([row("presto", "asia", 0.1, 0.09, 0.11)], baseline="uniform") == []
