"""F1 of each class, averaged by how many samples of it are there."""

import numpy as np

from terrasweep.models.probing.confusion import counts
from terrasweep.models.probing.problem import Prediction
from terrasweep.models.spec import Target

HIGHER_IS_BETTER = True
JUDGES: tuple[Target, ...] = ("binary", "classes", "map")


def score(truth: np.ndarray, prediction: Prediction) -> float:
    """Return the weighted F1; a class that is not there has no weight."""
    count = counts(truth, prediction.labels)
    present = count.true > 0
    f1 = 2.0 * count.correct[present] / (count.true + count.predicted)[present]
    return float((f1 * count.true[present]).sum() / len(truth))
