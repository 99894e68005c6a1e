"""How far the predicted and the true area of a class coincide, averaged over classes.

A class counts if it was there or was said; pixels without a class are left out before.
"""

import numpy as np

from terrasweep.models.probing.confusion import counts
from terrasweep.models.probing.problem import Prediction
from terrasweep.models.spec import Target

HIGHER_IS_BETTER = True
JUDGES: tuple[Target, ...] = ("map",)


def score(truth: np.ndarray, prediction: Prediction) -> float:
    """Return the mean intersection over union of all pixels together."""
    count = counts(truth, prediction.labels)
    union = count.true + count.predicted - count.correct
    return float((count.correct[union > 0] / union[union > 0]).mean())
