"""The root of the mean squared error, in the unit of the truth."""

import numpy as np

from terrasweep.models.probing.problem import Prediction
from terrasweep.models.spec import Target

HIGHER_IS_BETTER = False
JUDGES: tuple[Target, ...] = ("number",)


def score(truth: np.ndarray, prediction: Prediction) -> float:
    """Return the RMSE."""
    return float(np.sqrt(((truth - prediction.labels) ** 2).mean()))
