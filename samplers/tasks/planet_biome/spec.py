"""The fields of the planet's biome task."""

from typing import ClassVar, Literal

from pydantic import Field

from terrasweep.samplers.geography.spec import Russia
from terrasweep.samplers.pools.planet.spec import ARRAYS_OF, ArrayKind, World
from terrasweep.samplers.spec.tasks import TaskSpec


class PlanetBiomeSpec(TaskSpec):
    """Which biome (by proxy) is this place in? Seen from the synthetic planet."""

    recipe: ClassVar[int] = 3
    synthetic: ClassVar[bool] = True

    name: Literal["planet_biome"]
    per_continent: int = Field(default=400, ge=20)
    """How many labelled samples each continent has, train and test together."""
    world: World = "coverage"
    """Which true answer the generator plants."""
    seed: int = Field(default=0, ge=0)
    """Another seed is another planet."""
    russia: Russia = "europe"
    """Where Russia counts; as the pool says."""
    arrays: ArrayKind = "series"
    """What is seen of each place: `x` for series, `image` for patches; as the network reads."""
    size_px: int = Field(default=64, ge=8, le=264)
    """Side of an image."""
    metric: Literal["f1_macro"] = "f1_macro"
    """F1 averaged over the biomes that occur."""

    @property
    def gives(self) -> tuple[str, ...]:
        """The arrays of a sample, beside its coordinates."""
        return ARRAYS_OF[self.arrays]
