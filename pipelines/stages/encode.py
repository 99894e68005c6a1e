"""The encode step: one feature vector per sample of a task, from a frozen checkpoint.

Chunks have a fixed size, so that features follow from the step's key and not from how much
memory a worker has.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, cast

import numpy as np
import pyarrow.parquet as pq
from safetensors.numpy import load_file, save_file

from terrasweep.infra.context import Context
from terrasweep.infra.errors import BadDataError
from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Step
from terrasweep.models.checkpoints import encoding
from terrasweep.models.checkpoints.encoding import CHUNK
from terrasweep.models.contract import Architecture, Network
from terrasweep.models.limits import torch_threads
from terrasweep.models.members import ZOO
from terrasweep.pipelines import leakage
from terrasweep.pipelines.networks import model_of, network_of
from terrasweep.pipelines.spec import TaskDataSpec
from terrasweep.pipelines.stages.task import TABLE
from terrasweep.samplers.formats.arrays import to_arrays

FEATURES: Final = "features.safetensors"


def make(step: Step[Spec], *, context: Context, folder: Path) -> None:
    """Write the features of every sample of the task, in the order of its table.

    Beside them lies how near the checkpoint's pretraining samples came to the task's.

    Raises:
        BadDataError: If a feature is no number.
    """
    checkpoint = step.needs[0]
    architecture = ZOO[model_of(checkpoint).name]
    table = pq.read_table(context.store.folder(step.need("task").key) / TABLE)
    task = cast("TaskDataSpec", step.need("task").spec).task
    with torch_threads(context.resources.cpus_per_trial):
        network = network_of(checkpoint, context=context)
        arrays, maps = to_arrays(table), task.target == "map"
        features = encode(network, architecture, arrays, context=context, maps=maps)
    check_finite(features, ids=table.column("id").to_numpy(), step=str(step.key))
    save_file({"features": features}, folder / FEATURES)
    leakage.write(step, store=context.store, folder=folder)


def read(step: Step[Spec], *, context: Context) -> np.ndarray:
    """Return the features that a finished encode step holds."""
    return np.asarray(load_file(context.store.folder(step.key) / FEATURES)["features"])


def encode(
    network: Network,
    architecture: Architecture,
    arrays: Mapping[str, np.ndarray],
    *,
    context: Context,
    maps: bool = False,
) -> np.ndarray:
    """Return one float32 vector per sample; or, for maps, one per patch of its image."""
    samples = len(next(iter(arrays.values())))
    parts = []
    for part in encoding.chunked(network, architecture, arrays, maps=maps):
        parts.append(part)
        context.progress(min(len(parts) * CHUNK, samples), samples)
    return np.concatenate(parts)


def check_finite(features: np.ndarray, *, ids: np.ndarray, step: str) -> None:
    """Refuse features that are no numbers: scored, they would pass for a bad checkpoint.

    Raises:
        BadDataError: With how many samples are hit, and one of them.
    """
    bad = np.flatnonzero(~np.isfinite(features).reshape(len(features), -1).all(axis=1))
    if len(bad):
        raise BadDataError(
            f"finite features from {step}",
            got=f"NaN or infinity in {len(bad)} of {len(features)} samples, "
            f"the first of them {ids[bad[0]]!r}",
            fix="look for no-data values in the task's arrays, and for a checkpoint that diverged",
        )
