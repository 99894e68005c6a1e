"""The families of this room, and the closed unions of their specs, built from the folders."""

from typing import TYPE_CHECKING

from terrasweep.infra.family import Family
from terrasweep.samplers.spec.pools import PoolSpec
from terrasweep.samplers.spec.tasks import TaskSpec

if TYPE_CHECKING:  # specs import this module, and the contract needs numpy
    from terrasweep.samplers.contract import Pool, Task

POOLS: "Family[Pool]" = Family("terrasweep.samplers.pools", "pool")
TASKS: "Family[Task]" = Family("terrasweep.samplers.tasks", "task")

if TYPE_CHECKING:  # a type checker cannot list a folder
    AnyPool = PoolSpec
    AnyTask = TaskSpec
else:
    AnyPool = POOLS.union()
    AnyTask = TASKS.union()
