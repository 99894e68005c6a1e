"""The fields of the synthetic planet."""

from collections.abc import Mapping
from typing import ClassVar, Literal, TypeAlias

from pydantic import Field

from terrasweep.samplers.spec.pools import PoolSpec

World: TypeAlias = Literal["null", "coverage", "entropy", "local"]
"""Which true answer the generator plants; none of them names a winner by continent."""


ArrayKind: TypeAlias = Literal["series", "patches", "both"]
"""Monthly series in Presto's format, images of 13 bands, or both of the same places."""

ARRAYS_OF: Mapping[ArrayKind, tuple[str, ...]] = {
    "series": ("x", "dynamic_world", "month"),
    "patches": ("image", "month"),
    "both": ("x", "dynamic_world", "image", "month"),
}
"""The arrays of a sample under each word."""


class PlanetSpec(PoolSpec):
    """Area-uniform points on the real continents, seen by an invented satellite."""

    recipe: ClassVar[int] = 2
    synthetic: ClassVar[bool] = True

    name: Literal["planet"]
    size: int = Field(default=20_000, gt=0)
    """How many samples the pool holds."""
    world: World = "coverage"
    """Which true answer the generator plants."""
    seed: int = Field(default=0, ge=0)
    """Another seed is another planet."""
    arrays: ArrayKind = "series"
    """What is seen of each place: `x` and `dynamic_world` for series, `image` for patches."""
    months: Literal[12, 24] = 12
    """How long a series is; two years differ by weather, clouds and noise. Presto reads either."""
    size_px: int = Field(default=64, ge=8, le=264)
    """Side of an image."""

    @property
    def capacity(self) -> int | None:
        """The planet makes exactly as many samples as it is asked for."""
        return self.size

    @property
    def num_months(self) -> int | None:
        """As long as it says; images are of one month."""
        return None if self.arrays == "patches" else self.months
