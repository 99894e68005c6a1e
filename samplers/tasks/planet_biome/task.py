"""Which biome, by the proxy of the place a sample looks like; rock and ice bear none."""

import numpy as np

from terrasweep.samplers.geography import biomes
from terrasweep.samplers.pools.planet.ground import Ground
from terrasweep.samplers.pools.planet.labelled import Campaign, labelled
from terrasweep.samplers.pools.planet.places import Places
from terrasweep.samplers.tasks.planet_biome.spec import PlanetBiomeSpec

CLASSES = biomes.NAMES[1:]


def classes(spec: PlanetBiomeSpec) -> tuple[str, ...]:
    """Return the names of the classes, in order of their labels."""
    return CLASSES


def read(spec: PlanetBiomeSpec) -> dict[str, np.ndarray]:
    """Return the labelled samples, continent after continent."""
    return labelled(
        Campaign(
            name=spec.name,
            per_continent=spec.per_continent,
            world=spec.world,
            seed=spec.seed,
            russia=spec.russia,
            arrays=spec.arrays,
            size_px=spec.size_px,
            willingness=_willingness,
            label=_label,
        )
    )


def _willingness(at: Places, gap: float) -> np.ndarray:
    return (at.biome > 0).astype(np.float64)


def _label(under: Ground) -> np.ndarray:
    return under.at.biome.astype(np.int64) - 1
