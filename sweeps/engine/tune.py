"""A pool of workers, by Ray Tune: every trial does one job, and its actor goes on with the next.

A trial gets its job when a worker is free for it, so nobody waits for a stage to end. A pool is
bounded: Tune keeps 70 kB of every trial to its end, and slows down with more. When it ends, its
actors are gone and all that they held is free. Tune's own files are removed.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from terrasweep.infra.cluster.memory import importing

with importing():  # every worker of a sweep waits for it
    from ray import tune
    from ray.tune import (
        Callback,
        CheckpointConfig,
        FailureConfig,
        RunConfig,
        Trainable,
        TuneConfig,
        Tuner,
    )
    from ray.tune.schedulers import FIFOScheduler
    from ray.tune.search import Searcher

    from terrasweep.infra.cluster import connection, ray_patches
    from terrasweep.models.limits import limit_gpu_memory
    from terrasweep.sweeps.engine.capacity import Demand
    from terrasweep.sweeps.engine.execute import JobContext, Steps, execute
    from terrasweep.sweeps.engine.queue import Job
    from terrasweep.sweeps.engine.source import JobSource

ray_patches.apply(ray_patches.TUNE)

MOST_TRIALS: Final = 800
MOST_CELLS: Final = 32_000
"""Cells of one pool: every worker holds them all."""
JOB: Final = "job"
RESULT: Final = "result"


@dataclass(frozen=True)
class WorkerConfig:
    """What every worker of a pool knows; it travels to each actor once."""

    jobs: Sequence[Steps]
    context: JobContext


def run_worker_pool(
    jobs: Sequence[Job], *, context: JobContext, source: JobSource, each: Demand, most: int
) -> None:
    """Let workers do the jobs that a source hands out, until it says that they are released.

    Args:
        jobs: Those that may be handed out; any other job ends the pool.
        context: What they are executed with.
        source: Hands out jobs and takes their results.
        each: What a worker occupies.
        most: How many workers there are at most.
    """
    config = WorkerConfig([job.steps for job in jobs], context)
    wanted = {"cpu": each.cpus, "gpu": each.gpus}
    trainable = tune.with_resources(tune.with_parameters(Worker, worker_config=config), wanted)
    searcher = JobSearcher(source, {job: place for place, job in enumerate(jobs)})
    with tempfile.TemporaryDirectory(dir=connection.scratch(), prefix="tune-") as home:
        Tuner(
            trainable,
            tune_config=TuneConfig(
                search_alg=searcher,
                scheduler=KeepAssignedScheduler(),  # type: ignore[no-untyped-call]
                num_samples=len(jobs),
                reuse_actors=True,
                max_concurrent_trials=most,
                trial_name_creator=lambda trial: f"job-{trial.trial_id}",
                trial_dirname_creator=lambda trial: str(trial.trial_id),
            ),
            run_config=RunConfig(
                name="jobs",
                storage_path=home,
                verbose=0,
                callbacks=[ResultCallback(searcher)],
                checkpoint_config=CheckpointConfig(checkpoint_at_end=False),
                failure_config=FailureConfig(max_failures=0),  # the source retries them
            ),
        ).fit()


class Worker(Trainable):
    """One trial: one job. The actor goes on with the next."""

    def setup(self, config: dict[str, Any], worker_config: WorkerConfig | None = None) -> None:
        """Take the pool's configuration, once per actor."""
        assert worker_config is not None, "tune.with_parameters hands it in"
        self._worker_config, self._place = worker_config, int(config[JOB])
        limit_gpu_memory(worker_config.context.run.resources.gpus_per_trial)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take another job; nothing else is kept."""
        self._place = int(new_config[JOB])
        return True

    def step(self) -> dict[str, Any]:
        """Execute the job and end the trial."""
        steps = self._worker_config.jobs[self._place]
        return {RESULT: execute(steps, self._worker_config.context), "done": True}


class KeepAssignedScheduler(FIFOScheduler):
    """Lets a worker that is starting keep its job.

    Tune would give that job to the first worker that is free, and end the other one as soon as it
    has started: with short jobs, one worker would do them all.
    """

    def choose_trial_to_run(self, tune_controller: Any) -> None:
        """Choose none: free workers get new jobs all the same."""


class JobSearcher(Searcher):
    """Gives Tune the next trial when it can run one."""

    LOOK_EVERY_S: Final = 0.2

    def __init__(self, source: JobSource, places: Mapping[Job, int]) -> None:
        super().__init__()
        self.source, self.places = source, places
        self.running: dict[int, Job] = {}
        """Jobs that workers execute, by their places."""

    def __getstate__(self) -> dict[str, Any]:
        """Leave everything out: Tune pickles its searcher, and never needs ours again."""
        return {}

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:  # type: ignore[override]
        """Return the next job; none for now, or the end of the pool."""
        idle_s = 0.0
        while True:
            self.source.poll(0.0)
            job = self.source.claim_next()
            if self.source.should_release(job, self.places, idle_s):
                self.source.capacity.remove_workers()
                return Searcher.FINISHED
            if job is not None or self.running:
                break
            self.source.poll(self.LOOK_EVERY_S)  # Tune itself would sleep for a second at a time
            idle_s += self.LOOK_EVERY_S
        if job is None:
            return None
        self.source.start(job)
        self.running[self.places[job]] = job
        return {JOB: self.places[job]}

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Learn nothing: the callback gets more."""

    def save(self, checkpoint_path: str) -> None:
        """Save nothing: nobody restores from Tune's own state."""

    def restore(self, checkpoint_path: str) -> None:
        """Restore nothing."""


@dataclass
class ResultCallback(Callback):
    """Hands the workers' results to the source."""

    searcher: JobSearcher

    def __getstate__(self) -> dict[str, Any]:
        """Leave everything out: Tune pickles its callbacks, and never needs ours again."""
        return {}

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """Take the job's result out of the trial's: Tune would keep it to the end."""
        job = self.searcher.running.pop(trial.config[JOB])
        self.searcher.source.complete(job, result.pop(RESULT))

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Report a worker that was lost."""
        error = trial.get_error() or RuntimeError("the worker was lost")
        self.searcher.source.worker_lost(self.searcher.running.pop(trial.config[JOB]), error)

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Let the source start, collect and write."""
        self.searcher.source.poll(0.0)
