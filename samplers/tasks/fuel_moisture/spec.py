"""The fields of the task fuel_moisture."""

from typing import ClassVar, Literal

from terrasweep.samplers.spec.tasks import FiledTaskSpec, NumberMetric, Target


class FuelMoistureSpec(FiledTaskSpec):
    """How moist the living fuel of wildfires is, in per cent.

    Twelve months in Presto's format, in the USA. That its files are laid out as those of the algae
    blooms is assumed: none was at hand.
    """

    assumed: ClassVar[tuple[str, ...]] = ("metric",)

    name: Literal["fuel_moisture"]
    """Which task."""
    metric: NumberMetric = "r2"
    """The share of the variance that is explained; RMSE is told beside it."""

    @property
    def target(self) -> Target:
        """What it asks of a sample."""
        return "number"

    @property
    def gives(self) -> tuple[str, ...]:
        """The arrays of a sample, beside its coordinates."""
        return ("x", "dynamic_world", "month")

    @property
    def has_official_split(self) -> bool:
        """Say that `is_test.npy` is one."""
        return True
