"""The fields of the fMoW-Sentinel task."""

from typing import ClassVar, Literal

from pydantic import Field

from terrasweep.samplers.spec.tasks import ClassMetric, FiledTaskSpec


class FmowSentinelTaskSpec(FiledTaskSpec):
    """fMoW-Sentinel as SatMAE's authors publish it: `<split>.csv` and `<split>/<category>/...`."""

    assumed: ClassVar[tuple[str, ...]] = ("size_px", "most")

    name: Literal["fmow_sentinel"]
    """Which task."""
    judged: Literal["val", "test"] = "val"
    """Which published split is the official test set."""
    most: int = Field(default=20_000, ge=20)
    """How many samples of each split are taken: those of the lowest hashed ids. An image takes
    half a megabyte."""
    size_px: int = Field(default=96, ge=1, le=1024)
    """Height and width of every image: the middle of a larger one, zeros around a smaller one."""
    metric: ClassMetric = "accuracy"
    """Accuracy, as the second study has it."""

    @property
    def gives(self) -> tuple[str, ...]:
        """The arrays of a sample, beside its coordinates."""
        return ("image", "month")

    @property
    def has_official_split(self) -> bool:
        """Say that the published splits are one."""
        return True
