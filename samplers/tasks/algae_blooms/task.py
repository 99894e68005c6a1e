"""How severe a harmful algal bloom is, from 1 to 5, as a number."""

import numpy as np

from terrasweep.samplers.sources import presto_arrays
from terrasweep.samplers.tasks.algae_blooms.spec import AlgaeBloomsSpec


def classes(spec: AlgaeBloomsSpec) -> None:
    """Return nothing: the label is a number."""


def read(spec: AlgaeBloomsSpec) -> dict[str, np.ndarray]:
    """Return the labelled series.

    Raises:
        TaskError: If a file is missing, cut short, or has another shape.
    """
    return presto_arrays.read(spec)
