"""The fields of CropHarvest."""

from typing import ClassVar, Literal

from pydantic import Field

from terrasweep.samplers.spec.tasks import BinaryMetric, FiledTaskSpec, Target


class CropHarvestSpec(FiledTaskSpec):
    """CropHarvest 0.7: `labels.geojson` and `features/arrays/<index>_<dataset>.h5`."""

    assumed: ClassVar[tuple[str, ...]] = ("metric",)

    name: Literal["cropharvest"]
    """Which task."""
    label: Literal["crop", "class"] = "crop"
    """Crop or not, as the first study asks; or the class of the crop, where one is known."""
    test_sets: tuple[str, ...] = Field(default=())
    """Test sets of crop or not to judge by where the official split is held out, by the beginning
    of their names in `test_features`, such as `togo-eval`."""
    metric: BinaryMetric = "f1"
    """F1 of the crop class; for the class of the crop, write `f1_macro`."""

    @property
    def target(self) -> Target:
        """What it asks of a sample."""
        return "binary" if self.label == "crop" else "classes"

    @property
    def gives(self) -> tuple[str, ...]:
        """The arrays of a sample, beside its coordinates."""
        return ("x", "dynamic_world", "month")

    @property
    def has_official_split(self) -> bool:
        """Say that `is_test` and the test sets are one."""
        return True
