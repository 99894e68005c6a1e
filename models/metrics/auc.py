"""The chance that a sample of the second class scores above one of the first."""

import numpy as np

from terrasweep.models.probing.problem import Prediction
from terrasweep.models.spec import Target

HIGHER_IS_BETTER = True
JUDGES: tuple[Target, ...] = ("binary",)


def score(truth: np.ndarray, prediction: Prediction) -> float:
    """Return the area under the ROC curve, ties counting half; half if a class is not there."""
    _, place, times = np.unique(prediction.scores[:, 1], return_inverse=True, return_counts=True)
    rank = (np.cumsum(times) - 0.5 * (times - 1))[place.reshape(-1)]
    positive = truth == 1
    ones, zeros = int(positive.sum()), int((~positive).sum())
    if not ones or not zeros:
        return 0.5
    return float((rank[positive].sum() - ones * (ones + 1) / 2) / (ones * zeros))
