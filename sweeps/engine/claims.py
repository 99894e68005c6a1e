"""Jobs that another driver on the same store may be at: claimed before they are begun.

A step is claimed by its key. Cells are claimed by the features they share: a driver that has begun
with them goes on to their last bundle, and another one turns to other features meanwhile.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import InitVar, dataclass, field, replace

from terrasweep.infra.storage.claims import Claims
from terrasweep.infra.storage.ledger import Ledger
from terrasweep.pipelines.spec import FINETUNE
from terrasweep.sweeps.engine.queue import Job


@dataclass
class Elsewhere:
    """What is ours to do, and what is done by others."""

    claims: Claims
    ledger: Ledger
    jobs: InitVar[Sequence[Job]]
    _left: Counter[str] = field(default_factory=Counter)
    """How many of our jobs are still to do, by claim."""
    _shared: set[str] = field(default_factory=set)
    """Claims that others held before us."""
    _done: list[str] = field(default_factory=list)
    """Claims to let go once everything is written down."""

    def __post_init__(self, jobs: Sequence[Job]) -> None:
        self._left.update(_claim(job) for job in jobs)

    def is_ours(self, job: Job) -> bool:
        """Claim a job; say whether it is ours to begin."""
        claim = _claim(job)
        if self.claims.take(claim):
            return True
        self._shared.add(claim)
        return False

    def left_of(self, job: Job) -> Job | None:
        """Return what of a job is still to do: others may have made some of it since we looked."""
        if not self.claims.others and _claim(job) not in self._shared:
            return job
        if job.stage != FINETUNE:
            made = self.ledger.store.done(step.key for step in job.steps)
            return None if len(made) == len(job.steps) else job
        done = self.ledger.done()
        left = tuple(step for step in job.steps if str(step.key) not in done)
        return job if len(left) == len(job.steps) else replace(job, steps=left) if left else None

    def cut(self, job: Job, pieces: int) -> None:
        """Hear that a job was cut."""
        self._left[_claim(job)] += pieces - 1

    def over(self, job: Job) -> None:
        """Hear that a job is over, well or not."""
        claim = _claim(job)
        self._left[claim] -= 1
        if self._left[claim] <= 0:
            self._done.append(claim)

    def release(self) -> None:
        """Let go what is over; everything about it is written down."""
        for claim in self._done:
            if claim in self.claims.held:
                self.claims.release(claim)
        self._done.clear()


def _claim(job: Job) -> str:
    if job.stage == FINETUNE:
        return f"cells/{job.steps[0].need('encode').key.digest}"
    return str(job.steps[0].key)
