"""The land cover of points of the real Earth."""

import numpy as np

from terrasweep.samplers.geography import observed
from terrasweep.samplers.pools.earth.labelled import labelled
from terrasweep.samplers.tasks.earth_land_cover.spec import EarthLandCoverSpec

CLASSES = observed.LAND_COVER[1:]
"""All but water, which has no label here."""


def classes(spec: EarthLandCoverSpec) -> tuple[str, ...]:
    """Return the names of the classes, in order of their labels."""
    return CLASSES


def read(spec: EarthLandCoverSpec) -> dict[str, np.ndarray]:
    """Return the labelled samples, continent after continent."""
    return labelled(spec, _label)


def _label(lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    return observed.land_cover(lat, lon) - 1  # water, whose code is 0, becomes no class
