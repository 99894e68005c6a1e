"""Does the jobs of a board on the connected cluster, each as soon as it can be done.

One loop sees to everything: what the driver watches over (scans by Ray Data, pretrainings) runs in
threads, what a worker does alone (networks, tasks, features, cells) in shifts by Ray Tune. Rows go
to the ledger a second's worth at a time, and only then count as done.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from terrasweep.infra.cluster import connection
from terrasweep.infra.cluster.memory import release_memory
from terrasweep.infra.cluster.shutdown import RayThread
from terrasweep.infra.context import Context, quiet
from terrasweep.infra.errors import PASSING, Cause, StoreError, UserError, cause_of
from terrasweep.infra.step import Key
from terrasweep.infra.storage.ledger import Failure, Ledger
from terrasweep.pipelines.spec import FINETUNE
from terrasweep.sweeps.engine import tune
from terrasweep.sweeps.engine.capacity import Workers, room_for_training, slots
from terrasweep.sweeps.engine.claims import Elsewhere
from terrasweep.sweeps.engine.execute import Made, Means, Train, failed, make
from terrasweep.sweeps.engine.queue import NOTHING, Board, House, Job, Takes
from terrasweep.sweeps.engine.retry import pause_s, retried
from terrasweep.sweeps.engine.writer import Book

LOOK_EVERY_S: Final = 0.5
LOOK_AGAIN_S: Final = 2.0
"""How often what another driver is at is looked for."""
COUNT_EVERY_S: Final = 5.0
"""How often the cluster is asked what it has: nodes come and go."""
IDLE_S: Final = 60.0
"""How long workers wait for a job before they go home."""


@dataclass
class Schedule:
    """Jobs that are done, and what came of them."""

    board: Board
    elsewhere: Elsewhere
    context: Context
    book: Book
    train: Train
    attempts: Mapping[str, int]
    """How often each step or cell failed before."""
    failures: list[Failure] = field(default_factory=list)
    """Of steps, in the order they came."""
    _watched: dict["Future[Made]", Job] = field(default_factory=dict)
    _workers: Workers = field(default_factory=Workers)
    _ending: UserError | None = None
    _total: tuple[float, Takes, int] = (-COUNT_EVERY_S, NOTHING, 1)

    def finish(self) -> None:
        """Do every job that can be done.

        Every finished cell is in the ledger, every failure beside it, whatever ends this early.

        Raises:
            UserError: At once, if only the user can mend what is wrong.
        """
        try:
            while not self.board.is_over:
                self.turn(0.0)
                if self._next() is not None:
                    self._work_off()
                else:
                    self.turn(LOOK_EVERY_S)
            self.book.close()
            while not self.book.is_clean:
                self.turn(LOOK_EVERY_S)
        finally:
            self.flush()

    def turn(self, wait_s: float) -> None:
        """Begin what the driver can begin, and see to what is over.

        Raises:
            UserError: If only the user can mend what is wrong.
            Stopped: If the run was asked to stop.
        """
        self.context.stop.raise_if_stopped()
        if self._ending is not None:
            raise self._ending
        self.board.wake(time.monotonic())
        for job in self.board.for_driver(self._house()):
            if not self._is_ours(job):
                continue
            self._begin(job)
            means = Means(self._context_of(job), self.train, self.attempts)
            self._watched[in_thread(partial(make, job.steps, means))] = job
        if self._watched:
            over, _ = wait(self._watched, timeout=wait_s, return_when=FIRST_COMPLETED)
            for future in over:
                self._settle(self._watched.pop(future), future)
        elif wait_s:
            time.sleep(wait_s)
        if self.book.is_due:
            self.flush()

    def ask(self) -> Job | None:
        """Return a worker's job that is to be begun now, and count it as begun."""
        job = self._next()
        if job is not None:
            self._begin(job)
            self._workers.busy(self._num_working())
        return job

    def is_closing(self, among: Collection[Job], idle_s: float) -> bool:
        """Say whether the workers, who know some jobs, are to go home when theirs are done."""
        job = self._next()
        if job is not None:
            closing = job not in among
        else:
            out_of_work = not self.board.has_work or idle_s > IDLE_S
            closing = self.board.is_cramped(self._house()) or out_of_work
        if closing:
            self._workers.close()
        return closing

    def hand_in(self, job: Job, made: Made) -> None:
        """Take what came of a job; what may go well the next time is begun again."""
        for line in made.told:
            self.book.stages.say(line)
        self.book.cells(made.rows, [])
        again = self._to_begin_again(job, made.failures)
        if again:
            passing = [told for told in made.failures if told.cause in PASSING]
            self.book.cells([], [told for told in made.failures if told.cause not in PASSING])
            self._begin_again(job, again, passing[0])
        elif made.mendable is not None and self._stands(job):
            self._ending = made.mendable  # raised here, Tune would make it one of its own
        elif job.stage == FINETUNE:
            self.book.cells([], made.failures)
            self._over(job)
        elif made.failures:
            self._give_up(job, made.failures)
        else:
            self.book.made[job.stage] += len(job.steps)
            self.book.stages.add(job.stage, key=str(job.steps[0].key), done=len(job.steps))
            self._over(job)

    def lose(self, job: Job, error: BaseException) -> None:
        """Hear that a job's worker was lost."""
        told = failed(job.steps, error, attempts=self.attempts).failures
        if cause_of(error) is Cause.BUG:  # only what a worker dies of comes this way
            told = [replace(one, cause=Cause.LOST) for one in told]
        self.hand_in(job, Made(failures=told))

    def flush(self) -> None:
        """Write down what came of jobs, and let go of what is written."""
        self.book.flush()
        if self.book.is_clean:
            self.elsewhere.release()

    def _work_off(self) -> None:
        """Let workers come, do what they can, and go."""
        jobs = self.board.upcoming(jobs=tune.MOST_TRIALS, cells=tune.MOST_CELLS)
        resources = self.context.resources
        each = Takes(resources.cpus_per_trial, resources.gpus_per_trial)
        means = Means(replace(self.context, progress=quiet), self.train, self.attempts)
        self._workers.open(each)
        try:
            tune.work(jobs, means=means, desk=self, takes=each, most=slots(self.context))
        finally:
            self._workers.close()
        if not self.board.is_over:
            release_memory()  # of what Tune kept of this shift's trials

    def _next(self) -> Job | None:
        """Return the worker's job that is to be begun now, and is ours."""
        while (job := self.board.for_worker(self._house())) is not None:
            if self._is_ours(job):
                return job
        return None

    def _is_ours(self, job: Job) -> bool:
        """Say whether a job is ours to begin; one that another driver is at is put off."""
        try:
            is_ours = self.elsewhere.is_ours(job)
            left = self.elsewhere.left_of(job) if is_ours else None
            self.book.rest()
        except StoreError as error:
            self.board.put_off(job, at=time.monotonic() + self.book.bear(error))
            return False
        if not is_ours:
            self.board.put_off(job, at=time.monotonic() + LOOK_AGAIN_S)
            return False
        if left is job:
            return True
        made = len(job.steps) - (len(left.steps) if left else 0)
        self.book.stages.add(job.stage, key=str(job.steps[0].key), done=made)
        self.board.begin(job)
        if left is None:
            self._over(job)
        else:
            self.board.again(job, pieces=(replace(left, attempt=job.attempt - 1),), at=0.0)
        return False

    def _over(self, job: Job) -> None:
        self.board.done(job)
        self.elsewhere.over(job)

    def _begin(self, job: Job) -> None:
        self.board.begin(job)
        self.book.stages.begin(job.stage)

    def _to_begin_again(self, job: Job, failures: Sequence[Failure]) -> tuple[Job, ...]:
        """Return what is begun again; if one of a bundle's causes may pass, those cells alone."""
        causes = {told.key: Cause(told.cause) for told in failures if told.cause in PASSING}
        if Cause.STORE in causes.values() and not self._stands(job):
            return ()  # what it needs is torn, and withdrawn
        steps = tuple(step for step in job.steps if str(step.key) in causes)
        if not steps:
            return ()
        first = causes[str(steps[0].key)]
        return retried(replace(job, steps=steps), first, self.context.retries)

    def _begin_again(self, job: Job, again: Sequence[Job], why: Failure) -> None:
        pause = pause_s(job, self.context.retries)
        parts = f" in {len(again)} parts" if len(again) > 1 else ""
        what = f"{why.key} {job.steps[0].label}"
        self.book.stages.say(f"again{parts} in {pause:g} s: {what}: {why.cause}: {why.message}")
        self.elsewhere.cut(job, len(again))
        self.board.again(job, pieces=again, at=time.monotonic() + pause)

    def _settle(self, job: Job, future: "Future[Made]") -> None:
        error = future.exception()
        if error is None:
            self.hand_in(job, future.result())
        else:
            self.lose(job, error)

    def _give_up(self, job: Job, failures: Sequence[Failure]) -> None:
        self.book.stages.add(job.stage, key=str(job.steps[0].key), failed=len(job.steps))
        self.book.steps(failures)
        self.failures += failures
        for step, told in zip(job.steps, failures, strict=True):
            self.book.stages.say(f"failed: {step.key} {step.label}: {told.kind}: {told.message}")
        self.elsewhere.over(job)
        for blocked in self.board.fail(job):
            self.elsewhere.over(blocked)
            self.book.stages.add(blocked.stage, failed=len(blocked.steps))

    def _stands(self, job: Job) -> bool:
        """Say whether all that a job needs is still there; what was torn is withdrawn."""
        needs: set[Key] = {need.key for step in job.steps for need in step.needs}
        try:
            return self.context.store.done(needs) == needs
        except StoreError:
            return True  # it is away, and so nobody can tell

    def _tell(self, job: Job, done: float, total: float) -> None:
        key, share = str(job.steps[0].key), done * len(job.steps)
        self.book.stages.part(job.stage, key=key, done=share, total=total)

    def _context_of(self, job: Job) -> Context:
        """Return the context of a job of the driver; one halved for memory takes smaller bites."""
        resources = replace(self.context.resources, halvings=job.halvings)
        return replace(self.context, resources=resources, progress=partial(self._tell, job))

    def _num_working(self) -> int:
        return sum(job.lane is None for job in self.board.running)

    def _house(self) -> House:
        counted, total, training = self._total
        now = time.monotonic()
        if now - counted >= COUNT_EVERY_S:
            has = connection.resources()
            total = Takes(has.get("CPU", 1.0), has.get("GPU", 0.0))
            training = room_for_training(has, self.context.resources)
            self._total = (now, total, training)
        most = self.context.resources.max_concurrent
        held = self._workers.held(self._num_working())
        return House(total, {"training": training}, most, held)


def attempts(ledger: Ledger) -> dict[str, int]:
    """Return how often each step or cell has failed that is still not made."""
    told = ledger.failures()
    return dict(zip(told["key"].to_pylist(), told["attempt"].to_pylist(), strict=True))


def in_thread(do: Callable[[], Made]) -> "Future[Made]":
    """Do something in a thread that never keeps the driver from ending."""
    future: Future[Made] = Future()

    def run() -> None:
        try:
            future.set_result(do())
        except BaseException as error:
            future.set_exception(error)

    RayThread(run).start()
    return future
