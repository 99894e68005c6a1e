"""When what grows is green: the year of every cover, (places, 12 months, 8 covers).

Crops and grass differ by their calendar more than by their spectrum, and the calendar is a habit
of the region: the same curve can be a crop here and a meadow elsewhere.
"""

import numpy as np

from samplers.pools.planet.covers import BARE, BUILT, COVERS, CROP, GRASS, SHRUB, TREE
from samplers.pools.planet.places import CALENDAR, IRRIGATION, MEADOW, Places
from samplers.pools.planet.weather import MONTHS, sigmoid

MONTH = np.float32(2 * np.pi / 12)


def green(at: Places, *, gap: float, rng: np.random.Generator) -> np.ndarray:
    """Return how green each cover is in each month, 0 to 1."""
    growth = at.weather.growth.astype(np.float32)
    field = _crop(at, gap=gap, rng=rng)
    meadow = (0.75 * sigmoid(2 * gap * at.region[:, MEADOW] - 1.5)).astype(np.float32)[:, None]
    mild = at.weather.celsius.min(axis=1, keepdims=True)
    evergreen = np.maximum(0.85 * sigmoid((mild - 6) / 3), 0.45 * sigmoid((-8 - mild) / 3))
    made = np.zeros((*growth.shape, len(COVERS)), np.float32)
    made[..., TREE] = evergreen + (1 - evergreen) * growth
    made[..., SHRUB] = 0.3 + 0.5 * growth
    made[..., GRASS] = (1 - meadow) * (0.1 + 0.9 * growth) + meadow * field
    made[..., CROP] = field
    made[..., BUILT] = 0.1 + 0.2 * growth
    made[..., BARE] = 0.05 + 0.25 * growth
    return made


def _crop(at: Places, *, gap: float, rng: np.random.Generator) -> np.ndarray:
    """Return the year of a field: one bell, or two where water and warmth allow."""
    count = len(at.biome)
    shift = 0.7 * gap * at.region[:, CALENDAR] + rng.normal(-0.3, 0.4, count)
    peak = _season(at.weather.growth) + shift
    narrow = rng.uniform(2.5, 5.0, count)
    long = at.weather.growth.sum(axis=1) - 7.5 + gap * at.region[:, IRRIGATION]
    twice = np.where(rng.random(count) < sigmoid(long), 0.8, 0.0)
    angle = (MONTHS - peak[:, None]) * MONTH
    first = np.exp(narrow[:, None] * (np.cos(angle) - 1))
    second = twice[:, None] * np.exp(narrow[:, None] * (-np.cos(angle) - 1))
    warm = sigmoid((at.weather.celsius - 3) / 2)
    return np.asarray((np.maximum(first, second) * (0.2 + 0.8 * warm)).astype(np.float32))


def _season(growth: np.ndarray) -> np.ndarray:
    """Return the middle of the growing season as a month, by the mean direction of the year."""
    x, y = growth @ np.cos(MONTHS * MONTH), growth @ np.sin(MONTHS * MONTH)
    return np.asarray(np.arctan2(y, x) / MONTH)
