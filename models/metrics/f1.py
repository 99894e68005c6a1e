"""F1 of the second of two classes: the one a task is after, such as crop."""

import numpy as np

from terrasweep.models.probing.problem import Prediction
from terrasweep.models.spec import Target

HIGHER_IS_BETTER = True
JUDGES: tuple[Target, ...] = ("binary",)


def score(truth: np.ndarray, prediction: Prediction) -> float:
    """Return F1; zero where the class is neither true nor predicted."""
    true, predicted = truth == 1, prediction.labels == 1
    either = int(true.sum()) + int(predicted.sum())
    return 2.0 * int((true & predicted).sum()) / either if either else 0.0
