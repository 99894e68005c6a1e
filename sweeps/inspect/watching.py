"""Looks at a sweep again and again until nothing of it is left to do, from the ledger alone."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from terrasweep.infra.storage.store import Store
from terrasweep.sweeps.engine.progress import CELLS, Stage
from terrasweep.sweeps.inspect.status import status
from terrasweep.sweeps.plan.grid import Plan


@dataclass
class Watch:
    """How far a sweep is, and how fast it goes since the first look."""

    plan: Plan
    store: Store
    _stage: Stage | None = None

    def look(self) -> str:
        """Return the clock and what is there to say, on one line."""
        found = status(self.plan, store=self.store).coverage
        done, failed = (sum(row[name] for row in found) for name in ("done", "failed"))
        if self._stage is None:
            self._stage = Stage(CELLS, len(self.plan.included), before=done)
            self._stage.begin()
        self._stage.done, self._stage.failed = done - self._stage.before, failed
        clock = datetime.now().astimezone()
        return f"{clock:%H:%M:%S}  {self._stage.words(now=time.monotonic())}"

    @property
    def is_over(self) -> bool:
        """Whether every cell was done or has failed when it was looked at last."""
        return self._stage is not None and self._stage.is_over


def watch(one: Watch, *, every_s: float, say: Callable[[str], None]) -> None:
    """Say how far it is, until it is over."""
    say(one.look())
    while not one.is_over:
        time.sleep(every_s)
        say(one.look())
