"""What follows from a job's result: pure rules, without Ray, store or clock.

A cell or step that failed for a cause that may pass is retried, all else is final.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from terrasweep.infra.context import Retries
from terrasweep.infra.errors import PASSING, Cause, UserError
from terrasweep.infra.storage.ledger import Failure
from terrasweep.pipelines.spec import FINETUNE
from terrasweep.sweeps.engine.execute import JobResult
from terrasweep.sweeps.engine.queue import Job

LONGEST_PAUSE_S: Final = 60.0


@dataclass(frozen=True)
class Finish:
    """The job is finished; those of its cells that failed are final."""

    failures: Sequence[Failure] = ()


@dataclass(frozen=True)
class Retry:
    """The job, or pieces of it, start again after a pause."""

    pieces: tuple[Job, ...]
    pause_s: float
    reason: Failure
    failures: Sequence[Failure] = ()
    """Those of its cells that are not retried."""


@dataclass(frozen=True)
class GiveUp:
    """The steps of the job cannot be made, nor what needs them."""

    failures: Sequence[Failure]


@dataclass(frozen=True)
class EndRun:
    """The run ends here: only the user can fix what is wrong."""

    error: UserError


Action: TypeAlias = Finish | Retry | GiveUp | EndRun


def decide(
    job: Job, result: JobResult, *, retries: Retries, needs_are_there: bool = True
) -> Action:
    """Return what follows from the result of a job.

    Args:
        job: The job that ran.
        result: Its rows and failures.
        retries: How often each cause is retried.
        needs_are_there: Whether the store still has all that the job needs; a torn artifact is
            withdrawn, and then neither a retry nor the user can help: it is made again.
    """
    passing = [failure for failure in result.failures if failure.cause in PASSING]
    is_torn = not needs_are_there and any(one.cause is Cause.STORE for one in passing)
    pieces = () if is_torn else _failed_part(job, passing, retries)
    if pieces:
        final = [failure for failure in result.failures if failure.cause not in PASSING]
        return Retry(pieces, pause_s(job, retries), passing[0], final)
    if result.user_error is not None and needs_are_there:
        return EndRun(result.user_error)
    if job.stage == FINETUNE or not result.failures:
        return Finish(result.failures)
    return GiveUp(result.failures)


def depends_on_needs(result: JobResult) -> bool:
    """Return whether the decision depends on what the store still has."""
    causes = {failure.cause for failure in result.failures}
    return result.user_error is not None or Cause.STORE in causes


def retried(job: Job, cause: Cause, retries: Retries) -> tuple[Job, ...]:
    """Return the jobs that replace one that failed; none: it is given up.

    What ran out of memory is halved: a bundle by its cells, a pretraining by the part of a batch
    that passes the network at once, which changes no result. A bundle whose worker is lost again
    and again is halved as well, until the cell that is at fault is alone.
    """
    is_bundle = job.stage == FINETUNE and len(job.steps) > 1
    if cause is Cause.MEMORY and is_bundle:
        return job.halves()
    if job.attempt < retries.times(cause):
        return (replace(job, halvings=job.halvings + (cause is Cause.MEMORY)),)
    return job.halves() if cause is Cause.LOST and is_bundle else ()


def pause_s(job: Job, retries: Retries) -> float:
    """Return how long to wait before a retry: longer each time."""
    return min(retries.pause_s * 2.0**job.attempt, LONGEST_PAUSE_S)


def _failed_part(job: Job, passing: Sequence[Failure], retries: Retries) -> tuple[Job, ...]:
    """Return what is retried of a job: of a bundle only the cells whose cause may pass."""
    causes = {failure.key: Cause(failure.cause) for failure in passing}
    steps = tuple(step for step in job.steps if str(step.key) in causes)
    if not steps:
        return ()
    return retried(replace(job, steps=steps), causes[str(steps[0].key)], retries)
