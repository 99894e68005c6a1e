"""How the spectral entropy of a sample is measured."""

from typing import ClassVar, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from terrasweep.infra.errors import InvalidValueError
from terrasweep.infra.spec import Spec

LogBase: TypeAlias = Literal["e", "2", "10"]
"""The base of the logarithm: entropies come out in nats, bits or hartleys."""


class SeriesEntropy(Spec):
    """How the spectral entropy of a monthly series is measured."""

    assumed: ClassVar[tuple[str, ...]] = ("bands", "bins", "low", "high", "log_base")

    bands: tuple[int, ...] = Field(default=tuple(range(2, 13)), min_length=1)
    """Which of the 18 bands count, from 0 on: the 11 of Sentinel-2, B2 to B12."""
    bins: int = Field(default=32, ge=2, le=4096)
    """Equal bins; as narrow as for images, and twelve months would fall each into its own."""
    low: float = 0.0
    """Where the first bin begins; smaller values fall into it."""
    high: float = 10_000.0
    """Where the last bin ends; larger values fall into it."""
    log_base: LogBase = "e"
    """The base of the logarithm."""

    @model_validator(mode="after")
    def _low_is_lower(self) -> Self:
        _check_range(self)
        return self


class ImageEntropy(Spec):
    """How the spectral entropy of an image is measured."""

    assumed: ClassVar[tuple[str, ...]] = ("bands", "bins", "low", "high", "log_base")

    bands: tuple[int, ...] | None = Field(default=None, min_length=1)
    """Which bands count, from 0 on; left out, all of them."""
    bins: int = Field(default=256, ge=2, le=4096)
    """Equal bins."""
    low: float = 0.0
    """Where the first bin begins; smaller values fall into it."""
    high: float = 10_000.0
    """Where the last bin ends; larger values fall into it."""
    log_base: LogBase = "e"
    """The base of the logarithm."""

    @model_validator(mode="after")
    def _low_is_lower(self) -> Self:
        _check_range(self)
        return self


class EntropySpec(Spec):
    """How the spectral entropy of a sample is measured; no source paper says it."""

    assumed: ClassVar[tuple[str, ...]] = ("first",)

    first: Literal["series", "image"] = "series"
    """What is measured of a sample that has both."""
    series: SeriesEntropy = Field(default_factory=SeriesEntropy)
    """Of `x`, a series in Presto's format."""
    image: ImageEntropy = Field(default_factory=ImageEntropy)
    """Of `image`, a patch."""


def _check_range(how: SeriesEntropy | ImageEntropy) -> None:
    if how.low >= how.high:
        raise InvalidValueError(
            f"low {how.low:g} and high {how.high:g}", fix="write a low that is below high"
        )
    if any(band < 0 for band in how.bands or ()):
        raise InvalidValueError("a band below 0", fix="count bands from 0")
