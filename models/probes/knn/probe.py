"""The k nearest neighbours by Euclidean distance, all equally heard, as scikit-learn has them.

Of two classes with as many votes the lower is predicted. Of two training samples as far away, the
one that stands first in the draw is the nearer. Distances come from one matrix product per draw;
where that cannot tell neighbours apart, they are measured again one by one.
"""

from collections.abc import Sequence

import numpy as np

from terrasweep.models.probes.knn.spec import KnnSpec
from terrasweep.models.probing.problem import Prediction, Problem, number
from terrasweep.models.probing.scaling import scaled
from terrasweep.models.spec import ProbeSpec

AT_ONCE = 2**21
"""Distances that are held together."""
ROUNDING = 1e-12
"""Squared distances closer than this, in units of the squared norms, are measured again."""


def fit_predict(problems: Sequence[Problem], *, spec: ProbeSpec) -> list[Prediction]:
    """Return what each test sample's neighbours say."""
    assert isinstance(spec, KnnSpec)
    return [_asked(problem, spec=spec) for problem in problems]


def _asked(problem: Problem, *, spec: KnnSpec) -> Prediction:
    train, test = scaled(problem, standardised=spec.standardised)
    k = min(spec.k, len(train))
    notes = () if k == spec.k else (f"only {k} neighbours where {spec.k} are asked for",)
    size = max(1, AT_ONCE // len(train))
    parts = [nearest(train, test[at : at + size], k=k) for at in range(0, len(test), size)]
    near = np.concatenate([*parts, np.empty((0, k), np.int64)])
    neighbours = problem.train_y[near]
    match problem.target:
        case "number":
            return number(neighbours.mean(axis=1), notes=notes)
        case "labels":
            share = neighbours.mean(axis=1)
            return Prediction((share > 0.5).astype(np.int64), share, notes)
        case _:
            votes = (neighbours[:, :, None] == np.arange(problem.num_classes)).mean(axis=1)
            return Prediction(votes.argmax(axis=1).astype(np.int64), votes, notes)


def nearest(train: np.ndarray, test: np.ndarray, *, k: int) -> np.ndarray:
    """Return the positions of each test sample's k nearest training samples."""
    lengths = (train * train).sum(axis=1)
    own = (test * test).sum(axis=1)
    far = own[:, None] + lengths - 2.0 * (test @ train.T)
    some = min(k + 1, len(train))  # one more: is the last one told apart from the next?
    near = np.argpartition(far, some - 1, axis=1)[:, :some]
    near = np.take_along_axis(near, np.take_along_axis(far, near, axis=1).argsort(axis=1), axis=1)
    gaps = np.diff(np.take_along_axis(far, near, axis=1), axis=1)
    unsure = (gaps <= ROUNDING * (own + lengths.max())[:, None]).any(axis=1)
    for row in np.flatnonzero(unsure):
        exact = ((train - test[row]) ** 2).sum(axis=1)
        near[row, :k] = np.argsort(exact, kind="stable")[:k]
    return np.asarray(near[:, :k])
