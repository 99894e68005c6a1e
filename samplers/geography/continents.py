"""Which continent a point counts to: Natural Earth 1:50m, and half a degree around it.

Antarctica, the remote islands of the open sea, and whatever lies farther off count to none.
"""

import numpy as np

from terrasweep.samplers.geography.grids import Codes, asset, look_up
from terrasweep.samplers.geography.spec import Russia as Russia
from terrasweep.samplers.geography.strata import Continent

NONE = "none"
"""What a point is called that belongs to no continent."""

NAMES = (NONE, *(continent.value for continent in Continent))
"""By code; the enum and the codes are both in alphabetical order."""

SPLIT = 60.0


def codes(lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Return the raw codes, in which Russia and Antarctica stand for themselves."""
    return look_up(asset("continents")["code"], lat=lat, lon=lon) & 15


def numbers(lat: np.ndarray, lon: np.ndarray, *, russia: Russia) -> np.ndarray:
    """Return each point's continent as its place in ``NAMES``; 0 is none."""
    code = codes(lat, lon)
    eastern = (np.asarray(lon) >= SPLIT) | (np.asarray(lon) < 0)  # Chukotka lies beyond 180
    russian = {
        "europe": np.full(eastern.shape, Codes.EUROPE),
        "split_60e": np.where(eastern, Codes.ASIA, Codes.EUROPE),
        "asia": np.full(eastern.shape, Codes.ASIA),
    }[russia]
    code = np.where(code == Codes.RUSSIA, russian, code)
    return np.where(code == Codes.ANTARCTICA, Codes.NONE, code).astype(np.int64)


def names(lat: np.ndarray, lon: np.ndarray, *, russia: Russia) -> np.ndarray:
    """Return each point's continent by name, ``"none"`` where there is none."""
    return np.asarray(np.array(NAMES)[numbers(lat, lon, russia=russia)])


def is_land(lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Say of each point whether it is land of the six continents, by cells of 0.1 degree."""
    return Codes.land(look_up(asset("continents")["code"], lat=lat, lon=lon))
