"""From positions to what is seen and what is true there; pool and tasks share it."""

from dataclasses import dataclass

import numpy as np

from samplers.pools.planet.covers import CROP, covers
from samplers.pools.planet.places import Places, places
from samplers.pools.planet.points import Land, draw, earth
from samplers.pools.planet.series import series
from samplers.pools.planet.worlds import Knobs


@dataclass(frozen=True)
class Positions:
    """Where samples lie, and the place each of them looks like."""

    lat: np.ndarray
    lon: np.ndarray
    looks_lat: np.ndarray
    looks_lon: np.ndarray


@dataclass(frozen=True)
class Seen:
    """Samples in Presto's format, and what is true of them."""

    month: np.ndarray
    x: np.ndarray
    dynamic_world: np.ndarray
    crop: np.ndarray
    biome: np.ndarray


def positions(count: int, *, land: Land, reach: float, rng: np.random.Generator) -> Positions:
    """Draw positions on some land; each looks like itself, or with the reach like anywhere."""
    lat, lon = draw(rng, count, land=land)
    far_lat, far_lon = draw(rng, count, land=earth())
    far = rng.random(count) < reach
    return Positions(lat, lon, np.where(far, far_lat, lat), np.where(far, far_lon, lon))


def look(where: Positions, *, seed: int, rng: np.random.Generator) -> Places:
    """Return the places that the samples look like."""
    return places(where.looks_lat, where.looks_lon, seed=seed, rng=rng)


def observe(
    at: Places,
    *,
    knobs: Knobs,
    redundancy: float,
    first: np.ndarray,
    seed: int,
    rng: np.random.Generator,
) -> Seen:
    """Return what is seen of the places in the twelve months from each one's first."""
    cover = covers(at, gap=knobs.gap, rng=rng)
    year = series(at, cover, gap=knobs.gap, redundancy=redundancy, seed=seed, rng=rng)
    month = (first[:, None] + np.arange(12)) % 12
    row = np.arange(len(first))[:, None]
    return Seen(
        month=first.astype(np.uint8),
        x=year.x[row, month],
        dynamic_world=year.dynamic_world[row, month],
        crop=(cover.main == CROP).astype(np.int64),
        biome=at.biome.astype(np.int64),
    )
