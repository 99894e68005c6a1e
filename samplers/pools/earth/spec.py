"""The fields of the real Earth as a pool."""

from typing import Literal, TypeAlias

from pydantic import Field

from terrasweep.samplers.spec.pools import PoolSpec

Sight: TypeAlias = Literal["series", "statistics", "patches"]
"""What is seen of a place."""

GIVEN: dict[Sight, str] = {"series": "series", "statistics": "features", "patches": "image"}
"""The array under which each is given."""


class EarthSpec(PoolSpec):
    """Points even over the land of six continents, with what was really observed there.

    The observations are coarse: pictures of 11 and 20 km a pixel, series of half a degree and of
    one degree. `statistics` sum up what `patches` show.
    """

    name: Literal["earth"]
    size: int = Field(default=20_000, gt=0)
    """How many samples the pool holds; a larger pool begins with the samples of a smaller one."""
    seed: int = Field(default=0, ge=0)
    """Another seed is another set of points."""
    arrays: tuple[Sight, ...] = Field(default=("series", "statistics"), min_length=1)
    """`series`: 12 months of temperatures and rain; `statistics`: 72 numbers that sum up the patch
    around a point, which networks of places learn from; `patches`: the patch itself."""
    size_px: int = Field(default=16, ge=8, le=32)
    """Side of a patch."""
    pixel_km: float = Field(default=10.0, ge=5, le=20)
    """Side of a pixel of a patch."""

    @property
    def capacity(self) -> int | None:
        """The land has room for as many samples as are asked for."""
        return self.size

    @property
    def num_months(self) -> int | None:
        """Series are of one year."""
        return 12 if "series" in self.arrays else None

    @property
    def in_reflectance(self) -> bool:
        """Whether images hold reflectances: true-colour composites do not."""
        return False
