"""The fields of the Earth's climate task."""

from typing import Literal

from terrasweep.samplers.pools.earth.task_spec import EarthTaskSpec
from terrasweep.samplers.spec.tasks import ClassMetric


class EarthClimateSpec(EarthTaskSpec):
    """Which Koppen-Geiger climate does this point have?

    Classes by quarter degree.
    """

    name: Literal["earth_climate"]
    """Which task."""
    metric: ClassMetric = "accuracy"
    """Share of points whose class is right."""
