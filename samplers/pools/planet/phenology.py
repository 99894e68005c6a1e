"""When what grows is green: the year of every cover, (places, 12 months, 8 covers).

Crops and grass differ by their calendar more than by their spectrum, and the calendar is a habit
of the region. There are a few farming systems, drawn for each seed: two or three of them dominate a
continent, and all occur on Earth. A meadow is mown by the calendar of the next system: the same
curve is a crop in one region and a meadow in another, so where labels come from matters.
"""

from functools import cache

import numpy as np

from terrasweep.infra.seeds import generator
from terrasweep.samplers.pools.planet.covers import BARE, BUILT, COVERS, CROP, GRASS, SHRUB, TREE
from terrasweep.samplers.pools.planet.places import MEADOW, SYSTEMS, WATER, Places
from terrasweep.samplers.pools.planet.weather import MONTHS, sigmoid

MONTH = 2 * np.pi / 12
WIDEST_SHIFT = 3.0
"""Months between the growing season and the calendar of the most unusual farming system."""
SIGNATURE = 0.2
"""Relative deviation of a band's reflectance between the crops of two systems."""
NUM_OPTICAL = 11


def green(at: Places, *, gap: float, seed: int, rng: np.random.Generator) -> np.ndarray:
    """Return how green each cover is in each month, 0 to 1."""
    growth = at.weather.growth.astype(np.float32)
    field = _field(at, system=at.system, gap=gap, seed=seed, rng=rng)
    mown = _field(at, system=(at.system + 1) % SYSTEMS, gap=gap, seed=seed, rng=rng)
    meadow = (0.85 * sigmoid(2 * at.region[:, MEADOW] + 2 * (gap - 1))).astype(np.float32)[:, None]
    mild = at.weather.celsius.min(axis=1, keepdims=True)
    evergreen = np.maximum(0.85 * sigmoid((mild - 6) / 3), 0.45 * sigmoid((-8 - mild) / 3))
    leaf = np.zeros((*growth.shape, len(COVERS)), np.float32)
    leaf[..., TREE] = evergreen + (1 - evergreen) * growth
    leaf[..., SHRUB] = 0.3 + 0.5 * growth
    leaf[..., GRASS] = (1 - meadow) * (0.1 + 0.9 * growth) + meadow * mown
    leaf[..., CROP] = field
    leaf[..., BUILT] = 0.1 + 0.2 * growth
    leaf[..., BARE] = 0.05 + 0.25 * growth
    return leaf


def _field(
    at: Places, *, system: np.ndarray, gap: float, seed: int, rng: np.random.Generator
) -> np.ndarray:
    """Return the year of a field: one bell, or two where water and warmth allow."""
    count = len(system)
    shift, narrow, twice = (column[system] for column in _systems(seed))
    peak = _season(at.weather.growth) + gap * shift + rng.normal(0, 0.4, count)
    narrow = narrow * rng.uniform(0.8, 1.25, count)
    long = at.weather.growth.sum(axis=1) - 7.5 + gap * (at.region[:, WATER] + twice)
    again = np.where(rng.random(count) < sigmoid(long), 0.8, 0.0)
    # exp(k (cos(angle) - 1)) is a bell on a circle (von Mises), one at the peak: December joins
    # January without a seam. The second crop is the same bell half a year away.
    angle = (MONTHS - peak[:, None]) * MONTH
    first = np.exp(narrow[:, None] * (np.cos(angle) - 1))
    second = again[:, None] * np.exp(narrow[:, None] * (-np.cos(angle) - 1))
    warm = sigmoid((at.weather.celsius - 3) / 2)
    return np.asarray((np.maximum(first, second) * (0.2 + 0.8 * warm)).astype(np.float32))


@cache
def _systems(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return by farming system: the calendar's shift, how short the season is, a second crop."""
    rng = generator("planet farming systems", seed)
    shift = rng.permutation(np.linspace(-WIDEST_SHIFT, WIDEST_SHIFT, SYSTEMS))
    return shift, rng.uniform(2.5, 5.0, SYSTEMS), rng.normal(0, 1.5, SYSTEMS)


@cache
def signatures(seed: int) -> np.ndarray:
    """Return by farming system by how much its green crops differ in each optical band."""
    rng = generator("planet crop signatures", seed)
    return rng.normal(0, SIGNATURE, (SYSTEMS, NUM_OPTICAL)).astype(np.float32)


def _season(growth: np.ndarray) -> np.ndarray:
    """Return the middle of the growing season as a month, by the mean direction of the year."""
    # Months are directions on a circle, weighted by growth: an average of month numbers would put
    # the season of December and January into June.
    x, y = growth @ np.cos(MONTHS * MONTH), growth @ np.sin(MONTHS * MONTH)
    return np.asarray(np.arctan2(y, x) / MONTH)
