"""The lights of points of the real Earth."""

import numpy as np

from terrasweep.samplers.geography import observed
from terrasweep.samplers.pools.earth.labelled import labelled
from terrasweep.samplers.tasks.earth_lights.spec import EarthLightsSpec


def classes(spec: EarthLightsSpec) -> None:
    """Return nothing: labels are numbers."""


def read(spec: EarthLightsSpec) -> dict[str, np.ndarray]:
    """Return the labelled samples, continent after continent."""
    return labelled(spec, _label)


def _label(lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    return np.asarray(np.log1p(observed.night_lights(lat, lon)))
