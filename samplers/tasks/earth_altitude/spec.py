"""The fields of the Earth's altitude task."""

from typing import Literal

from terrasweep.samplers.pools.earth.task_spec import EarthTaskSpec
from terrasweep.samplers.spec.tasks import NumberMetric, Target


class EarthAltitudeSpec(EarthTaskSpec):
    """How high above the sea does this point lie?

    Means of quarter degrees, in metres.
    """

    name: Literal["earth_altitude"]
    """Which task."""
    metric: NumberMetric = "r2"
    """Share of the variance that is explained."""

    @property
    def target(self) -> Target:
        """What it asks of a sample."""
        return "number"
