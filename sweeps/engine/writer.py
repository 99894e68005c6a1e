"""Results on their way to the ledger, written once a second.

Only what is written counts as done. If the store is away or full, the write is retried.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from terrasweep.infra.context import Retries
from terrasweep.infra.errors import StoreError
from terrasweep.infra.storage.ledger import Failure, Ledger, Row
from terrasweep.pipelines.spec import FINETUNE
from terrasweep.sweeps.engine.progress import Stages

FLUSH_ROWS: Final = 500
FLUSH_S: Final = 1.0


@dataclass
class ResultWriter:
    """Rows and failures that are not written yet, and the count of what was made."""

    ledger: Ledger
    stages: Stages
    retries: Retries
    made: Counter[str] = field(default_factory=Counter)
    """How many steps of each stage, and cells, were made."""
    clock: Callable[[], float] = time.monotonic
    _rows: list[Row] = field(default_factory=list)
    _cells: list[Failure] = field(default_factory=list)
    _steps: list[Failure] = field(default_factory=list)
    _due: float = 0.0
    _refusals: int = 0

    def add_cells(self, rows: Sequence[Row], failures: Sequence[Failure]) -> None:
        """Keep what cells resulted in until it is written."""
        self._rows += rows
        self._cells += failures

    def add_steps(self, failures: Sequence[Failure]) -> None:
        """Keep failures of steps until they are written; a step that was made has a record."""
        self._steps += failures

    @property
    def is_clean(self) -> bool:
        """Whether everything is written."""
        return not (self._rows or self._cells or self._steps)

    @property
    def is_due(self) -> bool:
        """Whether it is time to write."""
        return self.clock() >= self._due or (not self._refusals and len(self._rows) >= FLUSH_ROWS)

    def flush(self) -> None:
        """Write everything.

        Raises:
            StoreError: If the store has refused too often; nothing is lost until then.
        """
        self._due = self.clock() + FLUSH_S
        if self.is_clean:
            return
        try:
            self.ledger.append(self._rows)
            self.ledger.fail([*self._cells, *self._steps])
        except StoreError as error:
            self._due = self.clock() + self.store_refused(error)
            return
        self.store_answered()
        if self._rows or self._cells:
            self.made[FINETUNE] += len(self._rows)
            self.stages.add(FINETUNE, done=len(self._rows), failed=len(self._cells))
        self._rows, self._cells, self._steps = [], [], []

    def close(self) -> None:
        """Write now, as no more will come, unless the store has just refused."""
        if not self._refusals:
            self.flush()

    def store_refused(self, error: StoreError) -> float:
        """Count refusals in a row, and return how many seconds to wait before the next try.

        Raises:
            StoreError: If that was too often.
        """
        self._refusals += 1
        if self._refusals > self.retries.store:
            raise error
        pause = self.retries.pause_s * 2.0 ** (self._refusals - 1)
        self.stages.say(f"the store is tried again after {pause:g} s: {error}")
        return pause

    def store_answered(self) -> None:
        """Start counting refusals anew."""
        self._refusals = 0
