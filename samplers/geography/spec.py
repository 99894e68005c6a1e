"""Which maps say where a sample lies: those that ship with the project, or a user's own."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, field_validator

from terrasweep.infra.errors import InvalidValueError
from terrasweep.infra.spec import Spec
from terrasweep.samplers.geography.strata import UNKNOWN

Russia: TypeAlias = Literal["europe", "split_60e", "asia"]
"""Where Russia counts: as Natural Earth has it, east of 60 degrees to Asia, or all to Asia."""

Content: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
"""What `terrasweep doctor` prints beside a map in the folder `maps`."""

Legend: TypeAlias = Literal["worldcover", "dynamic_world"] | dict[int, str]


class LandCoverMap(Spec):
    """A raster of land-cover classes: one GeoTIFF, or a folder of tiles."""

    content: Content
    """The map, by its content: `terrasweep doctor` prints it."""
    legend: Legend = "worldcover"
    """What the classes mean: ESA's WorldCover, Dynamic World, or names of one's own by number."""

    @field_validator("legend")
    @classmethod
    def _names_are_names(cls, legend: Legend) -> Legend:
        if isinstance(legend, dict):
            unfit = [number for number, name in legend.items() if not name.strip()]
            if unfit or not legend:
                got = f"class {unfit[0]} without a name" if unfit else "no class"
                raise InvalidValueError(got, fix="name every class that occurs")
            if UNKNOWN["land_cover"] in legend.values():
                raise InvalidValueError("a class called 'none'", fix="leave it out")
        return legend


class GeographySpec(Spec):
    """What stands in for the embedded maps; nothing of it, and they are used.

    Maps lie in the folder `maps` beside where one stands, or in that of TERRASWEEP_POOLS. They are
    known by their content alone, so a key does not follow from where or under which name they lie.
    """

    ecoregions: Content | None = None
    """RESOLVE Ecoregions 2017 (a layer of polygons, or a folder of rasters) for biome, realm and
    ecoregion; left out, biomes are the proxy and the other two are unknown."""
    land_cover: LandCoverMap | None = None
    """A raster of land cover; left out, it is what the sample's own Dynamic World names most."""
    russia: Russia | None = None
    """Where Russia counts; left out, it is where the pool says, or Europe."""
