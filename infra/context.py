"""Where and how fast a step is made; nothing in here can change a result, so it is no spec."""

from collections.abc import Callable
from dataclasses import dataclass, field

from terrasweep.infra.cluster.shutdown import StopSignal, process_signal
from terrasweep.infra.errors import Cause
from terrasweep.infra.storage.store import Store

Progress = Callable[[float, float], None]
"""Called with how much is done and how much there is, in any unit."""


def quiet(done: float, total: float) -> None:
    """Report nowhere."""


@dataclass(frozen=True)
class Resources:
    """What a step or a trial may use; zero or none means: as much as the cluster has."""

    cpus_per_trial: float = 1.0
    gpus_per_trial: float = 0.0
    train_workers: int = 1
    cpus_per_train_worker: float = 1.0
    gpus_per_train_worker: float = 0.0
    micro_batch: int = 0
    halvings: int = 0
    """How often the micro-batch is halved, because memory ran out before."""
    compile: bool = False
    save_every_s: float = 60.0
    max_concurrent: int = 0
    cells_per_bundle: int = 0


@dataclass(frozen=True)
class Retries:
    """How often a failed job is retried, by cause; any other cause fails for good."""

    memory: int = 4
    store: int = 3
    lost: int = 2
    pause_s: float = 1.0
    """Seconds before the first retry; each further one waits twice as long."""

    def times(self, cause: Cause) -> int:
        """Return how often for a cause."""
        return {Cause.MEMORY: self.memory, Cause.STORE: self.store, Cause.LOST: self.lost}.get(
            cause, 0
        )


@dataclass(frozen=True)
class Context:
    """The store a step reads its needs from, what it may use, and where it reports progress."""

    store: Store
    resources: Resources = field(default_factory=Resources)
    progress: Progress = quiet
    retries: Retries = field(default_factory=Retries)
    stop: StopSignal = field(default_factory=process_signal)
    """Says whether the run is to stop."""
