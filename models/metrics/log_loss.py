"""The mean negative log of the probability that was given to the truth, in nats."""

import numpy as np

from terrasweep.models.probing.problem import Prediction
from terrasweep.models.spec import Target

HIGHER_IS_BETTER = False
JUDGES: tuple[Target, ...] = ("binary", "classes")


def score(truth: np.ndarray, prediction: Prediction) -> float:
    """Return the log-loss; a probability of zero counts as the least a double can tell from one."""
    given = prediction.scores[np.arange(len(truth)), truth]
    return float(-np.log(np.clip(given, np.finfo(np.float64).eps, 1.0)).mean())
