"""The share labelled rightly within each class, averaged over the classes that are there."""

import numpy as np

from terrasweep.models.probing.confusion import counts
from terrasweep.models.probing.problem import Prediction
from terrasweep.models.spec import Target

HIGHER_IS_BETTER = True
JUDGES: tuple[Target, ...] = ("binary", "classes")


def score(truth: np.ndarray, prediction: Prediction) -> float:
    """Return the balanced accuracy; a class that is said but not there has no share."""
    count = counts(truth, prediction.labels)
    present = count.true > 0
    return float((count.correct[present] / count.true[present]).mean())
