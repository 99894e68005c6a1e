"""The families of this room, and the closed unions of their specs, built from the folders."""

from typing import TYPE_CHECKING

from terrasweep.infra.family import Family
from terrasweep.models.spec import ModelSpec, ProbeSpec

ZOO: Family[object] = Family("terrasweep.models.zoo", "model")
PROBES: Family[object] = Family("terrasweep.models.probes", "probe")
METRICS: Family[object] = Family("terrasweep.models.metrics")

if TYPE_CHECKING:  # a type checker cannot list a folder
    AnyModel = ModelSpec
    AnyProbe = ProbeSpec
else:
    AnyModel = ZOO.union()
    AnyProbe = PROBES.union()
