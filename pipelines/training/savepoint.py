"""How far a pretraining is, in the store under ``progress/``: its last states, and word of it.

A lost worker, a lost driver or a full disk so costs a minute. The store drops it all once the step
has a record.
"""

import hashlib
import time
from dataclasses import dataclass
from typing import Final

from terrasweep.infra.storage.store import Store
from terrasweep.infra.telemetry import metrics

LOOK_EVERY_S: Final = 0.2
KEPT_STATES: Final = 2
"""The last state, and one before it should the last be torn."""


@dataclass(frozen=True)
class StoreSavepoint:
    """A savepoint in the store: the last two states, each under its step and its checksum."""

    store: Store
    home: str
    num_samples: int = 0
    """How many samples an epoch has; the worker that trains knows."""

    def load(self) -> bytes | None:
        """Return the newest state that is whole; torn ones are dropped."""
        for path in reversed(self.states()):
            data = self.store.get(path)
            if data is not None and path.endswith(f"-{_checksum(data)}.pt"):
                return data
            self.store.drop(path)
        return None

    def save(self, state: bytes, *, step: int) -> None:
        """Keep the state, and of those before it the last."""
        self.store.put(f"{self.home}/states/{step:012d}-{_checksum(state)}.pt", state)
        for path in self.states()[:-KEPT_STATES]:
            self.store.drop(path)
        self.store.drop(self._asked)

    def states(self) -> list[str]:
        """Return where the states lie, the newest last."""
        return self.store.list(f"{self.home}/states")

    def tell(self, epochs: float) -> bool:
        """Leave word for whoever watches; say whether a driver that is to stop asked to save."""
        news = (epochs - self.epochs()) * self.num_samples
        metrics.count("terrasweep_samples", news, stage="pretrain")
        self.store.put(f"{self.home}/epochs", str(epochs).encode())
        return self.store.get(self._asked) is not None

    def ask(self, within_s: float) -> None:
        """Ask a training that has begun to save; wait until it has, or has no more time."""
        if not self.epochs():
            return
        self.store.put(self._asked, b"")
        end = time.monotonic() + within_s
        while self.store.get(self._asked) is not None and time.monotonic() < end:
            time.sleep(LOOK_EVERY_S)
        self.store.drop(self._asked)

    def epochs(self) -> float:
        """Return how many epochs are done."""
        return float(self.store.get(f"{self.home}/epochs") or 0)

    @property
    def _asked(self) -> str:
        return f"{self.home}/save"


def _checksum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
