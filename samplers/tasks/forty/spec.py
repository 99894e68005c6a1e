"""The fields of the forest typology."""

from typing import ClassVar, Literal

from pydantic import Field

from terrasweep.samplers.spec.tasks import ClassMetric, FiledTaskSpec, MapMetric, Target


class FortySpec(FiledTaskSpec):
    """ForTy v1: `forty_v1-<split>.tfrecord-00000-of-01024` and so on, in one folder.

    Its label is a map of classes; unless asked, a patch counts as the commonest class of its map.
    An image has the 13 bands of Sentinel-2 L1C: the ten of ForTy, and zeros for B1, B9 and B10.
    """

    assumed: ClassVar[tuple[str, ...]] = (
        *("season", "most", "unknown", "of_maps", "bands", "metric"),
    )

    name: Literal["forty"]
    """Which task."""
    season: int = Field(default=1, ge=0, le=3)
    """Which of the four seasonal images is read."""
    most: int = Field(default=5_000, ge=20)
    """How many samples of each split are taken: those of the lowest hashed ids."""
    unknown: int = Field(default=0, ge=0, le=8)
    """The code of unlabelled pixels; the eight classes have the others, in the published order."""
    bands: tuple[str, ...] = (*("B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B11", "B12"),)
    """Which band each of the ten channels is; the authors' demo shows the first three."""
    of_maps: Literal["commonest", "whole"] = "commonest"
    """What of a map is the label: the commonest class of the patch, or all of it, which asks for a
    class of every pixel; unlabelled pixels count neither way."""
    metric: ClassMetric | MapMetric = "f1_macro"
    """F1 averaged over the classes that occur, or another; of whole maps also `miou`."""

    @property
    def target(self) -> Target:
        """What it asks of a sample."""
        return "map" if self.of_maps == "whole" else "classes"

    @property
    def gives(self) -> tuple[str, ...]:
        """The arrays of a sample, beside its coordinates."""
        return ("image", "month")

    @property
    def has_official_split(self) -> bool:
        """Say that the published splits are one."""
        return True
