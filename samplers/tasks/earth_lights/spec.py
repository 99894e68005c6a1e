"""The fields of the Earth's lights task."""

from typing import Literal

from terrasweep.samplers.pools.earth.task_spec import EarthTaskSpec
from terrasweep.samplers.spec.tasks import NumberMetric, Target


class EarthLightsSpec(EarthTaskSpec):
    """How bright is this point at night, on a scale of logarithms?

    A proxy of where people live.
    """

    name: Literal["earth_lights"]
    """Which task."""
    metric: NumberMetric = "r2"
    """Share of the variance that is explained."""

    @property
    def target(self) -> Target:
        """What it asks of a sample."""
        return "number"
