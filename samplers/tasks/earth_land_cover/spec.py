"""The fields of the Earth's land cover task."""

from typing import Literal

from terrasweep.samplers.pools.earth.task_spec import EarthTaskSpec
from terrasweep.samplers.spec.tasks import ClassMetric


class EarthLandCoverSpec(EarthTaskSpec):
    """Which land cover does MODIS see at this point?

    IGBP's classes, at 0.1 degree.
    """

    name: Literal["earth_land_cover"]
    """Which task."""
    metric: ClassMetric = "accuracy"
    """Share of points whose class is right."""
