"""A random forest: scikit-learn's trees, grown and averaged as its forest does, without its cost.

For a hundred samples most of a scikit-learn forest's time is checks and bookkeeping around each
tree. Here the trees are grown straight on data that is known to be sound. Classes are grown as
shares, one per class: the variance of zeros and ones is Gini's impurity up to a factor, so that the
splits are a classifier's. It looks at the square root of the features in each node, a regressor at
all of them.
"""

from collections.abc import Sequence

import numpy as np

from terrasweep.infra.seeds import generator
from terrasweep.models.probes.forest.growing import TreeData, tree_builder
from terrasweep.models.probes.forest.spec import ForestSpec
from terrasweep.models.probing.problem import Prediction, Problem, number
from terrasweep.models.spec import ProbeSpec

SEEDS = 2**32
"""NumPy's old generators, which scikit-learn draws from, take seeds below this."""


def fit_predict(problems: Sequence[Problem], *, spec: ProbeSpec) -> list[Prediction]:
    """Return each problem's prediction."""
    assert isinstance(spec, ForestSpec)
    return [_answered(problem, spec=spec) for problem in problems]


def _answered(problem: Problem, *, spec: ForestSpec) -> Prediction:
    if problem.target == "number":
        return number(_grown(problem, problem.train_y[:, None], spec=spec)[:, 0])
    if problem.target == "labels":
        share = _grown(problem, problem.train_y.astype(np.float64), spec=spec)
        return Prediction((share > 0.5).astype(np.int64), share)
    present, place = np.unique(problem.train_y, return_inverse=True)
    hot = np.eye(len(present))[place]
    share = _grown(problem, hot[:, 1:] if len(present) == 2 else hot, spec=spec)
    if len(present) == 2:
        share = np.hstack([1.0 - share, share])
    scores = np.zeros((len(share), problem.num_classes))
    scores[:, present] = share / share.sum(axis=1, keepdims=True)
    return Prediction(present[share.argmax(axis=1)].astype(np.int64), scores)


def _grown(problem: Problem, target: np.ndarray, *, spec: ForestSpec) -> np.ndarray:
    """Return the mean over trees of what they say of the test samples: (tests, outputs)."""
    x, test_x = (np.ascontiguousarray(x, np.float32) for x in (problem.train_x, problem.test_x))
    rng, size = generator("forest", problem.seed), len(x)
    features = x.shape[1] if problem.target == "number" else max(1, int(x.shape[1] ** 0.5))
    data = TreeData(x, np.ascontiguousarray(target, np.float64), features, spec.min_leaf)
    total, build_tree = np.zeros((len(test_x), target.shape[1])), tree_builder()
    for _ in range(spec.trees):
        weights = np.bincount(rng.integers(size, size=size), minlength=size).astype(np.float64)
        tree = build_tree(data, weights, int(rng.integers(SEEDS)))
        total += tree.predict(test_x).reshape(total.shape)
    return total / spec.trees
