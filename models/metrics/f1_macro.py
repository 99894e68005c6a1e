"""F1 of each class, averaged over the classes that are true or predicted.

That is scikit-learn's macro average: saying a class that is not there costs a zero.
"""

import numpy as np

from terrasweep.models.probing.confusion import f1_by_class
from terrasweep.models.probing.problem import Prediction
from terrasweep.models.spec import Target

HIGHER_IS_BETTER = True
JUDGES: tuple[Target, ...] = ("binary", "classes", "map")


def score(truth: np.ndarray, prediction: Prediction) -> float:
    """Return the mean F1."""
    return float(f1_by_class(truth, prediction.labels).mean())
