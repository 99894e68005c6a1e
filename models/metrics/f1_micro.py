"""F1 over all labels of all samples at once: of labels that a sample may have several of."""

import numpy as np

from terrasweep.models.probing.problem import Prediction
from terrasweep.models.spec import Target

HIGHER_IS_BETTER = True
JUDGES: tuple[Target, ...] = ("labels",)


def score(truth: np.ndarray, prediction: Prediction) -> float:
    """Return the micro F1; zero where no label is there and none is said."""
    there, said = truth == 1, prediction.labels == 1
    either = int(there.sum()) + int(said.sum())
    return 2.0 * int((there & said).sum()) / either if either else 0.0
