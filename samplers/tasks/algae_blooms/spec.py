"""The fields of the task algae_blooms."""

from typing import ClassVar, Literal

from terrasweep.samplers.spec.tasks import FiledTaskSpec, NumberMetric, Target


class AlgaeBloomsSpec(FiledTaskSpec):
    """How severe a harmful algal bloom is, from 1 to 5, as a number.

    Twelve months in Presto's format, in the USA.
    """

    assumed: ClassVar[tuple[str, ...]] = ("metric",)

    name: Literal["algae_blooms"]
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
