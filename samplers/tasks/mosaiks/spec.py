"""The fields of the MOSAIKS labels."""

from typing import ClassVar, Literal

from pydantic import Field

from terrasweep.samplers.spec.tasks import FiledTaskSpec, NumberMetric, Target


class MosaiksSpec(FiledTaskSpec):
    """A number at each point: `outcomes_sampled_<label>_*.csv`, or `<label>.parquet`."""

    assumed: ClassVar[tuple[str, ...]] = ("log",)

    name: Literal["mosaiks"]
    """Which task."""
    label: str = Field(default="population", pattern=r"^[a-z_]+$")
    """Which of the labels: population, elevation, forest_cover and so on."""
    log: Literal["as published", "log1p", "none"] = "as published"
    """What is learnt is log(1 + label) for population, and the label itself for all else."""
    metric: NumberMetric = "r2"
    """The share of the variance that is explained."""

    @property
    def target(self) -> Target:
        """What it asks of a sample."""
        return "number"
