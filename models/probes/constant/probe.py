"""Answer every test sample with the commonest class of the draw; scores are the class shares."""

from collections.abc import Sequence

import numpy as np

from models.contract import Prediction, Problem
from models.probes.constant.spec import ConstantSpec
from models.spec import ProbeSpec


def fit_predict(problems: Sequence[Problem], *, spec: ProbeSpec) -> list[Prediction]:
    """Return each problem's commonest class; of two as common, the lower."""
    assert isinstance(spec, ConstantSpec)
    return [_commonest(problem) for problem in problems]


def _commonest(problem: Problem) -> Prediction:
    counts = np.bincount(problem.train_y, minlength=problem.num_classes)
    tested = len(problem.test_x)
    labels = np.full(tested, counts.argmax(), dtype=np.int64)
    return Prediction(labels, np.tile(counts / counts.sum(), (tested, 1)))
