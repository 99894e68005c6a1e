"""What one worker of a pretraining does: read the samples, train, leave the result in the store.

Now and then the first worker leaves the training's state in the store, so that it can go on.
"""

import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from terrasweep.infra.errors import TerrasweepError
from terrasweep.infra.spec import everything
from terrasweep.models.checkpoints import weights
from terrasweep.models.contract import Arrays, Network
from terrasweep.models.limits import limit_gpu_memory
from terrasweep.models.training import loop, throughput
from terrasweep.models.training.divergence import DivergedError
from terrasweep.models.training.history import HistoryRow
from terrasweep.pipelines.networks import architecture, build, sizes
from terrasweep.pipelines.training import pixels
from terrasweep.pipelines.training.job import HISTORY, TrainingJob
from terrasweep.pipelines.training.pixels import TrainingArrays
from terrasweep.pipelines.training.savepoint import StoreSavepoint

DIVERGED: Final = "diverged.json"
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


def work(job: TrainingJob, *, rank: int, device: torch.device) -> TerrasweepError | None:
    """Train as one of the workers; an error that all of them meet is returned, not raised.

    Raised, it would count as a lost worker, and all would be started again to meet it again.
    """
    limit_gpu_memory(job.resources.gpus_per_train_worker)
    network = build(job.model, key=job.init).to(device)
    weights.read(network, job.store.folder(job.init))
    with _source(job).mapped() as arrays:
        return _trained(network, arrays, job, rank=rank, device=device)


def _trained(
    network: Network, arrays: Arrays, job: TrainingJob, *, rank: int, device: torch.device
) -> TerrasweepError | None:
    """Train and store the result; every worker meets the same errors and returns them."""
    yardstick = _yardstick(network, arrays, job) if rank == 0 else None
    try:
        rows = loop.train(
            network,
            arrays,
            training=job.training,
            key=str(job.key),
            device=device,
            savepoint=StoreSavepoint(job.store, job.home, _count(arrays)),
            options=_options(job),
            yardstick=yardstick,
        )
    except DivergedError as error:
        return _recorded(error, job) if rank == 0 else error
    except TerrasweepError as error:
        return error
    if yardstick is not None:
        _leave(job, network, rows=rows, samples=_count(arrays), yardstick=yardstick)
    return None


def _source(job: TrainingJob) -> TrainingArrays:
    """Return where the samples of a training come from."""
    prepare = architecture(job.model).prepare
    return TrainingArrays(job.store, job.arrays, job.sample, prepare, called=job.model.name)


def _options(job: TrainingJob) -> loop.TrainingOptions:
    """Return how the training is run."""
    wanted = job.resources
    return loop.TrainingOptions(
        wanted.micro_batch, wanted.compile, wanted.save_every_s, wanted.halvings
    )


def _yardstick(network: Network, arrays: Arrays, job: TrainingJob) -> throughput.Yardstick:
    few = {
        name: torch.from_numpy(values[: throughput.FEW].copy()) for name, values in arrays.items()
    }
    return throughput.yardstick(network, few, precision=job.training.precision)


def _count(arrays: Arrays) -> int:
    return len(next(iter(arrays.values())))


def _recorded(error: DivergedError, job: TrainingJob) -> TerrasweepError:
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
    fix = f"{error.fix}; {path} in the store names the samples, weights and step"
    return DivergedError(error.expected, got=error.got, fix=fix)


def _leave(
    job: TrainingJob,
    network: Network,
    *,
    rows: Sequence[HistoryRow],
    samples: int,
    yardstick: throughput.Yardstick,
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
