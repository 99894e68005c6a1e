"""What is begun again after a failure, and when: a rule for each cause, and nothing else."""

from dataclasses import replace

from terrasweep.infra.context import Retries
from terrasweep.infra.errors import Cause
from terrasweep.pipelines.spec import FINETUNE
from terrasweep.sweeps.engine.queue import Job

LONGEST_PAUSE_S = 60.0


def retried(job: Job, cause: Cause, retries: Retries) -> tuple[Job, ...]:
    """Return the jobs to be begun in the place of one that failed; none: it is given up.

    What ran out of memory is halved: a bundle by its cells, a pretraining by the part of a batch
    that passes the network at once, which changes no result. A bundle whose worker is lost again
    and again is halved as well, until the cell that is at fault stands alone.
    """
    is_bundle = job.stage == FINETUNE and len(job.steps) > 1
    if cause is Cause.MEMORY and is_bundle:
        return job.halves()
    if job.attempt < retries.times(cause):
        return (replace(job, halvings=job.halvings + (cause is Cause.MEMORY)),)
    return job.halves() if cause is Cause.LOST and is_bundle else ()


def pause_s(job: Job, retries: Retries) -> float:
    """Return how long to wait before that: longer each time."""
    return min(retries.pause_s * 2.0**job.attempt, LONGEST_PAUSE_S)
