"""A random forest: scikit-learn's trees, grown and averaged as its forest does, without its cost.

For a hundred samples most of a scikit-learn forest's time is checks and bookkeeping around each
tree. Here the trees are grown straight on data that is known to be sound. A classifier looks at
the square root of the features in each node, a regressor at all of them.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from infra.seeds import generator
from models.judging import Prediction, Problem, number
from models.probes.forest.spec import ForestSpec
from models.spec import ProbeSpec

SEEDS = 2**32
"""NumPy's old generators, which scikit-learn draws from, take seeds below this."""


def fit_predict(problems: Sequence[Problem], *, spec: ProbeSpec) -> list[Prediction]:
    """Return each problem's prediction."""
    assert isinstance(spec, ForestSpec)
    with config_context(skip_parameter_validation=True, assume_finite=True):
        return [_grown(problem, spec=spec) for problem in problems]


def _grown(problem: Problem, *, spec: ForestSpec) -> Prediction:
    x, test_x = (
        np.ascontiguousarray(part, np.float32) for part in (problem.train_x, problem.test_x)
    )
    target, present = problem.train_y, np.empty(0, np.int64)
    if problem.target in ("binary", "classes"):
        present, target = np.unique(problem.train_y, return_inverse=True)
    rng = generator("forest", problem.seed)
    size = len(x)
    total: np.ndarray | None = None
    for _ in range(spec.trees):
        weights = np.bincount(rng.integers(size, size=size), minlength=size).astype(np.float64)
        tree = _tree(problem, spec=spec, seed=int(rng.integers(SEEDS)))
        tree.fit(x, target, sample_weight=weights, check_input=False)
        said = tree.tree_.predict(test_x)
        total = said if total is None else total + said
    assert total is not None
    return _averaged(total / spec.trees, problem, present=present)


def _tree(problem: Problem, *, spec: ForestSpec, seed: int) -> Any:
    if problem.target == "number":
        return DecisionTreeRegressor(min_samples_leaf=spec.min_leaf, random_state=seed)
    return DecisionTreeClassifier(
        max_features="sqrt", min_samples_leaf=spec.min_leaf, random_state=seed
    )


def _averaged(mean: np.ndarray, problem: Problem, *, present: np.ndarray) -> Prediction:
    """Read the trees' mean: (tests,) numbers, (tests, classes) or (tests, labels, 2) shares."""
    if problem.target == "number":
        return number(mean.reshape(-1))
    if problem.target == "labels":
        share = _of_labels(mean, problem)
        return Prediction((share > 0.5).astype(np.int64), share)
    shares = mean.reshape(len(mean), -1)[:, : len(present)]
    scores = np.zeros((len(shares), problem.num_classes))
    scores[:, present] = shares / shares.sum(axis=1, keepdims=True)
    return Prediction(present[shares.argmax(axis=1)].astype(np.int64), scores)


def _of_labels(mean: np.ndarray, problem: Problem) -> np.ndarray:
    """Return how likely each label is; one that all samples or none have has a single class."""
    several = mean.reshape(len(mean), problem.num_classes, -1)
    alike = problem.train_y.min(axis=0) == problem.train_y.max(axis=0)
    second = several[:, :, 1] if several.shape[2] > 1 else np.zeros(several.shape[:2])
    return np.where(alike, problem.train_y[0].astype(np.float64), second)
