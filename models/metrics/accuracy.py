"""The share of samples that are labelled rightly."""

import numpy as np

from models.judging import Prediction
from models.spec import Target

HIGHER_IS_BETTER = True
JUDGES: tuple[Target, ...] = ("binary", "classes", "map")


def score(truth: np.ndarray, prediction: Prediction) -> float:
    """Return the accuracy."""
    return float((truth == prediction.labels).mean())
