"""Hands out jobs to the driver's threads and to workers, and acts on their results.

Every call returns soon. Whoever runs jobs calls it: the scheduler between worker pools, and the
worker pool while there is one. It calls neither of them.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from terrasweep.infra.cluster.shutdown import RayThread
from terrasweep.infra.context import Context
from terrasweep.infra.errors import Cause, StoreError, UserError, cause_of
from terrasweep.infra.step import Key
from terrasweep.infra.storage.ledger import Failure
from terrasweep.pipelines.spec import FINETUNE
from terrasweep.sweeps.engine.capacity import Capacity, ClusterCapacity
from terrasweep.sweeps.engine.claims import JobClaims
from terrasweep.sweeps.engine.decision import (
    EndRun,
    Finish,
    GiveUp,
    Retry,
    decide,
    depends_on_needs,
)
from terrasweep.sweeps.engine.execute import (
    JobContext,
    JobResult,
    Train,
    execute,
    failed_result,
)
from terrasweep.sweeps.engine.queue import Job, JobQueue
from terrasweep.sweeps.engine.writer import ResultWriter

LOOK_AGAIN_S: Final = 2.0
"""How long a job is deferred that another driver has claimed."""
IDLE_S: Final = 60.0
"""How long workers wait for a job before they are released."""


@dataclass
class JobSource:
    """The jobs of a run, and what becomes of them."""

    queue: JobQueue
    claims: JobClaims
    context: Context
    writer: ResultWriter
    train: Train
    attempts: Mapping[str, int]
    """How often each step or cell failed before."""
    capacity: ClusterCapacity
    failures: list[Failure] = field(default_factory=list)
    """Of steps, in the order they came."""
    _threads: dict["Future[JobResult]", Job] = field(default_factory=dict)
    """The driver's jobs that run."""
    _error: UserError | None = None

    def poll(self, wait_s: float) -> None:
        """Start the driver's jobs that can start, act on those that ended, and write results.

        Args:
            wait_s: How long to wait for a job of the driver to end.

        Raises:
            UserError: If only the user can fix what is wrong.
            Stopped: If the run was asked to stop.
        """
        self.context.stop.raise_if_stopped()
        if self._error is not None:
            raise self._error
        self.queue.wake_deferred(time.monotonic())
        self._start_driver_jobs()
        if self._threads:
            ended, _ = wait(self._threads, timeout=wait_s, return_when=FIRST_COMPLETED)
            for future in ended:
                self._collect(self._threads.pop(future), future)
        elif wait_s:
            time.sleep(wait_s)
        if self.writer.is_due:
            self.flush()

    def claim_next(self) -> Job | None:
        """Claim the worker's job that may start now, and return it; it is not started.

        Jobs that other drivers have claimed are deferred on the way, and what they have finished is
        removed.
        """
        while (job := self.queue.next_for_worker(self._capacity())) is not None:
            if self._claim(job):
                return job
        return None

    def start(self, job: Job) -> None:
        """Count a job that was claimed as running."""
        self.queue.start(job)
        self.writer.stages.begin(job.stage)

    def should_release(self, job: Job | None, known: Collection[Job], idle_s: float) -> bool:
        """Return whether workers should be released once their jobs are finished.

        Args:
            job: The job that was claimed for one of them; none if nothing may start now.
            known: The jobs that these workers know.
            idle_s: How long all of them have been idle.
        """
        if job is not None:
            return job not in known
        if idle_s > IDLE_S or not self.queue.has_worker_jobs:
            return True
        return self.queue.workers_block_driver(self._capacity())

    def complete(self, job: Job, result: JobResult) -> None:
        """Act on the result of a job: write it down, retry the job, give it up, or end the run."""
        for line in result.messages:
            self.writer.stages.say(line)
        self.writer.add_cells(result.rows, [])
        there = not depends_on_needs(result) or self._needs_are_there(job)
        match decide(job, result, retries=self.context.retries, needs_are_there=there):
            case Retry() as retry:
                self.writer.add_cells([], retry.failures)
                self._retry(job, retry)
            case EndRun(error):
                self._error = error  # raised by poll: raised here, Tune would wrap it
            case GiveUp(failures):
                self._give_up(job, failures)
            case Finish(failures):
                self._finish(job, failures)

    def worker_lost(self, job: Job, error: BaseException) -> None:
        """Act on a job whose worker was lost, or whose thread raised."""
        failures = failed_result(job.steps, error, attempts=self.attempts).failures
        if cause_of(error) is Cause.BUG:  # an error in the job itself is a value in its result
            failures = [replace(one, cause=Cause.LOST) for one in failures]
        self.complete(job, JobResult(failures=failures))

    def flush(self) -> None:
        """Write results, and release the claims of what is written."""
        self.writer.flush()
        if self.writer.is_clean:
            self.claims.release()

    def _start_driver_jobs(self) -> None:
        for job in self.queue.next_for_driver(self._capacity()):
            if self._claim(job):
                self.start(job)
                context = JobContext(self._context_of(job), self.train, self.attempts)
                self._threads[in_thread(partial(execute, job.steps, context))] = job

    def _claim(self, job: Job) -> bool:
        """Claim a ready job. Otherwise defer it, or remove what another driver has finished."""
        now = time.monotonic()
        try:
            is_ours = self.claims.take(job)
            remaining = self.claims.remaining(job) if is_ours else None
            self.writer.store_answered()
        except StoreError as error:
            self.queue.defer(job, at=now + self.writer.store_refused(error))
            return False
        if not is_ours:
            self.queue.defer(job, at=now + LOOK_AGAIN_S)
            return False
        if remaining is job:
            return True
        num_done = len(job.steps) - (len(remaining.steps) if remaining else 0)
        self.writer.stages.add(job.stage, key=str(job.steps[0].key), done=num_done)
        if remaining is not None:
            self.queue.replace(job, remaining)
        else:
            self.queue.start(job)
            self._remove(job)
        return False

    def _remove(self, job: Job) -> None:
        self.queue.finish(job)
        self.claims.close(job)

    def _finish(self, job: Job, failures: Sequence[Failure]) -> None:
        if job.stage == FINETUNE:
            self.writer.add_cells([], failures)
        else:
            self.writer.made[job.stage] += len(job.steps)
            self.writer.stages.add(job.stage, key=str(job.steps[0].key), done=len(job.steps))
        self._remove(job)

    def _retry(self, job: Job, retry: Retry) -> None:
        parts = f" in {len(retry.pieces)} parts" if len(retry.pieces) > 1 else ""
        what = (
            f"{retry.reason.key} {job.steps[0].label} is retried{parts} after {retry.pause_s:g} s"
        )
        self.writer.stages.say(f"{what}: {retry.reason.cause}: {retry.reason.message}")
        self.claims.split(job, len(retry.pieces))
        self.queue.retry(job, pieces=retry.pieces, at=time.monotonic() + retry.pause_s)

    def _give_up(self, job: Job, failures: Sequence[Failure]) -> None:
        stages = self.writer.stages
        stages.add(job.stage, key=str(job.steps[0].key), failed=len(job.steps))
        self.writer.add_steps(failures)
        self.failures += failures
        for step, failure in zip(job.steps, failures, strict=True):
            stages.say(f"failed: {step.key} {step.label}: {failure.kind}: {failure.message}")
        self.claims.close(job)
        for blocked in self.queue.fail(job):
            self.claims.close(blocked)
            stages.add(blocked.stage, failed=len(blocked.steps))

    def _collect(self, job: Job, future: "Future[JobResult]") -> None:
        error = future.exception()
        if error is None:
            self.complete(job, future.result())
        else:
            self.worker_lost(job, error)

    def _needs_are_there(self, job: Job) -> bool:
        """Return whether all that a job needs is still there; what was torn is withdrawn."""
        needs: set[Key] = {need.key for step in job.steps for need in step.needs}
        try:
            return self.context.store.done(needs) == needs
        except StoreError:
            return True  # the store is away, and so nobody can tell

    def _report(self, job: Job, done: float, total: float) -> None:
        key, share = str(job.steps[0].key), done * len(job.steps)
        self.writer.stages.part(job.stage, key=key, done=share, total=total)

    def _context_of(self, job: Job) -> Context:
        """Return the context of a job of the driver, with its halvings of the micro-batch."""
        resources = replace(self.context.resources, halvings=job.halvings)
        return replace(self.context, resources=resources, progress=partial(self._report, job))

    def _capacity(self) -> Capacity:
        return self.capacity.now(sum(job.lane is None for job in self.queue.running))


def in_thread(do: Callable[[], JobResult]) -> "Future[JobResult]":
    """Do something in a thread that never keeps the driver from ending."""
    future: Future[JobResult] = Future()

    def run() -> None:
        try:
            future.set_result(do())
        except BaseException as error:
            future.set_exception(error)

    RayThread(run).start()
    return future
