"""The queue: which jobs wait, are ready, run, are deferred, or are finished. It has no effects.

A job is ready as soon as all that it needs is made: there are no stages to wait for. Among ready
jobs the best rank goes first, and a job that does not fit reserves what it needs. The queue does
not know who runs the jobs, or where; the same jobs and answers always give the same order.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import Any, Final, TypeAlias

from terrasweep.infra.step import Key, Step
from terrasweep.pipelines.spec import FINETUNE, STAGES
from terrasweep.sweeps.engine.capacity import NOTHING, Capacity, Demand

Rank: TypeAlias = tuple[int, ...]
"""The smaller goes first; see sweeps/engine/job_order.py."""

LANES: Final[Mapping[str, str]] = {stage.name: stage.lane for stage in STAGES if stage.lane}
"""The lanes of jobs that the driver runs, by stage; of each lane only so many run at once. Workers
run all other jobs: init, task, encode, and the cells."""


@dataclass(frozen=True, eq=False)
class Job:
    """Steps that are made together: one step, all draws from a pool, or a bundle of cells."""

    steps: tuple[Step[Any], ...]
    rank: Rank
    demand: Demand = NOTHING
    attempt: int = 0
    """How often it failed before."""
    halvings: int = 0
    """How often the micro-batch is halved, because memory ran out."""

    @property
    def stage(self) -> str:
        return self.steps[0].stage

    @property
    def lane(self) -> str | None:
        """The lane it runs in; none if a worker runs it."""
        return LANES.get(self.stage)

    def halves(self) -> tuple["Job", "Job"]:
        """Split it in two that run apart."""
        middle = len(self.steps) // 2
        return replace(self, steps=self.steps[:middle]), replace(self, steps=self.steps[middle:])


@dataclass
class JobQueue:
    """All jobs of a run; every job is in one place."""

    jobs: Iterable[Job]
    running: dict[Job, None] = field(default_factory=dict)
    failed: set[Key] = field(default_factory=set)
    """Steps that were given up, and those that need them."""
    _waiting: dict[Job, int] = field(default_factory=dict)
    """Jobs that are not ready, and how many of the jobs that they need are not finished."""
    _dependents: dict[Job, list[Job]] = field(default_factory=dict)
    _driver_ready: list[tuple[Rank, int, Job]] = field(default_factory=list)
    """Ready for the driver, as a heap."""
    _worker_ready: list[tuple[Rank, int, Job]] = field(default_factory=list)
    """Ready for a worker, as a heap."""
    _deferred: list[tuple[float, int, Job]] = field(default_factory=list)
    """Ready from a time on, as a heap."""
    _count: int = 0

    def __post_init__(self) -> None:
        jobs = list(self.jobs)
        makers = {step.key: job for job in jobs for step in job.steps if job.stage != FINETUNE}
        for job in jobs:
            before = {makers[key] for key in _needs(job) if key in makers} - {job}
            self._waiting[job] = len(before)
            for one in before:
                self._dependents.setdefault(one, []).append(job)
        for job in jobs:
            if not self._waiting[job]:
                self._add_ready(job)

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do."""
        return not (
            self.running
            or self._waiting
            or self._deferred
            or self._driver_ready
            or self._worker_ready
        )

    @property
    def has_worker_jobs(self) -> bool:
        """Whether workers have, or will have, something to do if all goes well."""
        deferred = (job for _, _, job in self._deferred)
        return bool(self._worker_ready) or any(
            job.lane is None for job in chain(self._waiting, deferred)
        )

    def wake_deferred(self, now: float) -> None:
        """Make deferred jobs ready whose time has come."""
        while self._deferred and self._deferred[0][0] <= now:
            self._add_ready(heapq.heappop(self._deferred)[2])

    def next_for_driver(self, capacity: Capacity) -> list[Job]:
        """Return the driver's jobs that start now, in order."""
        free, counts = self._free(capacity), self._counts()
        starting: list[Job] = []
        alone = not self.running and capacity.held == NOTHING
        for job in self._queued():
            if counts.get(job.lane or "", 0) >= capacity.lanes.get(job.lane or "", 1):
                continue
            if job.demand.fits(free) or (alone and not starting):  # too large: it gets everything
                starting.append(job)
                counts[job.lane or ""] = counts.get(job.lane or "", 0) + 1
            free = free.minus(job.demand)  # also for a job that does not fit: it reserves that
        return starting

    def next_for_worker(self, capacity: Capacity) -> Job | None:
        """Return the worker's job that may start now, if any; better ranks keep their capacity."""
        busy = sum(job.lane is None for job in self.running)
        if not self._worker_ready or (capacity.max_workers and busy >= capacity.max_workers):
            return None
        job = self._worker_ready[0][2]
        free = self._free(replace(capacity, held=NOTHING))
        earlier = [one for one in self._unserved(capacity) if one.rank < job.rank]
        for one in earlier:
            free = free.minus(one.demand)
        alone = not self.running and not earlier
        return job if alone or job.demand.fits(free) else None

    def workers_block_driver(self, capacity: Capacity) -> bool:
        """Return whether a job of the driver could start if the workers were released."""
        own = self._demand_of(job for job in self.running if job.lane is None).plus(capacity.held)
        if own == NOTHING:
            return False
        free = self._free(capacity)
        first = self._worker_ready[0][0] if self._worker_ready else None
        return any(
            (first is None or job.rank < first)
            and not job.demand.fits(free)
            and (job.demand.fits(free.plus(own)) or not job.demand.fits(capacity.total))
            for job in self._unserved(capacity)
        )

    def upcoming(self, *, jobs: int, cells: int) -> list[Job]:
        """Return the next workers' jobs, ready ones first, up to a number of jobs and of cells."""
        ready = (job for _, _, job in sorted(self._worker_ready, key=lambda one: one[:2]))
        waiting = sorted(
            (job for job in self._waiting if job.lane is None), key=lambda job: job.rank
        )
        chosen: list[Job] = []
        for job in islice((*ready, *waiting), jobs):
            cells -= len(job.steps)
            if chosen and cells < 0:
                break
            chosen.append(job)
        return chosen

    def start(self, job: Job) -> None:
        """Move a ready job to those that run."""
        self._remove_ready(job)
        self.running[job] = None

    def defer(self, job: Job, *, at: float) -> None:
        """Keep a ready job back until a time; it has not failed."""
        self._remove_ready(job)
        self._defer(job, at=at)

    def replace(self, job: Job, by: Job) -> None:
        """Put another job in the place of a ready one."""
        self._remove_ready(job)
        self._dependents[by] = self._dependents.pop(job, [])
        self._add_ready(by)

    def finish(self, job: Job) -> None:
        """Remove a running job; what waited for it alone is ready."""
        del self.running[job]
        for one in self._dependents.pop(job, []):
            if one in self._waiting:
                self._waiting[one] -= 1
                if not self._waiting[one]:
                    self._add_ready(one)

    def fail(self, job: Job) -> list[Job]:
        """Give up a running job and all that need it; return those."""
        del self.running[job]
        self.failed |= {step.key for step in job.steps}
        lost, blocked = [job], []
        while lost:
            for one in self._dependents.pop(lost.pop(), []):
                if self._waiting.pop(one, None) is not None:
                    self.failed |= {step.key for step in one.steps}
                    lost.append(one)
                    blocked.append(one)
        return blocked

    def retry(self, job: Job, *, pieces: Sequence[Job] = (), at: float) -> None:
        """Start a running job that failed, or its pieces, again from a time on."""
        del self.running[job]
        again = [replace(one, attempt=job.attempt + 1) for one in pieces or (job,)]
        if len(again) == 1:  # several pieces are cells, which nothing waits for
            self._dependents[again[0]] = self._dependents.pop(job, [])
        for one in again:
            self._defer(one, at=at)

    def _defer(self, job: Job, *, at: float) -> None:
        self._count += 1
        heapq.heappush(self._deferred, (at, self._count, job))

    def _remove_ready(self, job: Job) -> None:
        ready = self._worker_ready if job.lane is None else self._driver_ready
        if ready[0][2] is job:
            heapq.heappop(ready)
        else:
            ready[:] = [one for one in ready if one[2] is not job]
            heapq.heapify(ready)

    def _add_ready(self, job: Job) -> None:
        self._waiting.pop(job, None)
        self._count += 1
        ready = self._worker_ready if job.lane is None else self._driver_ready
        heapq.heappush(ready, (job.rank, self._count, job))

    def _queued(self) -> Iterator[Job]:
        return (job for _, _, job in sorted(self._driver_ready, key=lambda one: one[:2]))

    def _unserved(self, capacity: Capacity) -> Iterator[Job]:
        """Yield the driver's ready jobs whose lanes are not full."""
        counts = self._counts()
        for job in self._queued():
            lane = job.lane or ""
            if counts.get(lane, 0) < capacity.lanes.get(lane, 1):
                counts[lane] = counts.get(lane, 0) + 1
                yield job

    def _counts(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for job in self.running:
            if job.lane is not None:
                counts[job.lane] = counts.get(job.lane, 0) + 1
        return counts

    def _free(self, capacity: Capacity) -> Demand:
        return capacity.total.minus(self._demand_of(self.running)).minus(capacity.held)

    def _demand_of(self, jobs: Iterable[Job]) -> Demand:
        total = NOTHING
        for job in jobs:
            total = total.plus(job.demand)
        return total


def _needs(job: Job) -> set[Key]:
    return {need.key for step in job.steps for need in step.needs}
