"""The root of the mean squared error, in the unit of the truth."""

import numpy as np

from models.judging import Prediction
from models.spec import Target

HIGHER_IS_BETTER = False
JUDGES: tuple[Target, ...] = ("number",)


def score(truth: np.ndarray, prediction: Prediction) -> float:
    """Return the RMSE."""
    return float(np.sqrt(((truth - prediction.labels) ** 2).mean()))
