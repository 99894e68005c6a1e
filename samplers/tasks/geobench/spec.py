"""The fields of a GEO-Bench data set."""

from collections.abc import Mapping
from typing import ClassVar, Final, Literal, TypeAlias

from pydantic import Field, model_validator

from terrasweep.infra.errors import InvalidValueError
from terrasweep.samplers.spec.tasks import FiledTaskSpec, Target

Dataset: TypeAlias = Literal[
    "m-bigearthnet",
    "m-so2sat",
    "m-brick-kiln",
    "m-forestnet",
    "m-eurosat",
    "m-pv4ger",
    "m-pv4ger-seg",
    "m-chesapeake",
    "m-cashew-plant",
    "m-SA-crop-type",
    "m-nz-cattle",
    "m-NeonTree",
]

TARGETS: Final[Mapping[Dataset, Target]] = {
    "m-bigearthnet": "labels",
    "m-so2sat": "classes",
    "m-brick-kiln": "binary",
    "m-forestnet": "classes",
    "m-eurosat": "classes",
    "m-pv4ger": "binary",
    "m-pv4ger-seg": "binary",
    "m-chesapeake": "classes",
    "m-cashew-plant": "classes",
    "m-SA-crop-type": "classes",
    "m-nz-cattle": "binary",
    "m-NeonTree": "binary",
}
"""What each data set asks for; a map of classes counts as the commonest class of its patch."""

MAPPED: Final = (
    *("m-pv4ger-seg", "m-chesapeake", "m-cashew-plant", "m-SA-crop-type", "m-nz-cattle"),
    "m-NeonTree",
)
"""The data sets whose labels are maps."""


class GeobenchSpec(FiledTaskSpec):
    """One data set of GEO-Bench v1: a folder such as `classification_v1.0/m-eurosat`."""

    assumed: ClassVar[tuple[str, ...]] = ("metric", "of_maps")

    name: Literal["geobench"]
    """Which task."""
    dataset: Dataset
    """Which data set."""
    partition: str = Field(default="default", pattern=r"^[a-z0-9_.]+$")
    """Which `<partition>_partition.json` is the official split; its `valid` is left out."""
    bands: tuple[str, ...] = ()
    """The bands of an image, by the beginnings of their names; left out, all in order of name,
    which for Sentinel-2 is B1 to B8, B8A, B9 to B12."""
    of_maps: Literal["commonest", "middle", "whole"] = "commonest"
    """Where the label is a map: the commonest class of the patch, that of its middle pixel, or all
    of it, which asks for a class of every pixel."""
    unlabelled: int | None = None
    """The code of pixels that have no class, where a whole map has such; left out, all have one."""
    unplaced: Literal["refuse", "null_island"] = "refuse"
    """Samples that do not say where they lie may stand at 0 N, 0 E, on no continent: then only
    `global` can be asked, by networks that do not read coordinates."""
    metric: Literal[
        "f1_micro", "f1", "f1_macro", "f1_weighted", "accuracy", "balanced_accuracy", "miou"
    ] = "accuracy"
    """Accuracy for classes; for the several labels of m-bigearthnet, write `f1_micro`, for whole
    maps `miou`."""

    @model_validator(mode="after")
    def _only_maps_are_whole(self) -> "GeobenchSpec":
        if self.of_maps == "whole" and self.dataset not in MAPPED:
            raise InvalidValueError(
                f"{self.dataset} has one label an image", fix=f"name a set with maps: {MAPPED}"
            )
        return self

    @property
    def target(self) -> Target:
        """What it asks of a sample."""
        return "map" if self.of_maps == "whole" else TARGETS[self.dataset]

    @property
    def gives(self) -> tuple[str, ...]:
        """The arrays of a sample, beside its coordinates."""
        return ("image", "month")

    @property
    def has_official_split(self) -> bool:
        """Say that the partition is one."""
        return True
