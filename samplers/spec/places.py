"""Where samples may be drawn: rules that say of every sample whether it belongs, or how much."""

from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import BeforeValidator, Discriminator, Field, model_validator

from terrasweep.infra.errors import InvalidValueError
from terrasweep.infra.spec import Spec
from terrasweep.samplers.geography.strata import Stratum, word

FORESTS = ("1", "2", "3", "4", "5", "6", "14")


def _plain(value: object) -> object:
    """Let a value be written as the number it is: `values: [4, 5]`."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_number else value


Word: TypeAlias = Annotated[str, BeforeValidator(_plain, json_schema_input_type=str | int)]
"""A value of a stratum: its name, or the number of a biome or a climate."""


def words(over: Stratum, values: tuple[str, ...]) -> tuple[str, ...]:
    """Return values as their stratum's column has them, in order, each once.

    Raises:
        ValueError: If a value is not one of the stratum's, or is named twice.
    """
    ordered = sorted(word(over, value) for value in values)
    if len(set(ordered)) < len(ordered):
        raise InvalidValueError("a value that is named twice", fix="drop one")
    return tuple(ordered)


class PerSample(Spec):
    """Every sample of the pool is as likely as any other: as biased as the pool itself."""

    kind: Literal["per_sample"] = "per_sample"


class Only(Spec):
    """Samples from the named values of one stratum, and from nowhere else."""

    kind: Literal["only"] = "only"
    over: Stratum = "continent"
    """The stratum that is filtered on."""
    values: tuple[Word, ...] = Field(min_length=1)
    """The values that are kept, such as `[europe]` or `[europe, asia]`."""
    also: dict[Stratum, Annotated[tuple[Word, ...], Field(min_length=1)]] = Field(
        default_factory=dict
    )
    """Further strata that a sample must lie in too, such as `{biome: [tundra]}`."""

    @model_validator(mode="after")
    def _values_exist(self) -> "Only":
        if self.over in self.also:
            raise InvalidValueError(
                f"{self.over} filtered on twice", fix="name all its values in `values`"
            )
        object.__setattr__(self, "values", words(self.over, self.values))
        also = {over: words(over, values) for over, values in sorted(self.also.items())}
        object.__setattr__(self, "also", also)
        return self


class Cities(Spec):
    """Samples clustered around the most populous cities.

    The nearest city counts: at a distance d from it a sample is exp(-(d / radius)^2 / 2) times as
    likely as one in its middle, and beyond four radii it is never drawn.
    """

    assumed: ClassVar[tuple[str, ...]] = ("top", "radius_km")

    kind: Literal["cities"] = "cities"
    top: int = Field(default=1000, ge=1, le=6000)
    """How many cities, from the most populous down (GeoNames)."""
    radius_km: float = Field(default=50.0, gt=0, le=1000)
    """The kernel's standard deviation."""


class Points(Spec):
    """Samples clustered around points of one's own, as `cities` does around cities."""

    kind: Literal["points"] = "points"
    path: str = Field(min_length=1)
    """A CSV or Parquet file with `lat` and `lon`, or any point layer that geopandas reads.

    A relative path starts at the folder that TERRASWEEP_POOLS names, or else where one stands.
    """
    radius_km: float = Field(gt=0, le=1000)
    """The kernel's standard deviation."""
    content: str | None = None
    """The digest of the file, as the card tells it; where it is given, another file is refused."""


class NaturalForest(Spec):
    """Samples in forest biomes, far from the nearest city of a hundred thousand people."""

    assumed: ClassVar[tuple[str, ...]] = ("biomes", "city_km")

    kind: Literal["natural_forest"] = "natural_forest"
    biomes: tuple[Word, ...] = Field(default=FORESTS, min_length=1)
    """The biomes that count as forest."""
    city_km: float = Field(default=100.0, ge=0, le=5000)
    """How far the nearest such city must be."""

    @model_validator(mode="after")
    def _biomes_exist(self) -> "NaturalForest":
        biomes = self.biomes if self.biomes == FORESTS else words("biome", self.biomes)
        object.__setattr__(self, "biomes", FORESTS if set(biomes) == set(FORESTS) else biomes)
        return self


class Polygons(Spec):
    """Samples inside the polygons of one's own layer."""

    kind: Literal["polygons"] = "polygons"
    path: str = Field(min_length=1)
    """Any polygon layer that geopandas reads: GeoPackage, GeoJSON, shapefile, GeoParquet.

    A relative path starts at the folder that TERRASWEEP_POOLS names, or else where one stands.
    """
    content: str | None = None
    """The digest of the file, as the card tells it; where it is given, another file is refused."""


class Box(Spec):
    """Samples between two parallels and two meridians."""

    kind: Literal["box"] = "box"
    south: float = Field(default=-90.0, ge=-90, le=90)
    """The southern edge in degrees; a sample on an edge is inside."""
    north: float = Field(default=90.0, ge=-90, le=90)
    """The northern edge in degrees."""
    west: float = Field(default=-180.0, ge=-180, le=180)
    """The western edge in degrees; one east of `east` makes a box across 180 degrees."""
    east: float = Field(default=180.0, ge=-180, le=180)
    """The eastern edge in degrees."""

    @model_validator(mode="after")
    def _has_an_inside(self) -> "Box":
        if self.south >= self.north:
            raise InvalidValueError(
                f"south {self.south:g} and north {self.north:g}", fix="write the larger as north"
            )
        if self.west == self.east:
            raise InvalidValueError(f"west and east both {self.west:g}", fix="give the box a width")
        return self


class EntropyTop(Spec):
    """The samples of highest spectral entropy, each as likely as any other of them."""

    assumed: ClassVar[tuple[str, ...]] = ("fraction",)

    kind: Literal["entropy_top"] = "entropy_top"
    fraction: float = Field(default=0.25, gt=0, le=1)
    """Which part of the pool they are; the threshold is rounded down to 0.01 nats."""


Simple: TypeAlias = PerSample | Only | Cities | Points | NaturalForest | Polygons | Box | EntropyTop


class Overlap(Spec):
    """Samples that belong to every one of several places; kernels multiply."""

    kind: Literal["overlap"] = "overlap"
    of: tuple[Annotated[Simple, Discriminator("kind")], ...] = Field(min_length=2)
    """The places that a sample must belong to."""


class Union(Spec):
    """Samples that belong to any of several places; of kernels the largest counts."""

    kind: Literal["union"] = "union"
    of: tuple[Annotated[Simple | Overlap, Discriminator("kind")], ...] = Field(min_length=2)
    """The places of which a sample must belong to one."""


Place: TypeAlias = Simple | Overlap | Union
