"""What Sentinel-2 sees around a place on one day: 13 bands of top-of-atmosphere reflectance.

A patch is a mosaic: fields with sharp edges where people farm or build, patches that blend into
each other elsewhere. How coarse the contrasts are follows from how patchy the land is, so that the
entropy of a patch's bands says the same as that of a series: uniform land has next to none.
"""

from dataclasses import dataclass, replace

import numpy as np

from terrasweep.samplers.pools.planet import idioms, spectra
from terrasweep.samplers.pools.planet.covers import BUILT, COVERS, CROP
from terrasweep.samplers.pools.planet.ground import Ground
from terrasweep.samplers.pools.planet.phenology import green, signatures
from terrasweep.samplers.pools.planet.places import STYLE
from terrasweep.samplers.pools.planet.series import OPTICAL_IDIOM, redundant, snow_cover

BATCH = 128
"""Patches made at a time; larger ones would only leave the cache."""
NUM_BANDS = 13
"""B1 B2 B3 B4 B5 B6 B7 B8 B8A B9 B10 B11 B12."""
SEEN_AS = np.array([0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 9, 10])
"""The optical band of a series that each band's land looks like; B1 is close to B2."""
THROUGH = np.array([0.9, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0.004, 1, 1], np.float32)
"""How much of it comes through the air: in B10 water vapour swallows all but a trace."""
PATH = np.array([620, 400, 220, 110, 80, 60, 50, 40, 25, 30, 8, 6, 5], np.float32)
"""What the air itself adds; it is not corrected for."""
CIRRUS = np.append(spectra.HAZE, 0.3)[np.array([0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 9, 10])]
CLOUDY, THICK = 0.2, 1500.0
"""How many patches have thin clouds, and how much these add where they are thick."""

GRAINS = (2, 5, 11, 23)
"""Cells across a patch, from the coarsest to the finest pattern."""
SHARP = 12.0
"""How many times steeper the edges of fields are than those of wild land."""
EVEN, LEAST, CONTRAST = 0.0015, 0.03, 1.15
"""Deviation of the logarithm of brightness: on uniform land, and what patchy land has more."""
GRAIN, MOST_GRAIN = 0.2, 0.5
"""How much of it is a pixel's own, and up to which deviation."""

_MEMBERS = spectra.MEMBERS[:, spectra.OPTICAL][:, SEEN_AS].reshape(2, len(COVERS), NUM_BANDS)
_SNOWY = spectra.SNOWY[spectra.OPTICAL][SEEN_AS]
_PLAIN = spectra.PLAIN[spectra.OPTICAL][SEEN_AS]
_STYLES = spectra.STYLES[:, SEEN_AS]


def patches(
    under: Ground, *, month: np.ndarray, size_px: int, rng: np.random.Generator
) -> np.ndarray:
    """Return what is seen of each place in a month, uint16 of shape (places, 13, size, size)."""
    images = np.empty((len(month), NUM_BANDS, size_px, size_px), np.uint16)
    for start in range(0, len(month), BATCH):
        rows = np.arange(start, min(start + BATCH, len(month)))
        seen = _batch(under.rows(rows), month=month[rows], size_px=size_px, rng=rng)
        images[rows] = seen.transpose(0, 3, 1, 2)
    return images


def _batch(
    under: Ground, *, month: np.ndarray, size_px: int, rng: np.random.Generator
) -> np.ndarray:
    row, at, main = np.arange(len(month)), under.at, under.cover.main
    leaf = green(at, gap=under.gap, seed=under.seed, rng=rng)[row, month]
    snow = snow_cover(under)[row, month][:, None, None, None]
    farmed = (main == CROP) | (main == BUILT)
    draw = Mosaics(np.where(farmed, SHARP, 1).astype(np.float32), size_px=size_px, rng=rng)
    seen = _land(under, _kinds(under, draw), leaf=leaf, draw=draw)
    seen += snow * (_SNOWY - seen)
    seen *= _brightness(under, draw) * _idiom_factors(under, month=month, rng=rng)
    if under.redundancy:
        lost = under.redundancy * redundant(at)
        seen = _PLAIN + (1 - lost).astype(np.float32)[:, None, None, None] * (seen - _PLAIN)
    return _through_the_air(seen, draw)


@dataclass(frozen=True)
class Mosaics:
    """Draws patterns for patches."""

    sharp: np.ndarray
    """How steep the edges of each patch's fields are."""
    size_px: int
    rng: np.random.Generator

    def pattern(self) -> np.ndarray:
        """Return a pattern for each patch, (patches, size, size), of about mean 0, variance 1."""
        count, size_px = len(self.sharp), self.size_px
        field = np.zeros((count, size_px, size_px), np.float32)
        pixel = (np.arange(size_px, dtype=np.float32) + 0.5) / size_px
        # Random heights on a grid of knots, interpolated along both sides by two matrices. The
        # weights fall from one knot to the next within a strip that the sharpness narrows: at 1
        # the interpolation is linear, far above it cells have one height and sharp edges.
        for grain in GRAINS:
            knots = np.arange(grain + 2, dtype=np.float32)
            heights = self.rng.standard_normal((count, grain + 2, grain + 2), np.float32)
            sides = []
            for offset in self.rng.random((2, count, 1, 1), np.float32):
                away = np.abs(offset + 0.5 + pixel[:, None] * grain - knots)
                edge = 0.5 + self.sharp[:, None, None] * (0.5 - away)
                sides.append(np.clip(edge, 0, 1))
            field += sides[0] @ heights @ sides[1].transpose(0, 2, 1)
        return field / np.float32(np.sqrt(len(GRAINS)))


def _kinds(under: Ground, draw: Mosaics) -> np.ndarray:
    """Return the cover of every pixel; on uniform land it is the main one everywhere."""
    main, share = under.cover.main, under.cover.share
    pure = np.eye(len(COVERS), dtype=np.float32)[main]
    patchy = np.minimum(under.at.heterogeneity / 0.3, 1)[:, None]
    upto = np.cumsum(pure + patchy * (share - pure), axis=1)[:, None, None, :-1]
    level = 0.5 * (1 + np.tanh(0.851 * draw.pattern()))  # as good as uniform between 0 and 1
    return np.asarray((level[..., None] > upto + 1e-6).sum(axis=3))


def _land(under: Ground, kinds: np.ndarray, *, leaf: np.ndarray, draw: Mosaics) -> np.ndarray:
    """Return the land's reflectance, (patches, size, size, 13): each field is green in its way."""
    patchy = under.at.heterogeneity.astype(np.float32)[:, None, None]
    growing = leaf[np.arange(len(kinds))[:, None, None], kinds]
    growing = np.clip(growing + 0.35 * patchy * draw.pattern(), 0, 1)
    lush, dry = _MEMBERS
    seen = dry[kinds] + growing[..., None] * (lush - dry)[kinds]
    extra = under.gap * (signatures(under.seed)[:, SEEN_AS] * lush[CROP])[under.at.system]
    seen += (growing * (kinds == CROP))[..., None] * extra.astype(np.float32)[:, None, None, :]
    return np.asarray(seen)


def _brightness(under: Ground, draw: Mosaics) -> np.ndarray:
    """Return how bright each pixel is: relief, fields, the region's soils, and a little chance."""
    at, count, size_px = under.at, len(draw.sharp), draw.size_px
    patchy = at.heterogeneity.astype(np.float32)
    steep = np.minimum(at.slope_deg.astype(np.float32) / 60, 0.3) * patchy**2
    deviation = EVEN + LEAST * patchy + CONTRAST * patchy**3 + steep
    own = draw.rng.standard_normal((count, 3), np.float32)
    style = np.exp((0.06 * own + 0.08 * under.gap * at.region[:, STYLE]) @ _STYLES)
    bright = np.exp(deviation[:, None, None] * draw.pattern())
    grain = draw.rng.standard_normal((count, size_px, size_px, NUM_BANDS), np.float32)
    grain *= GRAIN * np.minimum(deviation, MOST_GRAIN).astype(np.float32)[:, None, None, None]
    grain += 1
    grain *= bright[..., None] * style[:, None, None, :].astype(np.float32)
    return grain


def _idiom_factors(under: Ground, *, month: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the factors by which the idioms of farming systems change the month's reflectance."""
    moved = idioms.deviations(under.crop == 1, system=under.at.system, seed=under.seed, rng=rng)
    of_month = moved[np.arange(len(month)), month][:, spectra.OPTICAL][:, SEEN_AS]
    return np.asarray(1 + np.float32(under.idiom * OPTICAL_IDIOM) * of_month)[:, None, None, :]


def _through_the_air(seen: np.ndarray, draw: Mosaics) -> np.ndarray:
    """Add what the air and thin clouds do between the land and the sensor."""
    cloudy = (draw.rng.random(len(seen)) < CLOUDY).astype(np.float32)[:, None, None]
    clouds = replace(draw, sharp=np.ones_like(draw.sharp))
    veil = cloudy * np.maximum(clouds.pattern() - 0.5, 0)
    above = seen * THROUGH + PATH + THICK * veil[..., None] * CIRRUS
    return np.asarray(np.clip(np.rint(above), 1, 20_000))
