"""Does every probe keep its word?"""

from dataclasses import replace

import numpy as np
import pytest

from terrasweep.infra.spec import canonical
from terrasweep.models.members import PROBES
from tests.support import origins
from tests.support.problems import judges, problem_of, problems

CLASSIFIERS = [name for name in PROBES.names if "classes" in judges(name)]
TARGETS = [(name, target) for name in PROBES.names for target in judges(name)]


def answered(name: str, asked: list) -> list:
    spec = PROBES.spec(name)(name=name)
    return PROBES[name].fit_predict(origins.asked(asked, spec=spec), spec=spec)


@pytest.fixture(params=CLASSIFIERS)
def probe(request: pytest.FixtureRequest):
    """A member and its spec with default fields."""
    name = request.param
    return lambda asked: answered(name, asked)


def test_a_spec_needs_its_name_alone_and_has_a_key():
    for name in PROBES.names:
        spec = PROBES.spec(name)(name=name)
        assert canonical(spec)["name"] == name


@pytest.mark.parametrize("classes", [2, 5])
def test_a_prediction_has_a_label_and_scores_per_test_sample(probe, classes: int):
    asked = problems(3, n=40, width=8, tested=30, classes=classes)
    answers = probe(asked)
    assert len(answers) == 3
    for answer in answers:
        assert (answer.labels.shape, answer.labels.dtype) == ((30,), np.int64)
        assert (answer.scores.shape, answer.scores.dtype) == ((30, classes), np.float64)
        assert np.isfinite(answer.scores).all()
        assert answer.labels.min() >= 0
        assert answer.labels.max() < classes


def test_scores_are_probabilities(probe):
    for answer in probe(problems(2, n=40, width=8, tested=30, classes=4)):
        assert answer.scores.min() >= 0
        assert answer.scores.sum(axis=1) == pytest.approx(np.ones(30))


@pytest.mark.parametrize("name", PROBES.names)
def test_no_problem_gives_no_prediction(name: str):
    assert answered(name, []) == []


@pytest.mark.parametrize(("name", "target"), TARGETS)
def test_whatever_it_judges_it_answers_and_hardly_worse_than_by_rote(name: str, target: str):
    asked = problem_of(target, n=80, width=6, tested=400)
    (answer,) = answered(name, [asked])
    columns = {"number": 1, "labels": 3, "binary": 2, "classes": 4, "map": 0}[target]
    assert answer.scores.shape == (400, columns)
    assert answer.labels.shape == {"labels": (400, 3), "map": (400, 7, 7)}.get(target, (400,))
    kinds = {"number": np.float64, "map": np.int16}
    assert answer.labels.dtype == kinds.get(target, np.int64)
    assert np.isfinite(answer.scores).all()
    if name != "constant":
        assert len(np.unique(answer.labels)) > 1


@pytest.mark.parametrize("name", [name for name in PROBES.names if "labels" in judges(name)])
def test_a_label_that_none_or_all_of_the_draw_have_is_never_or_always_said(name: str):
    asked = problem_of("labels", n=60, width=6, tested=50)
    asked.train_y[:, 0], asked.train_y[:, 2] = 0, 1
    (answer,) = answered(name, [asked])
    assert not answer.labels[:, 0].any()
    assert answer.labels[:, 2].all()


def test_problems_of_many_shapes_come_back_in_order(probe):
    shapes = [(40, 30), (60, 10), (40, 30), (50, 25), (60, 11)]
    asked = [
        problems(1, n=n, width=8, tested=tested, classes=3, seed=at)[0]
        for at, (n, tested) in enumerate(shapes)
    ]
    assert [len(answer.labels) for answer in probe(asked)] == [30, 10, 30, 25, 11]


def test_a_class_the_draw_lacks_is_never_said(probe):
    (asked,) = problems(1, n=60, width=8, tested=200, classes=4)
    keep = asked.train_y != 2
    short = replace(asked, train_x=asked.train_x[keep], train_y=asked.train_y[keep])
    (answer,) = probe([short])
    assert not (answer.labels == 2).any()
    assert answer.scores[:, 2] == pytest.approx(np.zeros(200))


def test_a_draw_of_one_class_is_answered_with_it(probe):
    (asked,) = problems(1, n=30, width=8, tested=20, classes=3)
    (answer,) = probe([replace(asked, train_y=np.full(30, 1))])
    assert (answer.labels == 1).all()


def test_a_feature_that_never_moves_does_no_harm(probe):
    (asked,) = problems(1, n=40, width=8, tested=30, classes=2)
    asked.train_x[:, 3] = asked.test_x[:, 3] = 7.3
    asked.train_x[:, 4] = asked.test_x[:, 4] = 0.0
    (answer,) = probe([asked])
    assert np.isfinite(answer.scores).all()
