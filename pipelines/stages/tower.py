"""The tower step: what a network's frozen part makes of every sample of a pool, made once.

All compositions of a sweep share it, and a pretraining reads it in the place of the images. Workers
take a coarse cell at a time and leave its features under ``progress/``, so what is there is not
made again after an interruption.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import ray
import torch

from terrasweep.infra.context import Context, Resources
from terrasweep.infra.errors import BadDataError
from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Key, Step
from terrasweep.infra.storage.store import Store
from terrasweep.models.checkpoints import weights
from terrasweep.models.contract import HasFrozenTower
from terrasweep.models.limits import torch_threads
from terrasweep.models.spec import ModelSpec
from terrasweep.pipelines.networks import architecture, build
from terrasweep.pipelines.reading.artifacts import checked, record_of
from terrasweep.pipelines.spec import InitSpec
from terrasweep.samplers.formats.arrays import to_arrays, to_table

CELLS: Final = "cells/"
CHUNK: Final = 32
"""Images that pass at once: a fixed number, so that features follow from the step's key alone."""
KEPT: Final = ("id", "coarse", "cell", "lat", "lon")
MOST_TASKS: Final = 64
LOST_WORKERS: Final = 2


@dataclass(frozen=True)
class TowerJob:
    """What every task of one tower step knows; it travels to the workers."""

    store: Store
    home: str
    init: Key
    shard: Key
    model: ModelSpec
    resources: Resources


def make(step: Step[Spec], *, context: Context, folder: Path) -> None:
    """Write the features of every sample, a file for each coarse cell. Ray must be up.

    Raises:
        BadDataError: If the pool has no images that the network can look at.
    """
    init, shard = step.need("init"), step.need("shard")
    model = cast("InitSpec", init.spec).model
    home = f"progress/{step.key}"
    work = TowerJob(context.store, home, init.key, shard.key, model, context.resources)
    record = record_of(context.store, shard.key)
    files = [name for name in record.artefacts if name.startswith(CELLS)]
    _encode_all(work, files, context=context)
    (folder / CELLS).mkdir()
    for name in files:
        data = context.store.get(f"{home}/{name}")
        assert data is not None, f"a worker left no {name}"
        (folder / name).write_bytes(data)


def encode(work: TowerJob, files: list[str]) -> BadDataError | None:
    """Leave the features of some coarse cells in the store; an error of the data is returned."""
    on_gpu = work.resources.gpus_per_trial > 0 and torch.cuda.is_available()
    device = torch.device("cuda" if on_gpu else "cpu")
    network = build(work.model, key=work.init)
    weights.read(network, work.store.folder(work.init))
    network = network.to(device).eval()
    assert isinstance(network, HasFrozenTower), f"{work.model.name} says it has a frozen tower"
    try:
        with torch_threads(work.resources.cpus_per_trial):
            for name in files:
                features = _features(work, name, network, device=device)
                work.store.put(f"{work.home}/{name}", features)
    except BadDataError as error:
        return error
    return None


def _encode_all(work: TowerJob, files: list[str], *, context: Context) -> None:
    there = set(work.store.list(work.home))
    waiting = [name for name in files if f"{work.home}/{name}" not in there]
    task = ray.remote(encode).options(
        name=f"tower-{work.init.digest}",
        num_cpus=work.resources.cpus_per_trial,
        num_gpus=work.resources.gpus_per_trial,
        max_retries=LOST_WORKERS,
    )
    groups = [waiting[start::MOST_TASKS] for start in range(min(MOST_TASKS, len(waiting)))]
    running = {task.remote(work, group): len(group) for group in groups}
    done = len(files) - len(waiting)
    while running:
        (over, *_), _ = ray.wait(list(running))
        error = ray.get(over)
        if error is not None:
            raise error
        done += running.pop(over)
        context.progress(done, len(files))


def _features(work: TowerJob, name: str, network: HasFrozenTower, *, device: torch.device) -> bytes:
    """Return a coarse cell's samples with their features in the place of all other arrays."""
    shard = pq.ParquetFile(pa.BufferReader(checked(work.store, work.shard, name)))
    prepare = architecture(work.model).prepare
    tables = []
    for batch in shard.iter_batches(CHUNK):
        arrays = to_arrays(pa.Table.from_batches([batch]))
        images = prepare(arrays).get("image")
        if images is None:
            raise BadDataError(
                f"an array `image` in the pool for {work.model.name}",
                got=f"the arrays {', '.join(sorted(arrays))}",
                fix="choose a pool with images, or `tower: features` for one with features",
            )
        features = network.image_features(torch.from_numpy(np.ascontiguousarray(images)).to(device))
        kept = {column: arrays[column] for column in KEPT}
        tables.append(to_table({**kept, "features": features.cpu().numpy()}))
    sink = io.BytesIO()
    table = pa.concat_tables(tables)
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
    return sink.getvalue()
