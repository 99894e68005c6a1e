"""Answer every test sample alike: the commonest class of the draw, or the mean of its numbers."""

from collections.abc import Sequence

import numpy as np

from terrasweep.models.probes.constant.spec import ConstantSpec
from terrasweep.models.probing.problem import NOTHING, Prediction, Problem, number
from terrasweep.models.spec import ProbeSpec


def fit_predict(problems: Sequence[Problem], *, spec: ProbeSpec) -> list[Prediction]:
    """Return each problem's commonest answer; of two classes as common, the lower."""
    assert isinstance(spec, ConstantSpec)
    return [_commonest(problem) for problem in problems]


def _commonest(problem: Problem) -> Prediction:
    tested = len(problem.test_x)
    if problem.target == "number":
        return number(np.full(tested, problem.train_y.mean()))
    if problem.target == "labels":
        share = np.tile(problem.train_y.mean(axis=0), (tested, 1))
        return Prediction((share > 0.5).astype(np.int64), share)
    if problem.target == "map":
        known = problem.train_y[problem.train_y != NOTHING]
        labels = np.full(
            (tested, *problem.train_y.shape[1:]), np.bincount(known).argmax(), np.int16
        )
        return Prediction(labels, np.empty((tested, 0)))
    counts = np.bincount(problem.train_y, minlength=problem.num_classes)
    labels = np.full(tested, counts.argmax(), dtype=np.int64)
    return Prediction(labels, np.tile(counts / counts.sum(), (tested, 1)))
