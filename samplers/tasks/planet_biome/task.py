"""Which biome, by the proxy of the place a sample looks like; rock and ice bear none."""

import numpy as np

from samplers.geography import biomes
from samplers.pools.planet.labelled import Campaign, labelled
from samplers.pools.planet.places import Places
from samplers.pools.planet.series import MISSING
from samplers.tasks.planet_biome.spec import PlanetBiomeSpec

CLASSES = biomes.NAMES[1:]


def read(spec: PlanetBiomeSpec) -> dict[str, np.ndarray]:
    """Return the labelled samples, continent after continent."""
    campaign = Campaign(
        name=spec.name,
        per_continent=spec.per_continent,
        world=spec.world,
        seed=spec.seed,
        russia=spec.russia,
        wish=_wish,
    )
    columns, seen = labelled(campaign)
    return {
        **columns,
        "label": seen.biome - 1,
        "month": seen.month,
        "x": seen.x,
        "dynamic_world": np.full_like(seen.dynamic_world, MISSING),  # it would name the label
    }


def _wish(at: Places, gap: float) -> np.ndarray:
    return (at.biome > 0).astype(np.float64)
