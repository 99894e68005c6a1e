"""How high the land lies, how rough it is and how far the sea is away, on coarse grids."""

from functools import cache

import numpy as np

from terrasweep.samplers.geography.grids import asset, look_up
from terrasweep.samplers.geography.sphere import EARTH_KM

ALTITUDE_STEP_M, LOWEST_M = 28.0, -450.0
COAST_STEP_KM = 10.0


def altitude_m(lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Return the mean altitude of each point's quarter degree, in steps of 28 m."""
    steps = look_up(asset("surface")["altitude"], lat=lat, lon=lon)
    return np.asarray(ALTITUDE_STEP_M * steps + LOWEST_M)


def relief_m(lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Return by how much a neighbouring quarter degree lies higher or lower, at most."""
    return look_up(_relief(), lat=lat, lon=lon)


def coast_km(lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Return how far the sea is from the middle of each point's half degree."""
    return np.asarray(COAST_STEP_KM * look_up(asset("surface")["coast"], lat=lat, lon=lon))


def cell_km(lat: np.ndarray) -> np.ndarray:
    """Return how wide a quarter degree is at each latitude."""
    return np.asarray(EARTH_KM * np.deg2rad(0.25) * np.cos(np.deg2rad(lat)))


@cache
def _relief() -> np.ndarray:
    metres = ALTITUDE_STEP_M * asset("surface")["altitude"].astype(np.float32)
    along = np.abs(metres - np.roll(metres, 1, axis=1))
    down = np.abs(np.diff(metres, axis=0, prepend=metres[:1]))
    around = [along, np.roll(along, -1, axis=1), down, np.roll(down, -1, axis=0)]
    return np.asarray(np.maximum.reduce(around))
