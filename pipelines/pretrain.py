"""The pretrain step: Ray Train workers that share every batch of one training.

Workers read the samples from the store themselves; nothing large passes the driver. After every
epoch the first of them leaves the training's state in the store under ``progress/``, so a lost
worker, a lost driver or a full disk costs an epoch. It lies there until the step has a record.
"""

import io
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Final, cast

import pyarrow as pa
import pyarrow.parquet as pq
import ray.train
import ray.train.torch
import torch

from infra import cluster
from infra.context import Context, Resources
from infra.errors import TerrasweepError
from infra.spec import Spec, everything
from infra.step import Key, Step
from infra.store import Store
from models import loop, weights
from models.contract import Network
from models.spec import ModelSpec, TrainingSpec
from pipelines import pixels
from pipelines.init import architecture, build, sizes
from pipelines.spec import InitSpec, PretrainSpec

if TYPE_CHECKING:  # where Ray Train's second edition keeps it; the name at the front is the first's
    from ray.train.v2.api.result import Result

HISTORY: Final = "history.parquet"
HISTORY_SCHEMA: Final = pa.schema(
    [
        pa.field("step", pa.int64(), nullable=False),
        pa.field("epoch", pa.float64(), nullable=False),
        pa.field("loss", pa.float64(), nullable=False),
        pa.field("lr", pa.float64(), nullable=False),
        pa.field("samples_per_s", pa.float64(), nullable=False),
    ]
)
LOST_WORKERS: Final = 2
"""How many times the workers are started anew after one was lost."""
LOOK_EVERY_S: Final = 1.0


@dataclass(frozen=True)
class Job:
    """What every worker of one training knows; it travels to them."""

    store: Store
    key: Key
    init: Key
    sample: Key
    shard: Key
    model: ModelSpec
    training: TrainingSpec
    resources: Resources

    @classmethod
    def of(cls, step: Step[Spec], *, context: Context) -> "Job":
        """Gather what a pretrain step says and needs."""
        init, sample = step.need("init"), step.need("sample")
        return cls(
            store=context.store,
            key=step.key,
            init=init.key,
            sample=sample.key,
            shard=sample.need("shard").key,
            model=cast("InitSpec", init.spec).model,
            training=cast("PretrainSpec", step.spec).training,
            resources=context.resources,
        )

    @property
    def home(self) -> str:
        """Where in the store the training keeps how far it is."""
        return f"progress/{self.key}"


@dataclass(frozen=True)
class StoreSavepoint:
    """A savepoint in the store."""

    store: Store
    home: str

    def load(self) -> bytes | None:
        """Return the state after the last whole epoch."""
        return self.store.get(f"{self.home}/state.pt")

    def save(self, state: bytes, *, epochs: int) -> None:
        """Keep the state; how many epochs that are is for whoever watches."""
        self.store.put(f"{self.home}/state.pt", state)
        self.store.put(f"{self.home}/epochs", str(epochs).encode())

    def epochs(self) -> int:
        """Return how many epochs are saved."""
        return int(self.store.get(f"{self.home}/epochs") or 0)


def make(step: Step[Spec], *, context: Context, folder: Path) -> None:
    """Write the trained weights, their card and the history of the training. Ray must be up.

    Raises:
        TerrasweepError: If the loss is no number, or a need is torn.
    """
    forget_published(context.store)
    job = Job.of(step, context=context)
    _fit(job, context=context)
    for name in (weights.WEIGHTS, weights.CARD, HISTORY):
        made = context.store.get(f"{job.home}/{name}")
        assert made is not None, f"the first worker left no {name}"
        (folder / name).write_bytes(made)


def forget_published(store: Store) -> None:
    """Drop the progress of trainings that have a record by now."""
    paths = store.list("progress/pretrain")
    homes = {path: Key.parse("/".join(path.split("/")[1:3])) for path in paths}
    done = store.done(homes.values())
    for path, key in homes.items():
        if key in done:
            store.drop(path)


def work(job: Job) -> TerrasweepError | None:
    """Train as one of the workers; an error that all of them meet is returned, not raised.

    Raised, it would count as a lost worker, and all would be started again to meet it again.
    """
    torch.set_num_threads(max(1, int(job.resources.cpus_per_train_worker)))
    network = build(job.model, key=job.init)
    weights.read(network, job.store.folder(job.init))
    prepare = architecture(job.model).prepare
    arrays = pixels.read(job.store, shard=job.shard, sample=job.sample, prepare=prepare)
    try:
        rows = loop.train(
            network,
            arrays,
            training=job.training,
            key=str(job.key),
            device=ray.train.torch.get_device(),
            savepoint=StoreSavepoint(job.store, job.home),
        )
    except TerrasweepError as error:
        return error
    if ray.train.get_context().get_world_rank() == 0:
        num_samples = len(next(iter(arrays.values())))
        _leave(job, network, rows=rows, num_samples=num_samples)
    return None


def _fit(job: Job, *, context: Context) -> None:
    """Train on the workers; tell how many epochs are done while they are at it."""
    savepoint = StoreSavepoint(job.store, job.home)
    fitted = _Fitting(job)
    fitted.start()
    while fitted.is_alive():
        fitted.join(LOOK_EVERY_S)
        context.progress(savepoint.epochs(), job.training.epochs)
    if fitted.error is not None:
        raise fitted.error


class _Fitting(Thread):
    """Ray Train in a thread of its own, so that the caller's stays free to watch.

    In the main thread it would also take Ctrl-C for itself, and never give it back.
    """

    def __init__(self, job: Job) -> None:
        super().__init__(daemon=True)
        self.job = job
        self.error: BaseException | None = None

    def run(self) -> None:
        """Train; keep what went wrong."""
        try:
            with tempfile.TemporaryDirectory(dir=cluster.scratch(), prefix="train-") as home:
                result = cast("Result", _trainer(self.job, home=home).fit())
                self.error = result.return_value
        except ray.train.TrainingFailedError as error:
            self.error = _cause(error)
        except BaseException as error:  # it is raised again where it can be heard
            self.error = error


def _trainer(job: Job, *, home: str) -> ray.train.torch.TorchTrainer:
    resources = job.resources
    per_worker = {"CPU": resources.cpus_per_train_worker, "GPU": resources.gpus_per_train_worker}
    return ray.train.torch.TorchTrainer(
        cast("Callable[[dict[str, Job]], None]", lambda config: work(config["job"])),
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


def _leave(job: Job, network: Network, *, rows: Sequence[loop.Row], num_samples: int) -> None:
    """Leave what was made where the driver finds it."""
    card = {
        "model": everything(job.model),
        "training": everything(job.training),
        **sizes(network),
        "samples": num_samples,
        "steps": rows[-1]["step"],
        "loss": rows[-1]["loss"],
    }
    history = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows), schema=HISTORY_SCHEMA), history)
    left = {
        weights.WEIGHTS: weights.pack(network),
        weights.CARD: json.dumps(card, indent=2, sort_keys=True).encode(),
        HISTORY: history.getvalue(),
    }
    for name, data in left.items():
        job.store.put(f"{job.home}/{name}", data)
