"""One comparison under several models, as a sentence."""

from terrasweep.dashboards.report.contrasts import across_models
from terrasweep.dashboards.statistics.differences import MEAN


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
