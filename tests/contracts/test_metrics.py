"""Does every metric keep its word, and say what scikit-learn says?"""

import math
from typing import get_args

import numpy as np
import pytest
from sklearn import metrics as reference

from terrasweep.dashboards.tables.cells import LESS_IS_BETTER
from terrasweep.infra.seeds import generator
from terrasweep.models.members import METRICS
from terrasweep.models.probing.problem import Prediction, number
from terrasweep.models.spec import Target

OFFICIAL = {
    "accuracy": lambda y, p: reference.accuracy_score(y, p.labels),
    "auc": lambda y, p: reference.roc_auc_score(y, p.scores[:, 1]),
    "balanced_accuracy": lambda y, p: reference.balanced_accuracy_score(y, p.labels),
    "f1": lambda y, p: reference.f1_score(y, p.labels),
    "f1_macro": lambda y, p: reference.f1_score(y, p.labels, average="macro"),
    "f1_micro": lambda y, p: reference.f1_score(y, p.labels, average="micro", zero_division=0),
    "miou": lambda y, p: reference.jaccard_score(y, p.labels, average="macro"),
    "f1_weighted": lambda y, p: reference.f1_score(y, p.labels, average="weighted"),
    "r2": lambda y, p: reference.r2_score(y, p.labels),
    "rmse": lambda y, p: reference.root_mean_squared_error(y, p.labels),
    "log_loss": lambda y, p: reference.log_loss(y, p.scores, labels=list(range(p.scores.shape[1]))),
}


def prediction(target: str, *, ties: bool, seed: int) -> tuple[np.ndarray, Prediction]:
    draw = generator("metrics", target, seed)
    if target == "number":
        truth = draw.normal(size=200)
        return truth, number(truth + draw.normal(size=200))
    if target == "labels":
        truth = draw.integers(2, size=(200, 5))
        scores = np.clip(0.5 * truth + 0.7 * draw.random((200, 5)), 0, 1)
        return truth, Prediction((scores > 0.5).astype(np.int64), scores)
    classes = 2 if target == "binary" else 3 + 11 * (seed % 2)
    truth = draw.integers(classes, size=200)
    truth[:classes] = np.arange(classes)
    raw = draw.random((200, classes)) + np.eye(classes)[truth] * 0.5
    scores = np.round(raw, 1) + 0.05 if ties else raw
    scores /= scores.sum(axis=1, keepdims=True)
    return truth, Prediction(scores.argmax(axis=1), scores)


def test_every_metric_is_compared_with_an_official_one():
    assert set(OFFICIAL) == set(METRICS.names)


def of(*targets: str) -> list[str]:
    return [name for name in METRICS.names if set(targets) & set(METRICS[name].JUDGES)]


@pytest.mark.parametrize("name", METRICS.names)
@pytest.mark.parametrize("ties", [False, True])
def test_it_says_what_scikit_learn_says(name: str, ties: bool):
    metric = METRICS[name]
    assert set(metric.JUDGES) <= set(get_args(Target))
    for target in metric.JUDGES:
        for seed in range(5):
            truth, said = prediction(target, ties=ties, seed=seed)
            expected = OFFICIAL[name](truth, said)
            assert metric.score(truth, said) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", of("binary"))
def test_the_truth_scores_better_than_its_opposite(name: str):
    truth = np.array([0, 1, 0, 1, 1])
    metric = METRICS[name]
    right = metric.score(truth, Prediction(truth, np.eye(2)[truth]))
    wrong = metric.score(truth, Prediction(1 - truth, np.eye(2)[1 - truth]))
    assert math.isfinite(right)
    assert math.isfinite(wrong)
    assert (right > wrong) == metric.HIGHER_IS_BETTER


@pytest.mark.parametrize("name", of("number"))
def test_the_true_numbers_score_better_than_their_opposites(name: str):
    truth, metric = np.array([1.0, -2.0, 3.0]), METRICS[name]
    right, wrong = metric.score(truth, number(truth)), metric.score(truth, number(-truth))
    assert (right > wrong) == metric.HIGHER_IS_BETTER


def test_numbers_that_never_vary_are_explained_or_not():
    same = np.full(4, 2.5)
    assert METRICS["r2"].score(same, number(same)) == 1.0
    assert METRICS["r2"].score(same, number(same + 1)) == 0.0


def test_no_label_said_and_none_there_is_no_error():
    none = np.zeros((4, 3), dtype=np.int64)
    assert METRICS["f1_micro"].score(none, Prediction(none, none.astype(float))) == 0.0


@pytest.mark.parametrize("name", of("binary"))
def test_a_class_that_is_never_said_is_no_error(name: str):
    """Some continents lack a class, and a weak probe says one class only."""
    truth = np.array([0, 1, 1, 0])
    said = Prediction(np.zeros(4, dtype=np.int64), np.tile([1.0, 0.0], (4, 1)))
    assert math.isfinite(METRICS[name].score(truth, said))


def test_a_class_said_but_not_there_costs_f1_macro_a_zero():
    truth = np.array([0, 0, 1, 1])
    said = Prediction(np.array([0, 2, 1, 1]), np.eye(3)[[0, 2, 1, 1]])
    assert METRICS["f1_macro"].score(truth, said) == pytest.approx((2 / 3 + 1 + 0) / 3)


def test_tables_know_of_which_metrics_less_is_better():
    assert {name for name in METRICS.names if not METRICS[name].HIGHER_IS_BETTER} == LESS_IS_BETTER
