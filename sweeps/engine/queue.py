"""The board: which jobs wait, may start, are being done, rest, or are over. It touches nothing.

A job is ready as soon as all that it needs is made: there are no stages to wait for. Among those
that are ready the best rank goes first, and one that finds no room keeps room for itself. Who does
the jobs, and where, the board does not know; the same jobs and answers always give the same order.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import Any, Final, NamedTuple, TypeAlias

from terrasweep.infra.step import Key, Step
from terrasweep.pipelines.spec import FINETUNE, STAGES

Rank: TypeAlias = tuple[int, ...]
"""The smaller goes first; see sweeps/engine/job_order.py."""

LANES: Final[Mapping[str, str]] = {stage.name: stage.lane for stage in STAGES if stage.lane}
"""What the driver watches over, by stage; of each lane only so many are done at once. All other
jobs are a worker's own: init, task, encode, and the cells."""


class Takes(NamedTuple):
    """What a job occupies while it is done, or what there is of it."""

    cpus: float = 0.0
    gpus: float = 0.0

    def plus(self, other: "Takes") -> "Takes":
        """Add up."""
        return Takes(self.cpus + other.cpus, self.gpus + other.gpus)

    def minus(self, other: "Takes") -> "Takes":
        """Take away; what is not there counts as a debt."""
        return Takes(self.cpus - other.cpus, self.gpus - other.gpus)

    def fits(self, room: "Takes") -> bool:
        """Say whether there is room for it; shares of a device are sums of fractions."""
        near = 1e-6
        return self.cpus <= room.cpus + near and self.gpus <= room.gpus + near


NOTHING: Final = Takes()


@dataclass(frozen=True, eq=False)
class Job:
    """Steps that are made together: one step, all draws from a pool, or a bundle of cells."""

    steps: tuple[Step[Any], ...]
    rank: Rank
    takes: Takes = NOTHING
    attempt: int = 0
    """How often it was begun in vain."""
    halvings: int = 0
    """How often less of a batch is to pass at once, for want of memory."""

    @property
    def stage(self) -> str:
        """The stage of its steps."""
        return self.steps[0].stage

    @property
    def lane(self) -> str | None:
        """The lane it is done in; none if it is a worker's."""
        return LANES.get(self.stage)

    def halves(self) -> tuple["Job", "Job"]:
        """Cut it in two, each to be done on its own."""
        middle = len(self.steps) // 2
        return replace(self, steps=self.steps[:middle]), replace(self, steps=self.steps[middle:])


@dataclass(frozen=True)
class House:
    """What there is room for."""

    total: Takes
    lanes: Mapping[str, int]
    """How many jobs of a lane are done at once."""
    most_workers: int = 0
    """Most workers' jobs at once; 0: as many as fit."""
    held: Takes = NOTHING
    """What a worker holds that waits for its next job."""


@dataclass
class Board:
    """Jobs on their way; every job is in one place."""

    jobs: Iterable[Job]
    running: dict[Job, None] = field(default_factory=dict)
    failed: set[Key] = field(default_factory=set)
    """Steps that were given up, and those that need them."""
    _open: dict[Job, int] = field(default_factory=dict)
    """Jobs that wait, and how many of the jobs before them are not over."""
    _after: dict[Job, list[Job]] = field(default_factory=dict)
    _watched: list[tuple[Rank, int, Job]] = field(default_factory=list)
    """Ready for the driver, as a heap."""
    _worked: list[tuple[Rank, int, Job]] = field(default_factory=list)
    """Ready for a worker, as a heap."""
    _resting: list[tuple[float, int, Job]] = field(default_factory=list)
    _count: int = 0

    def __post_init__(self) -> None:
        jobs = list(self.jobs)
        makers = {step.key: job for job in jobs for step in job.steps if job.stage != FINETUNE}
        for job in jobs:
            before = {makers[key] for key in _needs(job) if key in makers} - {job}
            self._open[job] = len(before)
            for one in before:
                self._after.setdefault(one, []).append(job)
        for job in jobs:
            if not self._open[job]:
                self._ready(job)

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do."""
        return not (self.running or self._open or self._resting or self._watched or self._worked)

    @property
    def has_work(self) -> bool:
        """Whether there is, or will be, something for workers if all goes well."""
        resting = (job for _, _, job in self._resting)
        return bool(self._worked) or any(job.lane is None for job in chain(self._open, resting))

    def wake(self, now: float) -> None:
        """Let jobs be begun again that have rested."""
        while self._resting and self._resting[0][0] <= now:
            self._ready(heapq.heappop(self._resting)[2])

    def for_driver(self, house: House) -> list[Job]:
        """Return the driver's jobs that are to be begun now, the first first."""
        free, counts = self._free(house), self._counts()
        found: list[Job] = []
        alone = not self.running and house.held == NOTHING
        for job in self._queued():
            if counts.get(job.lane or "", 0) >= house.lanes.get(job.lane or "", 1):
                continue
            if job.takes.fits(free) or (alone and not found):  # larger than the house: all of it
                found.append(job)
                counts[job.lane or ""] = counts.get(job.lane or "", 0) + 1
            free = free.minus(job.takes)  # one that finds no room keeps it
        return found

    def for_worker(self, house: House) -> Job | None:
        """Return the worker's job that is to be begun now; what ranks before it keeps its room."""
        busy = sum(job.lane is None for job in self.running)
        if not self._worked or (house.most_workers and busy >= house.most_workers):
            return None
        job = self._worked[0][2]
        free = self._free(replace(house, held=NOTHING))
        wanted = [one for one in self._unserved(house) if one.rank < job.rank]
        for one in wanted:
            free = free.minus(one.takes)
        alone = not self.running and not wanted
        return job if alone or job.takes.fits(free) else None

    def is_cramped(self, house: House) -> bool:
        """Say whether a job of the driver could begin if the workers went home."""
        own = self._taken(job for job in self.running if job.lane is None).plus(house.held)
        if own == NOTHING:
            return False
        free = self._free(house)
        first = self._worked[0][0] if self._worked else None
        return any(
            (first is None or job.rank < first)
            and not job.takes.fits(free)
            and (job.takes.fits(free.plus(own)) or not job.takes.fits(house.total))
            for job in self._unserved(house)
        )

    def upcoming(self, *, jobs: int, cells: int) -> list[Job]:
        """Return the next workers' jobs, those that are ready first, up to a number of either."""
        ready = (job for _, _, job in sorted(self._worked, key=lambda one: one[:2]))
        waiting = sorted((job for job in self._open if job.lane is None), key=lambda job: job.rank)
        found: list[Job] = []
        for job in islice((*ready, *waiting), jobs):
            cells -= len(job.steps)
            if found and cells < 0:
                break
            found.append(job)
        return found

    def begin(self, job: Job) -> None:
        """Take a ready job off the queue."""
        queue = self._worked if job.lane is None else self._watched
        if queue[0][2] is job:
            heapq.heappop(queue)
        else:
            queue[:] = [one for one in queue if one[2] is not job]
            heapq.heapify(queue)
        self.running[job] = None

    def put_off(self, job: Job, *, at: float) -> None:
        """Let a ready job rest: somebody else is at it."""
        self.begin(job)
        del self.running[job]
        self._count += 1
        heapq.heappush(self._resting, (at, self._count, job))

    def done(self, job: Job) -> None:
        """Cross a job off; what waited for it alone is ready."""
        del self.running[job]
        for one in self._after.pop(job, []):
            if one in self._open:
                self._open[one] -= 1
                if not self._open[one]:
                    self._ready(one)

    def fail(self, job: Job) -> list[Job]:
        """Give a job up, and with it all that need it; return those."""
        del self.running[job]
        self.failed |= {step.key for step in job.steps}
        lost, found = [job], []
        while lost:
            for one in self._after.pop(lost.pop(), []):
                if self._open.pop(one, None) is not None:
                    self.failed |= {step.key for step in one.steps}
                    lost.append(one)
                    found.append(one)
        return found

    def again(self, job: Job, *, pieces: Sequence[Job] = (), at: float) -> None:
        """Let a job that was begun in vain rest; it, or its pieces, is begun again later."""
        del self.running[job]
        tried = [replace(one, attempt=job.attempt + 1) for one in pieces or (job,)]
        if len(tried) == 1:  # pieces are cells, which nothing waits for
            self._after[tried[0]] = self._after.pop(job, [])
        for one in tried:
            self._count += 1
            heapq.heappush(self._resting, (at, self._count, one))

    def _ready(self, job: Job) -> None:
        self._open.pop(job, None)
        self._count += 1
        queue = self._worked if job.lane is None else self._watched
        heapq.heappush(queue, (job.rank, self._count, job))

    def _queued(self) -> Iterator[Job]:
        return (job for _, _, job in sorted(self._watched, key=lambda one: one[:2]))

    def _unserved(self, house: House) -> Iterator[Job]:
        """Yield the driver's ready jobs whose lanes have room."""
        counts = self._counts()
        for job in self._queued():
            lane = job.lane or ""
            if counts.get(lane, 0) < house.lanes.get(lane, 1):
                counts[lane] = counts.get(lane, 0) + 1
                yield job

    def _counts(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for job in self.running:
            if job.lane is not None:
                counts[job.lane] = counts.get(job.lane, 0) + 1
        return counts

    def _free(self, house: House) -> Takes:
        return house.total.minus(self._taken(self.running)).minus(house.held)

    def _taken(self, jobs: Iterable[Job]) -> Takes:
        taken = NOTHING
        for job in jobs:
            taken = taken.plus(job.takes)
        return taken


def _needs(job: Job) -> set[Key]:
    return {need.key for step in job.steps for need in step.needs}
