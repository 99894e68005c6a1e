"""What jobs demand, and what the connected cluster has capacity for."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from terrasweep.infra.cluster import connection
from terrasweep.infra.context import Context, Resources

TRAINING_BYTES: Final = 1.5 * 2**30
"""The memory that a pretraining worker and Ray Train's processes around it need, roughly."""
COUNT_EVERY_S: Final = 5.0
"""How often the cluster is asked what it has: nodes come and go."""
ROUNDING: Final = 1e-6
"""Shares of a device are sums of fractions."""


class Demand(NamedTuple):
    """What a job occupies while it runs, or how much of that there is."""

    cpus: float = 0.0
    gpus: float = 0.0

    def plus(self, other: "Demand") -> "Demand":
        return Demand(self.cpus + other.cpus, self.gpus + other.gpus)

    def minus(self, other: "Demand") -> "Demand":
        """Subtract; what is not there counts as a debt."""
        return Demand(self.cpus - other.cpus, self.gpus - other.gpus)

    def fits(self, free: "Demand") -> bool:
        return self.cpus <= free.cpus + ROUNDING and self.gpus <= free.gpus + ROUNDING


NOTHING: Final = Demand()


@dataclass(frozen=True)
class Capacity:
    """What the cluster has, and what of it idle workers hold."""

    total: Demand
    lanes: Mapping[str, int]
    """How many jobs of a lane run at once."""
    max_workers: int = 0
    """Most workers' jobs at once; 0: as many as fit."""
    held: Demand = NOTHING
    """What workers hold that wait for their next job."""


@dataclass
class ClusterCapacity:
    """Measures the capacity of the connected cluster, every few seconds anew."""

    wanted: Resources
    measure: Callable[[], Mapping[str, float]] = connection.resources
    clock: Callable[[], float] = time.monotonic
    _per_worker: Demand = NOTHING
    _most_busy: int = 0
    """Most workers that were busy at once; Tune may keep those that no longer are."""
    _has_workers: bool = False
    _measured_at: float = field(default=-COUNT_EVERY_S)
    _total: Demand = NOTHING
    _num_trainings: int = 1

    def add_workers(self, each: Demand) -> None:
        """Count what idle workers hold from here on; each of them occupies this."""
        self._per_worker, self._most_busy, self._has_workers = each, 0, True

    def remove_workers(self) -> None:
        """Count idle workers no more: they are being released."""
        self._has_workers = False

    def now(self, num_busy: int) -> Capacity:
        """Return the capacity while so many workers are busy."""
        if self.clock() - self._measured_at >= COUNT_EVERY_S:
            has = self.measure()
            self._total = Demand(has.get("CPU", 1.0), has.get("GPU", 0.0))
            self._num_trainings = room_for_training(has, self.wanted)
            self._measured_at = self.clock()
        self._most_busy = max(self._most_busy, num_busy)
        num_idle = self._most_busy - num_busy if self._has_workers else 0
        held = Demand(num_idle * self._per_worker.cpus, num_idle * self._per_worker.gpus)
        lanes = {"training": self._num_trainings}
        return Capacity(self._total, lanes, self.wanted.max_concurrent, held)


def slots(context: Context) -> int:
    """Return how many workers fit on the connected cluster."""
    return slots_in(connection.resources(), context.resources)


def slots_in(has: Mapping[str, float], wanted: Resources) -> int:
    """Return how many workers fit on a cluster that has so much of each resource."""
    room = has.get("CPU", 1.0) / max(wanted.cpus_per_trial, 0.01)
    if wanted.gpus_per_trial:
        room = min(room, has.get("GPU", 0.0) / wanted.gpus_per_trial)
    return max(1, min(int(room), wanted.max_concurrent or int(room)))


def room_for_training(has: Mapping[str, float], wanted: Resources) -> int:
    """Return how many pretrainings run at once; a core stays free for what runs beside them."""
    cpus = max(wanted.train_workers * wanted.cpus_per_train_worker, 0.01)
    room = (has.get("CPU", 1.0) - 1) / cpus
    if "memory" in has:
        room = min(room, has["memory"] / wanted.train_workers / TRAINING_BYTES)
    if wanted.gpus_per_train_worker:
        gpus = wanted.train_workers * wanted.gpus_per_train_worker
        room = min(room, has.get("GPU", 0.0) / gpus)
    return max(1, int(room))
