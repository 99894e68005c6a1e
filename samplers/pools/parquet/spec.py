"""The fields of a pool of Parquet files."""

from typing import Literal

from pydantic import Field, field_validator

from terrasweep.infra.errors import InvalidValueError
from terrasweep.samplers.spec.pools import FilesSpec

OTHERS = ("id", "lat", "lon", "month", "rejected", "geometry")


class ParquetSpec(FilesSpec):
    """One Parquet or GeoParquet file, or a folder of them, with a row per sample.

    A row has `id`, `month` (0 to 11; without it the month is unknown, 255), its place as `lat` and
    `lon` or as the geometry of a GeoParquet file, and its arrays as fixed-size lists.
    """

    name: Literal["parquet"]
    """Which pool adapter reads it."""
    arrays: tuple[str, ...] = Field(default=("x", "dynamic_world"))
    """The columns that hold arrays: `x` (12 months by 18 bands, raw units) and `dynamic_world` (12
    months) for series, `image` (bands, height, width) for patches, or any others; none for a pool
    of mere places. Other columns are not read."""

    @field_validator("arrays")
    @classmethod
    def _are_no_other_columns(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name in OTHERS:
                raise InvalidValueError(
                    f"{name!r}, which is no array of a sample", fix="name columns of arrays"
                )
        if len(set(names)) < len(names):
            raise InvalidValueError("a column that is named twice", fix="drop one")
        return names
