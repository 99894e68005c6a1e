"""Does every metric keep its word, and say what scikit-learn says?"""

import math

import numpy as np
import pytest
from sklearn import metrics as reference

from infra.seeds import generator
from models.contract import Prediction
from models.members import METRICS

OFFICIAL = {
    "accuracy": lambda y, p: reference.accuracy_score(y, p.labels),
    "auc": lambda y, p: reference.roc_auc_score(y, p.scores[:, 1]),
    "balanced_accuracy": lambda y, p: reference.balanced_accuracy_score(y, p.labels),
    "f1": lambda y, p: reference.f1_score(y, p.labels),
    "f1_macro": lambda y, p: reference.f1_score(y, p.labels, average="macro"),
    "log_loss": lambda y, p: reference.log_loss(y, p.scores, labels=list(range(p.scores.shape[1]))),
}


def prediction(classes: int, *, ties: bool, seed: int) -> tuple[np.ndarray, Prediction]:
    draw = generator("metrics", classes, seed)
    truth = draw.integers(classes, size=200)
    truth[:classes] = np.arange(classes)
    raw = draw.random((200, classes)) + np.eye(classes)[truth] * 0.5
    scores = np.round(raw, 1) + 0.05 if ties else raw
    scores /= scores.sum(axis=1, keepdims=True)
    return truth, Prediction(scores.argmax(axis=1), scores)


def test_every_metric_is_compared_with_an_official_one():
    assert set(OFFICIAL) == set(METRICS.names)


@pytest.mark.parametrize("name", METRICS.names)
@pytest.mark.parametrize("classes", [2, 3, 14])
@pytest.mark.parametrize("ties", [False, True])
def test_it_says_what_scikit_learn_says(name: str, classes: int, ties: bool):
    metric = METRICS[name]
    if not metric.applies(classes):
        assert classes > 2
        return
    for seed in range(5):
        truth, said = prediction(classes, ties=ties, seed=seed)
        assert metric.score(truth, said) == pytest.approx(OFFICIAL[name](truth, said), abs=1e-12)


@pytest.mark.parametrize("name", METRICS.names)
def test_the_truth_scores_better_than_its_opposite(name: str):
    truth = np.array([0, 1, 0, 1, 1])
    metric = METRICS[name]
    right = metric.score(truth, Prediction(truth, np.eye(2)[truth]))
    wrong = metric.score(truth, Prediction(1 - truth, np.eye(2)[1 - truth]))
    assert math.isfinite(right)
    assert math.isfinite(wrong)
    assert (right > wrong) == metric.HIGHER_IS_BETTER


@pytest.mark.parametrize("name", METRICS.names)
def test_a_class_that_is_never_said_is_no_error(name: str):
    """Some continents lack a class, and a weak probe says one class only."""
    truth = np.array([0, 1, 1, 0])
    said = Prediction(np.zeros(4, dtype=np.int64), np.tile([1.0, 0.0], (4, 1)))
    assert math.isfinite(METRICS[name].score(truth, said))


def test_a_class_said_but_not_there_costs_f1_macro_a_zero():
    truth = np.array([0, 0, 1, 1])
    said = Prediction(np.array([0, 2, 1, 1]), np.eye(3)[[0, 2, 1, 1]])
    assert METRICS["f1_macro"].score(truth, said) == pytest.approx((2 / 3 + 1 + 0) / 3)
