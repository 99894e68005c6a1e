"""Smooth random fields on the sphere: what varies from region to region without any border."""

from functools import cache

import numpy as np

from terrasweep.infra.seeds import generator
from terrasweep.samplers.geography.sphere import EARTH_KM

WAVES = 24


def smooth(at: np.ndarray, *, name: str, seed: int, count: int, scale_km: float) -> np.ndarray:
    """Return some independent fields at points (unit vectors) as (points, count).

    Each has about mean 0 and variance 1, and forgets itself over the scale. A sum of plane waves
    needs no grid, has no seam at 180 degrees and does not care which points are asked together.
    """
    direction, phase = _waves(name, seed, count, scale_km)
    waves = np.cos(at.astype(np.float32) @ direction + phase)
    sums = waves.reshape(len(at), count, WAVES).sum(axis=2)
    return np.asarray(sums * np.float32(np.sqrt(2 / WAVES)))


@cache
def _waves(name: str, seed: int, count: int, scale_km: float) -> tuple[np.ndarray, np.ndarray]:
    rng = generator("planet field", name, seed)
    direction = rng.normal(0, EARTH_KM / scale_km, (3, count * WAVES))
    phase = rng.uniform(0, 2 * np.pi, count * WAVES)
    return direction.astype(np.float32), phase.astype(np.float32)
