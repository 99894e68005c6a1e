"""What the satellites see of a place in twelve months, in the raw units of Presto's format."""

from dataclasses import dataclass

import numpy as np

from terrasweep.samplers.pools.planet import idioms, spectra
from terrasweep.samplers.pools.planet.covers import CROP, SNOW, TREE, Cover
from terrasweep.samplers.pools.planet.ground import Ground
from terrasweep.samplers.pools.planet.phenology import green, signatures
from terrasweep.samplers.pools.planet.places import STYLE, Places
from terrasweep.samplers.pools.planet.spectra import OPTICAL, RADAR
from terrasweep.samplers.pools.planet.weather import KELVIN, sigmoid

BANDS = (
    *("VV", "VH", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B11", "B12"),
    *("temperature_2m", "total_precipitation", "elevation", "slope", "NDVI"),
)
RED, NIR, TEMPERATURE, RAIN, ELEVATION, SLOPE, NDVI = 4, 8, 13, 14, 15, 16, 17
DAYS_MM = 30 * 1000
MISSING = 9
DYNAMIC_WORLD = np.array([1, 5, 2, 4, 6, 7, 0, 8], np.uint8)
"""Dynamic World's class of each cover."""
BARE_CLASS, SNOW_CLASS = 7, 8
MISTAKEN = 0.2
"""How often Dynamic World names another vegetation all year long."""
SPECKLE, NOISE = 2.0, 0.15
"""Deviation of a single value from what is there: of radar in dB, of reflectance as a share."""
OPTICAL_IDIOM, RADAR_IDIOM = 0.15, 1.2
"""How far an idiom moves a value: reflectance as a share, radar in dB; no further than noise."""
WET = 4.0
"""How much radar's view of a bare plain changes from month to month, in dB."""
DULL_BELOW, DULL_STEEP = 0.65, 12.0
"""The heterogeneity at which half of what is seen is left in a redundant world, and how sharply."""


@dataclass(frozen=True)
class Series:
    """Twelve months from January; ``x`` is (places, 12, 18), ``dynamic_world`` (places, 12)."""

    x: np.ndarray
    dynamic_world: np.ndarray


def series(under: Ground, *, rng: np.random.Generator) -> Series:
    """Return what is seen of each place."""
    at, cover, gap = under.at, under.cover, under.gap
    # The order of the draws is part of the results: each step takes its noise from one generator.
    leaf = green(at, gap=gap, seed=under.seed, rng=rng)
    share = _monthly(cover, heterogeneity=at.heterogeneity, rng=rng)
    snow = snow_cover(under)
    cloud = _cloud(at, rng=rng)
    seen = _mixture(share, leaf=leaf)
    growing = share[..., CROP] * leaf[..., CROP]
    seen[..., OPTICAL] += _crop_signatures(at, crop=growing, gap=gap, seed=under.seed)
    seen += snow[..., None] * (spectra.SNOWY - seen)
    seen = _with_idioms(_with_style(seen, at=at, gap=gap, rng=rng), under=under, rng=rng)
    seen = _with_noise(seen, rng=rng)
    if under.redundancy:
        seen = _with_redundancy(seen, by=under.redundancy * redundant(at), rng=rng)
    seen = _with_haze(seen, rng=rng)
    seen[..., OPTICAL][cloud] = 0
    land = _dynamic_world(cover, share=share, leaf=leaf, snow=snow, rng=rng)
    return Series(_assembled(seen, at=at, rng=rng), np.where(cloud, np.uint8(MISSING), land))


def _monthly(cover: Cover, *, heterogeneity: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the shares by month: on patchy land a pixel never sees quite the same mixture."""
    count, kinds = cover.share.shape
    noise = rng.standard_normal((count, 12, kinds), np.float32)
    spread = (0.9 * heterogeneity).astype(np.float32)[:, None, None]
    share = cover.share[:, None, :] * np.exp(spread * noise)
    return np.asarray(share / share.sum(axis=2, keepdims=True))


def snow_cover(under: Ground) -> np.ndarray:
    """Return how much of each month's view is snow: trees stand above it, composites avoid it."""
    weather, trees = under.at.weather, under.cover.share[:, TREE]
    wet = 0.2 * np.minimum(weather.rain_mm / 15, 1)
    lies = sigmoid((-2 - weather.celsius) / 1.5) * wet * (1 - 0.6 * trees[:, None])
    return np.asarray(lies.astype(np.float32))


def _cloud(at: Places, *, rng: np.random.Generator) -> np.ndarray:
    """Return which months the optical sensor missed: about one in thirteen, more where it rains."""
    often = 0.04 + 0.08 * np.minimum(at.weather.rain_mm / 150, 1.5)
    return np.asarray(rng.random(often.shape, np.float32) < often)


def _mixture(share: np.ndarray, *, leaf: np.ndarray) -> np.ndarray:
    """Return the end members, mixed by share and greenness."""
    # Every cover is a mixture of its green and its dry look; all are mixed in one product.
    growing = share * leaf
    weights = np.concatenate([growing, share - growing], axis=2)
    return np.asarray(weights @ spectra.MEMBERS)


def _crop_signatures(at: Places, *, crop: np.ndarray, gap: float, seed: int) -> np.ndarray:
    """Return what the crops of each farming system add to the optical bands."""
    extra = np.float32(gap) * signatures(seed) * spectra.MEMBERS[CROP, OPTICAL]
    return np.asarray(crop[..., None] * extra[at.system][:, None, :])


def redundant(at: Places) -> np.ndarray:
    """Return how far each place is uniform, 0 to 1."""
    return np.asarray(1 - sigmoid(DULL_STEEP * (at.heterogeneity - DULL_BELOW)))


def _with_redundancy(seen: np.ndarray, *, by: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Make uniform land look like one bare plain, where radar sees only how wet a month is."""
    lost = by.astype(np.float32)[:, None, None]
    wet = rng.standard_normal((*seen.shape[:2], 1), np.float32)
    plain = np.broadcast_to(spectra.PLAIN, seen.shape).copy()
    plain[..., RADAR] += WET * wet
    return np.asarray(seen + lost * (plain - seen))


def _with_style(
    seen: np.ndarray, *, at: Places, gap: float, rng: np.random.Generator
) -> np.ndarray:
    """Colour the view as the region's soils and plants are, and a little by chance."""
    own = rng.standard_normal((len(seen), 3), np.float32)
    style = 0.06 * own + np.float32(0.08 * gap) * at.region[:, STYLE]
    seen[..., OPTICAL] *= np.exp(style @ spectra.STYLES)[:, None, :]
    seen[..., RADAR] += 6 * style[:, None, :2]
    return seen


def _with_idioms(seen: np.ndarray, *, under: Ground, rng: np.random.Generator) -> np.ndarray:
    """Add the idiom of the farming system of each place."""
    moved = idioms.deviations(under.crop == 1, system=under.at.system, seed=under.seed, rng=rng)
    moved *= np.float32(under.idiom)
    seen[..., OPTICAL] *= 1 + OPTICAL_IDIOM * moved[..., OPTICAL]
    seen[..., RADAR] += RADAR_IDIOM * moved[..., RADAR]
    return seen


def _with_noise(seen: np.ndarray, *, rng: np.random.Generator) -> np.ndarray:
    """Add speckle and noise, which no month and no band shares with another."""
    noise = rng.standard_normal(seen.shape, np.float32)
    seen[..., RADAR] += SPECKLE * noise[..., RADAR]
    seen[..., OPTICAL] *= 1 + NOISE * noise[..., OPTICAL]
    return seen


def _with_haze(seen: np.ndarray, *, rng: np.random.Generator) -> np.ndarray:
    """Add thin cloud."""
    haze = rng.standard_exponential(seen.shape[:2], np.float32)
    thin = 300 * np.maximum(haze - 1, 0)
    seen[..., OPTICAL] += thin[..., None] * spectra.HAZE
    np.clip(seen[..., OPTICAL], 1, 20_000, out=seen[..., OPTICAL])
    return seen


def _dynamic_world(
    cover: Cover,
    *,
    share: np.ndarray,
    leaf: np.ndarray,
    snow: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return the class a land-cover map would give each month, mistakes included."""
    count = len(share)
    mistaken = (rng.random(count) < MISTAKEN) & (cover.main <= CROP)
    other = rng.integers(0, CROP + 1, count)
    seen = share.argmax(axis=2)
    seen = np.where(mistaken[:, None] & (seen <= CROP), other[:, None], seen)
    named = DYNAMIC_WORLD[seen]
    fallow = (seen == CROP) & (leaf[..., CROP] < 0.12) & (rng.random(seen.shape) < 0.5)
    named = np.where(fallow, np.uint8(BARE_CLASS), named)
    return np.where((snow > 0.1) | (seen == SNOW), np.uint8(SNOW_CLASS), named)


def _assembled(seen: np.ndarray, *, at: Places, rng: np.random.Generator) -> np.ndarray:
    """Put weather, relief and NDVI beside what was seen."""
    count = len(seen)
    x = np.empty((count, 12, len(BANDS)), np.float32)
    x[..., : spectra.NUM_BANDS] = seen
    noise = rng.standard_normal((2, count, 12), np.float32)
    x[..., TEMPERATURE] = at.weather.celsius + KELVIN + noise[0]
    x[..., RAIN] = at.weather.rain_mm / DAYS_MM * np.exp(0.25 * noise[1])
    x[..., ELEVATION] = at.altitude_m[:, None]
    x[..., SLOPE] = at.slope_deg[:, None]
    both = x[..., NIR] + x[..., RED]
    x[..., NDVI] = (x[..., NIR] - x[..., RED]) / np.maximum(both, 1)
    return x
