"""What one worker of a pretraining does: read the samples, train, leave the result in the store.

Now and then the first worker leaves the training's state under ``progress/``, so a lost worker, a
lost driver or a full disk costs a minute. The store drops it once the step has a record.
"""

import hashlib
import io
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from infra import metrics
from infra.context import Context, Resources
from infra.errors import TerrasweepError
from infra.spec import Spec, everything
from infra.step import Key, Step
from infra.store import Store
from models import loop, speed, weights
from models.contract import Arrays, Network
from models.divergence import DivergedError
from models.history import Row
from models.share import limit_gpu_memory
from models.spec import ModelSpec, TrainingSpec
from pipelines import pixels
from pipelines.init import architecture, build, sizes
from pipelines.pixels import Source
from pipelines.spec import InitSpec, PretrainSpec, SampleSpec

FEWEST_PASSES: Final = 2_000
"""Samples times epochs below which a lone worker does without Ray Train."""
HISTORY: Final = "history.parquet"
DIVERGED: Final = "diverged.json"
LOOK_EVERY_S: Final = 0.2
KEPT_STATES: Final = 2
"""The last state, and one before it should the last be torn."""
HISTORY_VERSION: Final = 2
"""Raised when columns change; a history without a version is the first, without mfu and peak_mb."""
HISTORY_SCHEMA: Final = pa.schema(
    [
        pa.field("step", pa.int64(), nullable=False),
        pa.field("epoch", pa.float64(), nullable=False),
        pa.field("loss", pa.float64(), nullable=False),
        pa.field("lr", pa.float64(), nullable=False),
        pa.field("samples_per_s", pa.float64(), nullable=False),
        pa.field("mfu", pa.float64()),
        pa.field("peak_mb", pa.float64(), nullable=False),
    ],
    metadata={"version": str(HISTORY_VERSION)},
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
    arrays: Key
    """The step whose files are learnt from: the shards, or a tower's features."""
    model: ModelSpec
    training: TrainingSpec
    together: bool
    """Whether Ray Train starts the workers; else it is a plain task."""
    resources: Resources

    @classmethod
    def of(cls, step: Step[Spec], *, context: Context) -> "Job":
        """Gather what a pretrain step says and needs."""
        init, sample = step.need("init"), step.need("sample")
        tower = [need.key for need in step.needs if need.stage == "tower"]
        return cls(
            store=context.store,
            key=step.key,
            init=init.key,
            sample=sample.key,
            arrays=(tower or [sample.need("shard").key])[0],
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
    def source(self) -> Source:
        """Where its samples come from."""
        prepare = architecture(self.model).prepare
        return Source(self.store, self.arrays, self.sample, prepare, called=self.model.name)

    @property
    def means(self) -> loop.Means:
        """How the loop gets along."""
        wanted = self.resources
        return loop.Means(wanted.micro_batch, wanted.compile, wanted.save_every_s, wanted.halvings)

    @property
    def num_threads(self) -> int:
        """How many threads a worker may use."""
        return max(1, int(self.resources.cpus_per_train_worker))


@dataclass(frozen=True)
class StoreSavepoint:
    """A savepoint in the store: the last two states, each under its step and its checksum."""

    store: Store
    home: str
    num_samples: int = 0
    """How many samples an epoch has; the worker that trains knows."""

    def load(self) -> bytes | None:
        """Return the newest state that is whole; torn ones are dropped."""
        for path in reversed(self.states()):
            data = self.store.get(path)
            if data is not None and path.endswith(f"-{_checksum(data)}.pt"):
                return data
            self.store.drop(path)
        return None

    def save(self, state: bytes, *, step: int) -> None:
        """Keep the state, and of those before it the last."""
        self.store.put(f"{self.home}/states/{step:012d}-{_checksum(state)}.pt", state)
        for path in self.states()[:-KEPT_STATES]:
            self.store.drop(path)
        self.store.drop(self._asked)

    def states(self) -> list[str]:
        """Return where the states lie, the newest last."""
        return self.store.list(f"{self.home}/states")

    def tell(self, epochs: float) -> bool:
        """Leave word for whoever watches; say whether a driver that is to stop asked to save."""
        news = (epochs - self.epochs()) * self.num_samples
        metrics.count("terrasweep_samples", news, stage="pretrain")
        self.store.put(f"{self.home}/epochs", str(epochs).encode())
        return self.store.get(self._asked) is not None

    def ask(self, within_s: float) -> None:
        """Ask a training that has begun to save; wait until it has, or has no more time."""
        if not self.epochs():
            return
        self.store.put(self._asked, b"")
        end = time.monotonic() + within_s
        while self.store.get(self._asked) is not None and time.monotonic() < end:
            time.sleep(LOOK_EVERY_S)
        self.store.drop(self._asked)

    def epochs(self) -> float:
        """Return how many epochs are done."""
        return float(self.store.get(f"{self.home}/epochs") or 0)

    @property
    def _asked(self) -> str:
        return f"{self.home}/save"


def _checksum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def work(job: Job, *, rank: int, device: torch.device) -> TerrasweepError | None:
    """Train as one of the workers; an error that all of them meet is returned, not raised.

    Raised, it would count as a lost worker, and all would be started again to meet it again.
    """
    limit_gpu_memory(job.resources.gpus_per_train_worker)
    network = build(job.model, key=job.init).to(device)
    weights.read(network, job.store.folder(job.init))
    with job.source.mapped() as arrays:
        return _trained(network, arrays, job, rank=rank, device=device)


def _trained(
    network: Network, arrays: Arrays, job: Job, *, rank: int, device: torch.device
) -> TerrasweepError | None:
    """Train, and leave what was made; every worker meets the same errors and returns them."""
    yardstick = _yardstick(network, arrays, job) if rank == 0 else None
    try:
        rows = loop.train(
            network,
            arrays,
            training=job.training,
            key=str(job.key),
            device=device,
            savepoint=StoreSavepoint(job.store, job.home, _count(arrays)),
            means=job.means,
            yardstick=yardstick,
        )
    except DivergedError as error:
        return _recorded(error, job) if rank == 0 else error
    except TerrasweepError as error:
        return error
    if yardstick is not None:
        _leave(job, network, rows=rows, samples=_count(arrays), yardstick=yardstick)
    return None


def _yardstick(network: Network, arrays: Arrays, job: Job) -> speed.Yardstick:
    few = {name: torch.from_numpy(values[: speed.FEW].copy()) for name, values in arrays.items()}
    return speed.yardstick(network, few, precision=job.training.precision)


def _count(arrays: Arrays) -> int:
    return len(next(iter(arrays.values())))


def _recorded(error: DivergedError, job: Job) -> TerrasweepError:
    """Leave a record of where a training diverged; return the error with its place."""
    assert error.divergence is not None, "it was raised in this process"
    ids = pixels.ids(job.store, job.sample)
    record = {
        **error.divergence.as_record(),
        "samples": ids.take(np.asarray(error.divergence.rows)).to_pylist(),
        "key": str(job.key),
        "training": everything(job.training),
    }
    path = f"{job.home}/{DIVERGED}"
    job.store.put(path, json.dumps(record, indent=2).encode())
    do = f"{error.do}; {path} in the store says which samples, weights and step"
    return DivergedError(error.wanted, found=error.found, do=do)


def _leave(
    job: Job, network: Network, *, rows: Sequence[Row], samples: int, yardstick: speed.Yardstick
) -> None:
    """Leave what was made where the driver finds it."""
    card = {
        "model": everything(job.model),
        "training": everything(job.training),
        **sizes(network),
        "samples": samples,
        "speed": asdict(yardstick),
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
