"""Koppen-Geiger climates (Rubel et al. 2017, 1986-2010) by quarter degree."""

import numpy as np

from terrasweep.samplers.geography.grids import asset, look_up
from terrasweep.samplers.geography.strata import CLIMATES

NAMES = CLIMATES
"""By code, as the source numbers them; 0 is the open sea."""


def codes(lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Return each point's climate as its place in ``NAMES``."""
    return look_up(asset("surface")["koppen"], lat=lat, lon=lon).astype(np.int16)
