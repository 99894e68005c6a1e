"""The families of this room, and the closed unions of their specs, built from the folders."""

from typing import TYPE_CHECKING

from terrasweep.infra.family import Family
from terrasweep.models.spec import ModelSpec, ProbeSpec

if TYPE_CHECKING:  # specs import this module, and the contracts need torch and numpy
    from terrasweep.models.contract import Architecture
    from terrasweep.models.probing.problem import Metric, Probe

ZOO: "Family[Architecture]" = Family("terrasweep.models.zoo", "model")
PROBES: "Family[Probe]" = Family("terrasweep.models.probes", "probe")
METRICS: "Family[Metric]" = Family("terrasweep.models.metrics")

if TYPE_CHECKING:  # a type checker cannot list a folder
    AnyModel = ModelSpec
    AnyProbe = ProbeSpec
else:
    AnyModel = ZOO.union()
    AnyProbe = PROBES.union()
