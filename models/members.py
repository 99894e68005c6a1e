"""The families of this room, and the closed unions of their specs, built from the folders."""

from typing import TYPE_CHECKING

from infra.family import Family
from models.spec import ModelSpec, ProbeSpec

ZOO: Family[object] = Family("models.zoo", "model")
PROBES: Family[object] = Family("models.probes", "probe")
METRICS: Family[object] = Family("models.metrics")

if TYPE_CHECKING:  # a type checker cannot list a folder
    AnyModel = ModelSpec
    AnyProbe = ProbeSpec
else:
    AnyModel = ZOO.union()
    AnyProbe = PROBES.union()
