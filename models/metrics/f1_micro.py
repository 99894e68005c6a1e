"""F1 over all labels of all samples at once: of labels that a sample may have several of."""

import numpy as np

from terrasweep.models.probing.problem import Prediction
from terrasweep.models.spec import Target

HIGHER_IS_BETTER = True
JUDGES: tuple[Target, ...] = ("labels",)


def score(truth: np.ndarray, prediction: Prediction) -> float:
    """Return the micro F1; zero where no label is true and none is predicted."""
    true, predicted = truth == 1, prediction.labels == 1
    either = int(true.sum()) + int(predicted.sum())
    return 2.0 * int((true & predicted).sum()) / either if either else 0.0
