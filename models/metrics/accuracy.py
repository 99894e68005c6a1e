"""The share of samples that are labelled rightly."""

import numpy as np

from terrasweep.models.probing.problem import Prediction
from terrasweep.models.spec import Target

HIGHER_IS_BETTER = True
JUDGES: tuple[Target, ...] = ("binary", "classes", "map")


def score(truth: np.ndarray, prediction: Prediction) -> float:
    """Return the accuracy."""
    return float((truth == prediction.labels).mean())
