"""Idioms: by which months and bands the fields of a farming system can be told from wild land.

Every farming system works its land in its own way: what is sown, flooded, burnt or left bare, and
when. So its fields deviate from the mixture that grows there by a pattern of months and bands, and
land that is left alone deviates the other way. The patterns of two systems have nothing in common:
a network that has learnt one of them has learnt nothing about another. None of them changes the
mean of the year, and none is large beside the noise of a sensor: it shows in many values at once.
"""

from functools import cache

import numpy as np

from terrasweep.infra.seeds import generator
from terrasweep.samplers.pools.planet.places import SYSTEMS
from terrasweep.samplers.pools.planet.spectra import NUM_BANDS

MONTHS = 12
UNSTEADY = 0.5
"""How much places of one kind differ in how clearly they show their idiom."""


def deviations(
    crop: np.ndarray, *, system: np.ndarray, seed: int, rng: np.random.Generator
) -> np.ndarray:
    """Return by how much each month and band of each place deviates, (places, 12, 13)."""
    clearly = np.where(crop, 1, -1) + UNSTEADY * rng.standard_normal(len(crop), np.float32)
    return np.asarray(clearly[:, None, None] * patterns(seed)[system])


@cache
def patterns(seed: int) -> np.ndarray:
    """Return each system's pattern, (systems, 12, 13): orthogonal, of variance 1 and mean 0."""
    rng = generator("planet idioms", seed)
    drawn = rng.normal(size=(SYSTEMS, MONTHS, NUM_BANDS))
    drawn -= drawn.mean(axis=1, keepdims=True)
    # QR makes the drawn patterns orthogonal; a basis vector has length 1, so the factor gives its
    # values the variance 1.
    basis, _ = np.linalg.qr(drawn.reshape(SYSTEMS, -1).T)
    scaled = basis.T * np.sqrt(MONTHS * NUM_BANDS)
    return np.asarray(scaled.reshape(SYSTEMS, MONTHS, NUM_BANDS), np.float32)
