"""How much room the connected cluster has, and what workers hold of it that wait for a job."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from terrasweep.infra.cluster import connection
from terrasweep.infra.context import Context, Resources
from terrasweep.sweeps.engine.queue import NOTHING, Takes

TRAINING_BYTES: Final = 1.5 * 2**30
"""What a pretraining worker and Ray Train's processes around it are taken to need."""


@dataclass
class Workers:
    """What the workers of a shift hold while they wait for a job."""

    each: Takes = NOTHING
    most: int = 0
    """Most that were busy at once; Tune may keep those that are no longer."""
    is_open: bool = False

    def open(self, each: Takes) -> None:
        """Let workers come who occupy so much each."""
        self.each, self.most, self.is_open = each, 0, True

    def close(self) -> None:
        """Send those home that are not busy."""
        self.is_open = False

    def busy(self, number: int) -> None:
        """Hear how many are busy."""
        self.most = max(self.most, number)

    def held(self, busy: int) -> Takes:
        """Return what is held by those that wait."""
        idle = max(self.most - busy, 0) if self.is_open else 0
        return Takes(idle * self.each.cpus, idle * self.each.gpus)


def slots(context: Context) -> int:
    """Return how many workers the connected cluster has room for."""
    return slots_in(connection.resources(), context.resources)


def slots_in(has: Mapping[str, float], wants: Resources) -> int:
    """Return how many workers a cluster has room for, that has so much of each resource."""
    room = has.get("CPU", 1.0) / max(wants.cpus_per_trial, 0.01)
    if wants.gpus_per_trial:
        room = min(room, has.get("GPU", 0.0) / wants.gpus_per_trial)
    return max(1, min(int(room), wants.max_concurrent or int(room)))


def room_for_training(has: Mapping[str, float], wants: Resources) -> int:
    """Return how many pretrainings run at once; a core stays free for what runs beside them."""
    cpus = max(wants.train_workers * wants.cpus_per_train_worker, 0.01)
    room = (has.get("CPU", 1.0) - 1) / cpus
    if "memory" in has:
        room = min(room, has["memory"] / wants.train_workers / TRAINING_BYTES)
    if wants.gpus_per_train_worker:
        room = min(room, has.get("GPU", 0.0) / wants.train_workers / wants.gpus_per_train_worker)
    return max(1, int(room))
