"""Crop or not: labels are gathered rather where people farm, as labelling campaigns do."""

import numpy as np

from terrasweep.samplers.pools.planet.covers import farmed
from terrasweep.samplers.pools.planet.ground import Ground
from terrasweep.samplers.pools.planet.labelled import Campaign, labelled
from terrasweep.samplers.pools.planet.places import Places
from terrasweep.samplers.tasks.planet_crop.spec import PlanetCropSpec

CLASSES = ("not crop", "crop")

WILD = 0.1
"""How likely a place without any farming is visited, against 0.85 where all land is farmed."""


def classes(spec: PlanetCropSpec) -> tuple[str, ...]:
    """Return the names of the classes, in order of their labels."""
    return CLASSES


def read(spec: PlanetCropSpec) -> dict[str, np.ndarray]:
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
    return WILD + farmed(at, gap=gap)


def _label(under: Ground) -> np.ndarray:
    return under.crop
