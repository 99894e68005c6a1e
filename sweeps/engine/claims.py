"""Claims on jobs that another driver on the same store may run: taken before a job starts.

A step is claimed by its key. Cells are claimed by the features they share: a driver that has
started with them continues to their last bundle, and another one takes other features meanwhile.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import InitVar, dataclass, field, replace

from terrasweep.infra.storage.claims import Claims
from terrasweep.infra.storage.ledger import Ledger
from terrasweep.pipelines.spec import FINETUNE
from terrasweep.sweeps.engine.queue import Job


@dataclass
class JobClaims:
    """One driver's claims on the jobs of a run."""

    claims: Claims
    ledger: Ledger
    jobs: InitVar[Sequence[Job]]
    _left: Counter[str] = field(default_factory=Counter)
    """How many jobs are not finished, by claim."""
    _shared: set[str] = field(default_factory=set)
    """Claims that another driver held before."""
    _done: list[str] = field(default_factory=list)
    """Claims to release once all results are written."""

    def __post_init__(self, jobs: Sequence[Job]) -> None:
        self._left.update(_claim(job) for job in jobs)

    def take(self, job: Job) -> bool:
        """Claim a job, and return whether the claim is ours."""
        claim = _claim(job)
        if self.claims.take(claim):
            return True
        self._shared.add(claim)
        return False

    def remaining(self, job: Job) -> Job | None:
        """Return what is left of a job: others may have made some of it since the plan."""
        if not self.claims.others and _claim(job) not in self._shared:
            return job
        if job.stage != FINETUNE:
            finished = self.ledger.store.done(step.key for step in job.steps)
            return None if len(finished) == len(job.steps) else job
        done = self.ledger.done()
        left = tuple(step for step in job.steps if str(step.key) not in done)
        return job if len(left) == len(job.steps) else replace(job, steps=left) if left else None

    def split(self, job: Job, pieces: int) -> None:
        """Count a job that is split as so many."""
        self._left[_claim(job)] += pieces - 1

    def close(self, job: Job) -> None:
        """Count a job as finished, well or not."""
        claim = _claim(job)
        self._left[claim] -= 1
        if self._left[claim] <= 0:
            self._done.append(claim)

    def release(self) -> None:
        """Release the claims of finished jobs; call it once their results are written."""
        for claim in self._done:
            if claim in self.claims.held:
                self.claims.release(claim)
        self._done.clear()


def _claim(job: Job) -> str:
    if job.stage == FINETUNE:
        return f"cells/{job.steps[0].need('encode').key.digest}"
    return str(job.steps[0].key)
