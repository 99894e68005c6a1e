"""The pretrain step, by Ray Train: one worker, or several that share every batch.

Workers read the samples from the store and leave there what they made; nothing large passes the
driver. Ray Train starts six processes for a run, which takes it seven seconds on two idle cores. A
lone worker gains nothing by that, so unless its training is large it is one plain Ray task, in a
process that is warm already; the weights are the same to the bit.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import ray
import ray.train

from terrasweep.infra.cluster import connection
from terrasweep.infra.cluster.shutdown import RayThread
from terrasweep.infra.context import Context
from terrasweep.infra.errors import TerrasweepError
from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Step
from terrasweep.models.limits import torch_threads
from terrasweep.pipelines.checkpoint_card import CARD, WEIGHTS
from terrasweep.pipelines.training.job import HISTORY, TrainingJob
from terrasweep.pipelines.training.savepoint import StoreSavepoint

if TYPE_CHECKING:
    from ray.train.torch import TorchTrainer

    # Where Ray Train's second edition keeps it; the name at the front is the first's.
    from ray.train.v2.api.result import Result

LOST_WORKERS: Final = 2
"""How many times the workers are started anew after one was lost."""
LOOK_EVERY_S: Final = 1.0


def make(step: Step[Spec], *, context: Context, folder: Path) -> None:
    """Write the trained weights, their card and the history of the training. Ray must be up.

    Raises:
        TerrasweepError: If the loss is no number, or a need is torn.
    """
    job = TrainingJob.of(step, context=context)
    _fit(job, context=context)
    for name in (WEIGHTS, CARD, HISTORY):
        data = context.store.get(f"{job.home}/{name}")
        assert data is not None, f"the first worker left no {name}"
        (folder / name).write_bytes(data)


def _fit(job: TrainingJob, *, context: Context) -> None:
    """Train on the workers; tell how many epochs are done while they are at it."""
    savepoint = StoreSavepoint(job.store, job.home)
    fitting = _Fitting(job)
    fitting.start()
    with context.stop.on_stop(savepoint.ask):
        while fitting.is_alive():
            fitting.join(LOOK_EVERY_S)
            context.progress(savepoint.epochs(), job.training.epochs)
    if fitting.error is not None:
        raise fitting.error


class _Fitting(RayThread):
    """A training in a thread of its own, so that the caller's stays free to watch.

    In the main thread Ray Train would also take Ctrl-C for itself, and never give it back.
    """

    def __init__(self, job: TrainingJob) -> None:
        super().__init__()
        self.job = job
        self.error: BaseException | None = None

    def run(self) -> None:
        """Train; keep what went wrong."""
        try:
            fit = _fit_together if self.job.together else _fit_alone
            self.error = fit(self.job)
        except BaseException as error:  # it is raised again where it can be heard
            self.error = error


def _fit_alone(job: TrainingJob) -> TerrasweepError | None:
    resources = job.resources
    task = ray.remote(_work_alone).options(
        name=f"pretrain-{job.key.digest}",
        num_cpus=resources.cpus_per_train_worker,
        num_gpus=resources.gpus_per_train_worker,
        max_retries=LOST_WORKERS,
    )
    return ray.get(task.remote(job))


def _work_alone(job: TrainingJob) -> TerrasweepError | None:
    import torch  # local: the driver of a sweep does without, and starts two seconds sooner

    from terrasweep.pipelines.training.worker import work

    on_gpu = job.resources.gpus_per_train_worker > 0
    try:
        with torch_threads(job.resources.cpus_per_train_worker):
            return work(job, rank=0, device=torch.device("cuda" if on_gpu else "cpu"))
    except TerrasweepError as error:
        return error


def _fit_together(job: TrainingJob) -> TerrasweepError | None:
    with tempfile.TemporaryDirectory(dir=connection.scratch(), prefix="train-") as home:
        try:
            result = cast("Result", _trainer(job, home=home).fit())
        except ray.train.TrainingFailedError as error:
            raise _cause(error) from error
    return result.return_value


def _work_together(config: dict[str, TrainingJob]) -> TerrasweepError | None:
    from ray.train.torch import get_device  # local: see above

    from terrasweep.pipelines.training.worker import work

    job = config["job"]
    with torch_threads(job.resources.cpus_per_train_worker):
        return work(job, rank=ray.train.get_context().get_world_rank(), device=get_device())


def _trainer(job: TrainingJob, *, home: str) -> "TorchTrainer":
    from ray.train.torch import TorchTrainer  # local: see above

    resources = job.resources
    per_worker = {"CPU": resources.cpus_per_train_worker, "GPU": resources.gpus_per_train_worker}
    return TorchTrainer(
        cast("Callable[[dict[str, TrainingJob]], None]", _work_together),
        train_loop_config={"job": job},
        scaling_config=ray.train.ScalingConfig(
            num_workers=resources.train_workers,
            use_gpu=resources.gpus_per_train_worker > 0,
            resources_per_worker={name: amount for name, amount in per_worker.items() if amount},
        ),
        run_config=ray.train.RunConfig(
            name=job.key.digest,
            storage_path=home,
            failure_config=ray.train.FailureConfig(max_failures=LOST_WORKERS),
        ),
    )


def _cause(error: ray.train.TrainingFailedError) -> BaseException:
    """Return our own error among those of the workers, or Ray's if there is none."""
    failures = getattr(error, "worker_failures", {})
    ours = [failures[rank] for rank in sorted(failures)]
    return next((one for one in ours if isinstance(one, TerrasweepError)), error)
