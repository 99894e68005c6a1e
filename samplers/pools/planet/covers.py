"""What grows on a place: a main cover, and what it is mixed with where the land is patchy."""

from dataclasses import dataclass

import numpy as np

from terrasweep.samplers.geography import biomes
from terrasweep.samplers.pools.planet import places
from terrasweep.samplers.pools.planet.places import Places
from terrasweep.samplers.pools.planet.weather import sigmoid

COVERS = ("tree", "shrub", "grass", "crop", "built", "bare", "water", "snow")
TREE, SHRUB, GRASS, CROP, BUILT, BARE, WATER, SNOW = range(8)

# Share of tree, shrub, grass, bare, water and snow on wild land, by biome; then how readily the
# land is farmed where weather, relief and people allow it.
_WILD: dict[str, tuple[tuple[float, ...], float]] = {
    "none": ((0.00, 0.00, 0.02, 0.23, 0.00, 0.75), 0.0),
    "tropical moist broadleaf forest": ((0.78, 0.08, 0.10, 0.01, 0.03, 0.00), 0.5),
    "tropical dry broadleaf forest": ((0.45, 0.30, 0.20, 0.03, 0.02, 0.00), 1.0),
    "tropical conifer forest": ((0.60, 0.20, 0.15, 0.03, 0.02, 0.00), 0.7),
    "temperate broadleaf and mixed forest": ((0.58, 0.11, 0.23, 0.03, 0.05, 0.00), 1.0),
    "temperate conifer forest": ((0.64, 0.12, 0.15, 0.05, 0.03, 0.01), 0.5),
    "boreal forest": ((0.66, 0.14, 0.08, 0.04, 0.08, 0.00), 0.3),
    "tropical grassland and savanna": ((0.20, 0.35, 0.38, 0.05, 0.02, 0.00), 0.7),
    "temperate grassland and steppe": ((0.05, 0.19, 0.61, 0.12, 0.03, 0.00), 1.0),
    "flooded grassland": ((0.10, 0.20, 0.50, 0.00, 0.20, 0.00), 0.6),
    "montane grassland": ((0.08, 0.25, 0.42, 0.21, 0.02, 0.02), 0.6),
    "tundra": ((0.02, 0.38, 0.30, 0.18, 0.08, 0.04), 0.0),
    "mediterranean woodland": ((0.30, 0.40, 0.20, 0.08, 0.02, 0.00), 1.0),
    "desert and xeric shrubland": ((0.01, 0.15, 0.09, 0.74, 0.01, 0.00), 0.5),
    "mangrove": ((0.60, 0.10, 0.10, 0.00, 0.20, 0.00), 0.3),
}
_WILD_COVERS = (TREE, SHRUB, GRASS, BARE, WATER, SNOW)


@dataclass(frozen=True)
class Cover:
    """What grows on each place."""

    main: np.ndarray
    """The cover that a label or a map would name."""
    share: np.ndarray
    """How much of every cover the sensor sees, (places, 8), summing to one."""


def covers(at: Places, *, gap: float, rng: np.random.Generator) -> Cover:
    """Draw what grows on each place, and what it is mixed with."""
    likely = likelihood(at, gap=gap)
    drawn = (np.cumsum(likely, axis=1) < rng.random((len(likely), 1))).sum(axis=1)
    main = np.minimum(drawn, SNOW)
    pure = np.zeros_like(likely)
    pure[np.arange(len(main)), main] = 1
    mixed = 0.06 + 0.44 * at.heterogeneity * rng.random(len(main))
    share = pure + mixed[:, None] * (likely - pure)
    return Cover(main=main, share=share.astype(np.float32))


def likelihood(at: Places, *, gap: float) -> np.ndarray:
    """Return how likely each cover is on each place, (places, 8), summing to one."""
    wild, _ = _tables()
    built = 0.005 + 0.3 * np.exp(-at.city_km / 15)
    crop = farmed(at, gap=gap)
    return np.asarray(
        wild[at.biome] * (1 - built - crop * (1 - built))[:, None]
        + np.eye(len(COVERS))[BUILT] * built[:, None]
        + np.eye(len(COVERS))[CROP] * (crop * (1 - built))[:, None]
    )


def farmed(at: Places, *, gap: float) -> np.ndarray:
    """Return how much of each place is cropland: weather, relief, people and water decide."""
    _, readily = _tables()
    season = at.weather.growth.sum(axis=1)
    water = gap * 0.6 * at.region[:, places.WATER]
    suitable = (
        1.1 * (np.minimum(season, 6) - 4)
        - at.slope_deg / 4
        - np.maximum(at.altitude_m - 1500, 0) / 700
        + 2.5 * np.exp(-at.city_km / 120)
        + water
        - 1.4
    )
    return np.asarray(0.85 * readily[at.biome] * sigmoid(suitable))


def _tables() -> tuple[np.ndarray, np.ndarray]:
    """Return wild cover and readiness to be farmed, by biome number."""
    wild = np.zeros((len(biomes.NAMES), len(COVERS)))
    wild[:, list(_WILD_COVERS)] = [_WILD[name][0] for name in biomes.NAMES]
    return wild, np.array([_WILD[name][1] for name in biomes.NAMES])
