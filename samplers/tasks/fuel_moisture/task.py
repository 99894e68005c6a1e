"""How moist the living fuel of wildfires is, in per cent."""

import numpy as np

from terrasweep.samplers.sources import presto_arrays
from terrasweep.samplers.tasks.fuel_moisture.spec import FuelMoistureSpec


def classes(spec: FuelMoistureSpec) -> None:
    """Return nothing: the label is a number."""


def read(spec: FuelMoistureSpec) -> dict[str, np.ndarray]:
    """Return the labelled series.

    Raises:
        TaskError: If a file is missing, cut short, or has another shape.
    """
    return presto_arrays.read(spec)
