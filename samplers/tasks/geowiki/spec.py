"""The fields of the Geo-Wiki points."""

from typing import ClassVar, Literal

from pydantic import Field

from terrasweep.samplers.spec.tasks import BinaryMetric, FiledTaskSpec, Target


class GeowikiSpec(FiledTaskSpec):
    """Crop or not at the points of the Geo-Wiki campaign: coordinates and labels, no pixels."""

    assumed: ClassVar[tuple[str, ...]] = ("threshold",)

    name: Literal["geowiki"]
    """Which task."""
    points: Literal["con", "exp", "all"] = "con"
    """Which file of `loc_<points>.txt`: control points of experts, those that experts saw, or the
    campaign's own."""
    threshold: float = Field(default=0.5, ge=0, lt=100)
    """A point is crop where people saw more than this many per cent of it cropped, on average."""
    metric: BinaryMetric = "f1"
    """F1 of the crop class, or another."""

    @property
    def target(self) -> Target:
        """What it asks of a sample."""
        return "binary"
