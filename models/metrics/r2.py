"""The share of the truth's variance that a prediction explains; the mean explains nothing."""

import numpy as np

from terrasweep.models.probing.problem import Prediction
from terrasweep.models.spec import Target

HIGHER_IS_BETTER = True
JUDGES: tuple[Target, ...] = ("number",)


def score(truth: np.ndarray, prediction: Prediction) -> float:
    """Return R2; where the truth never varies, one if it is hit and else zero."""
    missed = float(((truth - prediction.labels) ** 2).sum())
    varied = float(((truth - truth.mean()) ** 2).sum())
    if varied == 0.0:
        return float(missed == 0.0)
    return 1.0 - missed / varied
