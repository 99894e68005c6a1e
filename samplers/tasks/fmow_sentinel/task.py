"""fMoW-Sentinel: the category of a place from its 13-band image, by the published splits."""

from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa

from terrasweep.infra.errors import PoolError, TaskError
from terrasweep.samplers.draw.ranks import hashes
from terrasweep.samplers.formats import faults
from terrasweep.samplers.pools.fmow_sentinel import pool
from terrasweep.samplers.pools.fmow_sentinel.spec import FmowSentinelSpec
from terrasweep.samplers.sources import task_files
from terrasweep.samplers.sources.image_index import num_sound
from terrasweep.samplers.tasks.fmow_sentinel.spec import FmowSentinelTaskSpec

Split = Literal["train", "val", "test"]


def classes(spec: FmowSentinelTaskSpec) -> tuple[str, ...]:
    """Return the categories of the training set, in order of their labels."""
    return tuple(np.unique(_categories(_chosen(spec, "train"))).tolist())


def read(spec: FmowSentinelTaskSpec) -> dict[str, np.ndarray]:
    """Return the labelled images of both splits.

    Raises:
        TaskError: If the folder does not hold both, or an image cannot be read.
    """
    names = classes(spec)
    parts = [_part(spec, "train", "train"), _part(spec, spec.judged, "test")]
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    strange = sorted(set(whole["category"]) - set(names))
    if strange:
        got = f"{strange[0]} in {spec.judged} alone"
        expected = "the categories of the training set"
        raise faults.malformed(task_files.place(spec), expected=expected, got=got)
    label = np.searchsorted(names, whole.pop("category")).astype(np.int64)
    return task_files.columns(spec, ids=whole.pop("id"), label=label, **whole)


def _part(spec: FmowSentinelTaskSpec, split: Split, official: str) -> dict[str, np.ndarray]:
    chosen = _chosen(spec, split)
    read = pool.load(_pool(spec, split), chosen)
    bad = np.flatnonzero(read["rejected"] != "")
    if len(bad):
        examples = f"{len(bad):,} that cannot be used, such as {read['id'][bad[0]]}: "
        raise TaskError(
            f"the images of {split} in {task_files.place(spec)}",
            got=examples + str(read["rejected"][bad[0]]),
            fix="restore the files, or remove their lines from the CSV",
        )
    return {
        **{name: read[name] for name in ("id", "lat", "lon", "month", "image")},
        "category": _categories(chosen),
        "split": np.full(chosen.num_rows, official),
    }


def _chosen(spec: FmowSentinelTaskSpec, split: Split) -> pa.Table:
    """Return the lines of a split that are taken, in order of their ids' hashes."""
    index = _index(spec, split)
    order = np.argsort(hashes(index.column("id").to_pylist()), kind="stable")
    return index.take(pa.array(order[: spec.most]))


def _index(spec: FmowSentinelTaskSpec, split: Split) -> pa.Table:
    try:
        index = pool.index(_pool(spec, split))
    except PoolError as error:
        raise TaskError(error.expected, got=error.got, fix=error.fix) from None
    if num_sound(index) < index.num_rows:
        got = f"{index.num_rows - num_sound(index):,} broken lines"
        expected = f"whole lines in {split}.csv"
        raise faults.malformed(task_files.place(spec), expected=expected, got=got)
    return index


def _pool(spec: FmowSentinelTaskSpec, split: Split) -> FmowSentinelSpec:
    return FmowSentinelSpec(name="fmow_sentinel", path=spec.path, split=split, size_px=spec.size_px)


def _categories(index: pa.Table) -> np.ndarray:
    """Return the category of each line: its file lies in the folder of that name."""
    return np.array([Path(name).parts[-3] for name in index.column("file").to_pylist()])
