"""What one worker of a pretraining does: read the samples, train, leave the result in the store.

After every epoch the first worker leaves the training's state under ``progress/``, so a lost
worker, a lost driver or a full disk costs an epoch. The store drops it once the step has a record.
"""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

import pyarrow as pa
import pyarrow.parquet as pq
import torch

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
from pipelines.spec import InitSpec, PretrainSpec, SampleSpec

FEWEST_PASSES: Final = 2_000
"""Samples times epochs below which a lone worker does without Ray Train."""
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


def needs_ray_train(step: Step[Spec], resources: Resources) -> bool:
    """Say whether a step is a pretraining by several workers, or one worth Ray Train's start."""
    if step.stage != "pretrain":
        return False
    size = cast("SampleSpec", step.need("sample").spec).composition.size
    passes = size * cast("PretrainSpec", step.spec).training.epochs
    return resources.train_workers > 1 or passes >= FEWEST_PASSES


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
    together: bool
    """Whether Ray Train starts the workers; else it is a plain task."""
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
            together=needs_ray_train(step, context.resources),
            resources=context.resources,
        )

    @property
    def home(self) -> str:
        """Where in the store the training keeps how far it is."""
        return f"progress/{self.key}"

    @property
    def num_threads(self) -> int:
        """How many threads a worker may use."""
        return max(1, int(self.resources.cpus_per_train_worker))


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


def work(job: Job, *, rank: int, device: torch.device) -> TerrasweepError | None:
    """Train as one of the workers; an error that all of them meet is returned, not raised.

    Raised, it would count as a lost worker, and all would be started again to meet it again.
    """
    network = build(job.model, key=job.init)
    weights.read(network, job.store.folder(job.init))
    prepare = architecture(job.model).prepare
    arrays = pixels.read(job.store, shard=job.shard, sample=job.sample, prepare=prepare)
    savepoint = StoreSavepoint(job.store, job.home)
    try:
        rows = loop.train(
            network,
            arrays,
            training=job.training,
            key=str(job.key),
            device=device,
            savepoint=savepoint,
        )
    except TerrasweepError as error:
        return error
    if rank == 0:
        _leave(job, network, rows=rows, num_samples=len(next(iter(arrays.values()))))
    return None


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
