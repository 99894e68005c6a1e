"""The altitude of points of the real Earth."""

import numpy as np

from terrasweep.samplers.geography import relief
from terrasweep.samplers.pools.earth.labelled import labelled
from terrasweep.samplers.tasks.earth_altitude.spec import EarthAltitudeSpec


def classes(spec: EarthAltitudeSpec) -> None:
    """Return nothing: labels are numbers."""


def read(spec: EarthAltitudeSpec) -> dict[str, np.ndarray]:
    """Return the labelled samples, continent after continent."""
    return labelled(spec, relief.altitude_m)
