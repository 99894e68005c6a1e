"""The fields of the EcoRegions task."""

from typing import ClassVar, Literal

from pydantic import Field

from terrasweep.samplers.spec.tasks import ClassMetric, FiledTaskSpec


class EcoregionsSpec(FiledTaskSpec):
    """Points drawn on the land, labelled by RESOLVE: a layer of polygons or a folder of rasters."""

    assumed: ClassVar[tuple[str, ...]] = ("per_continent", "metric")

    name: Literal["ecoregions"]
    """Which task."""
    label: Literal["biome", "realm_biome", "ecoregion"] = "biome"
    """What is asked for; the first study asks for the biome."""
    per_continent: int = Field(default=1000, ge=20)
    """How many points are drawn on each continent, evenly by area; rock and ice are left out."""
    seed: int = Field(default=0, ge=0)
    """Another seed is another draw of points."""
    metric: ClassMetric = "f1_macro"
    """F1 averaged over the classes that occur, or another."""
