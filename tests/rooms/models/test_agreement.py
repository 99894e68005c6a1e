"""kNN and ridge say what scikit-learn says; networks and forests are as often right as its own."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge, RidgeCV
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

from terrasweep.models.members import METRICS, PROBES
from terrasweep.models.probing.problem import Prediction, Problem
from tests.support.problems import problem_of, problems

SHAPES = [(100, 128), (300, 20), (30, 30)]


def ours(name: str, asked: list[Problem], **fields: object) -> list[Prediction]:
    return PROBES[name].fit_predict(asked, spec=PROBES.spec(name)(name=name, **fields))


def scaled(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    train, test = (part.astype(np.float64) for part in (problem.train_x, problem.test_x))
    scaler = StandardScaler().fit(train)
    return scaler.transform(train), scaler.transform(test)


@pytest.mark.parametrize(("n", "width"), SHAPES)
@pytest.mark.parametrize("target", ["binary", "classes", "labels", "number"])
@pytest.mark.parametrize("k", [1, 4, 5])
def test_neighbours_vote_as_in_scikit_learn(n: int, width: int, target: str, k: int):
    asked = problem_of(target, n=n, width=width, tested=300)
    train, test = scaled(asked)
    kind = KNeighborsRegressor if target == "number" else KNeighborsClassifier
    model = kind(k, algorithm="brute").fit(train, asked.train_y)
    (found,) = ours("knn", [asked], k=k)
    np.testing.assert_allclose(found.labels, model.predict(test), atol=1e-9)
    if target in ("binary", "classes"):
        shares = np.zeros((300, asked.num_classes))
        shares[:, model.classes_] = model.predict_proba(test)
        np.testing.assert_allclose(found.scores, shares, atol=1e-12)


def test_neighbours_as_far_are_heard_in_the_order_of_the_draw():
    """Every sample twice, with other labels: one neighbour of each pair is asked, the first."""
    (asked,) = problems(1, n=40, width=9, tested=60, classes=3)
    twice = replace(
        asked,
        train_x=np.concatenate([asked.train_x] * 2),
        train_y=np.concatenate([asked.train_y, (asked.train_y + 1) % 3]),
    )
    one, two = ours("knn", [asked, twice], k=1, standardised=False)
    assert (one.labels == two.labels).all()


def test_few_samples_are_all_asked_and_that_is_noted():
    (asked,) = problems(1, n=3, width=4, tested=5, classes=2)
    (found,) = ours("knn", [asked])
    assert found.notes == ("only 3 neighbours where 5 are asked for",)


@pytest.mark.parametrize(("n", "width"), SHAPES)
@pytest.mark.parametrize("alpha", [1e-2, 1.0, 100.0])
def test_the_penalised_optimum_is_scikit_learns(n: int, width: int, alpha: float):
    asked = [problem_of("number", n=n, width=width, tested=100, seed=seed) for seed in range(3)]
    for problem, found in zip(asked, ours("ridge", asked, alphas=[alpha]), strict=True):
        train, test = scaled(problem)
        expected = Ridge(alpha=alpha, solver="svd").fit(train, problem.train_y).predict(test)
        np.testing.assert_allclose(found.labels, expected, rtol=1e-8)


@pytest.mark.parametrize(("n", "width"), SHAPES)
def test_the_penalty_is_chosen_as_by_leaving_one_out(n: int, width: int):
    alphas = [0.01, 0.1, 1.0, 10.0, 100.0, 1000.0]
    asked = [problem_of("number", n=n, width=width, tested=100, seed=seed) for seed in range(4)]
    for problem, found in zip(asked, ours("ridge", asked, alphas=alphas), strict=True):
        train, test = scaled(problem)
        expected = RidgeCV(alphas).fit(train, problem.train_y).predict(test)
        np.testing.assert_allclose(found.labels, expected, rtol=1e-6)


def test_several_labels_are_as_many_logistic_regressions():
    asked = problem_of("labels", n=90, width=12, tested=100)
    train, test = scaled(asked)
    (found,) = ours("linear", [asked], balanced=False)
    for label in range(3):
        model = LogisticRegression(solver="newton-cholesky", tol=1e-12)
        expected = model.fit(train, asked.train_y[:, label]).predict_proba(test)[:, 1]
        np.testing.assert_allclose(found.scores[:, label], expected, atol=1e-6)


def test_features_may_be_left_as_they_are():
    (asked,) = problems(1, n=80, width=6, tested=100, classes=2)
    (found,) = ours("linear", [asked], standardised=False, balanced=False)
    model = LogisticRegression(tol=1e-12, max_iter=20_000)
    model.fit(asked.train_x.astype(np.float64), asked.train_y)
    np.testing.assert_allclose(found.scores, model.predict_proba(asked.test_x), atol=1e-5)


REFERENCE = {
    ("mlp", "binary"): lambda seed: MLPClassifier(random_state=seed),
    ("mlp", "classes"): lambda seed: MLPClassifier(random_state=seed),
    ("forest", "binary"): lambda seed: RandomForestClassifier(random_state=seed),
    ("forest", "classes"): lambda seed: RandomForestClassifier(random_state=seed),
    ("mlp", "number"): lambda seed: MLPRegressor(random_state=seed, max_iter=200),
    ("forest", "number"): lambda seed: RandomForestRegressor(random_state=seed),
}


def drawn(target: str, seed: int) -> tuple[Problem, np.ndarray]:
    """Return a problem and the truth of its tests."""
    whole = problem_of(target, n=460, width=16, tested=1, seed=seed)
    cut = replace(whole, train_x=whole.train_x[:60], train_y=whole.train_y[:60])
    return replace(cut, test_x=whole.train_x[60:]), whole.train_y[60:]


def reference(name: str, problem: Problem, seed: int) -> np.ndarray:
    train, test = scaled(problem)
    level, unit = (
        (problem.train_y.mean(), problem.train_y.std()) if not problem.num_classes else (0, 1)
    )
    target = (problem.train_y - level) / unit if not problem.num_classes else problem.train_y
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = REFERENCE[name, problem.target](seed).fit(train, target)
    return model.predict(test) * unit + level


@pytest.mark.slow
@pytest.mark.parametrize(("name", "target"), list(REFERENCE))
def test_networks_and_forests_are_as_good_as_scikit_learns(name: str, target: str):
    """Their mean scores over sixteen draws lie within three standard errors of a difference."""
    asked = [drawn(target, seed) for seed in range(16)]
    answers = ours(name, [problem for problem, _ in asked])
    score = METRICS["r2" if target == "number" else "accuracy"].score
    gaps = []
    for seed, ((problem, truth), found) in enumerate(zip(asked, answers, strict=True)):
        labels = reference(name, problem, seed)
        gaps.append(score(truth, found) - score(truth, Prediction(labels, labels[:, None])))
    spread = np.std(gaps, ddof=1) / len(gaps) ** 0.5
    assert abs(np.mean(gaps)) < 3 * spread + 1e-3
    assert np.abs(gaps).max() < 0.25
