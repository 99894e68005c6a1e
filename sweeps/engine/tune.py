"""A shift of workers, by Ray Tune: every trial does one job, and its actor goes on with the next.

Which job a trial does is asked for when there is a worker free for it, so nobody waits for a stage
to end. A shift is bounded: Tune keeps 70 kB of every trial to its end, and slows down with more.
When it ends its actors are gone and all that they held is free. Tune's own files are removed.
"""

import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

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
    from terrasweep.sweeps.engine.execute import Made, Means, Steps, make
    from terrasweep.sweeps.engine.queue import Job, Takes

ray_patches.apply(ray_patches.TUNE)

MOST_TRIALS: Final = 800
MOST_CELLS: Final = 32_000
"""Cells of one shift: every worker holds them all."""
JOB = "job"


class Desk(Protocol):
    """Where jobs are handed out and handed in."""

    def ask(self) -> Job | None:
        """Return a job that is to be begun now, and count it as begun."""

    def hand_in(self, job: Job, made: Made) -> None:
        """Take what came of a job."""

    def lose(self, job: Job, error: BaseException) -> None:
        """Hear that a job's worker was lost."""

    def turn(self, wait_s: float) -> None:
        """See to all else, for as long as this; sooner if there is news."""

    def is_closing(self, among: Collection[Job], idle_s: float) -> bool:
        """Say whether the workers, who know some jobs, are to go home when theirs are done."""


@dataclass(frozen=True)
class Orders:
    """What every worker of a shift knows; it travels to each actor once."""

    jobs: Sequence[Steps]
    means: Means


def work(jobs: Sequence[Job], *, means: Means, desk: Desk, takes: Takes, most: int) -> None:
    """Let workers do jobs, as the desk hands them out, until it closes.

    Args:
        jobs: Those that may be handed out; another one ends the shift.
        means: What they are done with.
        desk: Where they are handed out and in.
        takes: What a worker occupies.
        most: How many workers there are at most.
    """
    orders = Orders([job.steps for job in jobs], means)
    wanted = {"cpu": takes.cpus, "gpu": takes.gpus}
    trainable = tune.with_resources(tune.with_parameters(Worker, orders=orders), wanted)
    feeder = Feeder(desk, {job: place for place, job in enumerate(jobs)})
    with tempfile.TemporaryDirectory(dir=connection.scratch(), prefix="tune-") as home:
        Tuner(
            trainable,
            tune_config=TuneConfig(
                search_alg=feeder,
                scheduler=Patient(),  # type: ignore[no-untyped-call]
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
                callbacks=[Harvest(feeder)],
                checkpoint_config=CheckpointConfig(checkpoint_at_end=False),
                failure_config=FailureConfig(max_failures=0),  # the board begins them again
            ),
        ).fit()


class Worker(Trainable):
    """One trial: one job. The actor goes on with the next."""

    def setup(self, config: dict[str, Any], orders: Orders | None = None) -> None:
        """Take the shift's orders, once per actor."""
        assert orders is not None, "tune.with_parameters hands it in"
        self._orders, self._place = orders, int(config[JOB])
        limit_gpu_memory(orders.means.context.resources.gpus_per_trial)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Turn to another job; nothing else is kept."""
        self._place = int(new_config[JOB])
        return True

    def step(self) -> dict[str, Any]:
        """Do the job and end."""
        return {"made": make(self._orders.jobs[self._place], self._orders.means), "done": True}


class Patient(FIFOScheduler):
    """Lets a worker that is on its way keep its job.

    Tune would hand that job to the first worker that is free, and send the other one home as soon
    as it came: with short jobs, one worker would do them all.
    """

    def choose_trial_to_run(self, tune_controller: Any) -> None:
        """Choose none: workers that are free get new jobs all the same."""


class Feeder(Searcher):
    """Gives Tune the next trial when it has room for one."""

    LOOK_EVERY_S: Final = 0.2

    def __init__(self, desk: Desk, places: Mapping[Job, int]) -> None:
        super().__init__()
        self.desk, self.places = desk, places
        self.begun: dict[int, Job] = {}
        """Jobs that workers are at, by their places."""

    def __getstate__(self) -> dict[str, Any]:
        """Leave everything at home: Tune pickles its searcher, and never needs ours again."""
        return {}

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:  # type: ignore[override]
        """Return the next job; nothing for now, or the end of the shift."""
        idle_s = 0.0
        while True:
            self.desk.turn(0.0)
            if self.desk.is_closing(self.places, idle_s):
                return Searcher.FINISHED
            job = self.desk.ask()
            if job is not None or self.begun:
                break
            self.desk.turn(self.LOOK_EVERY_S)  # Tune itself would sleep for a second at a time
            idle_s += self.LOOK_EVERY_S
        if job is None:
            return None
        self.begun[self.places[job]] = job
        return {JOB: self.places[job]}

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Learn nothing: the callback hears more."""

    def save(self, checkpoint_path: str) -> None:
        """Save nothing: nobody restores from Tune's own state."""

    def restore(self, checkpoint_path: str) -> None:
        """Restore nothing."""


@dataclass
class Harvest(Callback):
    """Carries what the workers made to the desk."""

    feeder: Feeder

    def __getstate__(self) -> dict[str, Any]:
        """Leave everything at home: Tune pickles its callbacks, and never needs ours again."""
        return {}

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """Take what was made out of the result: Tune would keep it to the end."""
        self.feeder.desk.hand_in(self.feeder.begun.pop(trial.config[JOB]), result.pop("made"))

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Tell of a worker that was lost."""
        error = trial.get_error() or RuntimeError("the worker was lost")
        self.feeder.desk.lose(self.feeder.begun.pop(trial.config[JOB]), error)

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """See to all else."""
        self.feeder.desk.turn(0.0)
