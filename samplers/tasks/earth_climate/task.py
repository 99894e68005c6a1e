"""The climate of points of the real Earth."""

import numpy as np

from terrasweep.samplers.geography import climate
from terrasweep.samplers.pools.earth.labelled import labelled
from terrasweep.samplers.tasks.earth_climate.spec import EarthClimateSpec

CLASSES = climate.NAMES[1:]
"""All but the open sea."""


def classes(spec: EarthClimateSpec) -> tuple[str, ...]:
    """Return the names of the classes, in order of their labels."""
    return CLASSES


def read(spec: EarthClimateSpec) -> dict[str, np.ndarray]:
    """Return the labelled samples, continent after continent."""
    return labelled(spec, _label)


def _label(lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    return climate.codes(lat, lon).astype(np.int64) - 1  # the sea, whose code is 0, is no class
