"""The fields of the planet's crop task."""

from typing import ClassVar, Literal

from pydantic import Field

from samplers.pools.planet.spec import Russia, World
from samplers.spec import TaskSpec


class PlanetCropSpec(TaskSpec):
    """Is this place cropland? Labelled monthly series from the synthetic planet."""

    synthetic: ClassVar[bool] = True

    name: Literal["planet_crop"]
    per_continent: int = Field(default=400, ge=20)
    """How many labelled samples each continent has, train and test together."""
    world: World = "coverage"
    """Which true answer the generator plants."""
    seed: int = Field(default=0, ge=0)
    """Another seed is another planet."""
    russia: Russia = "europe"
    """Where Russia counts; as the pool says."""
    metric: Literal["f1"] = "f1"
    """F1 of the crop class."""
