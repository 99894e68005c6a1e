"""The task step: a task's labelled samples as one table, checked once and then trusted."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from terrasweep.infra.context import Context
from terrasweep.infra.errors import BadDataError
from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Step
from terrasweep.pipelines.spec import TaskDataSpec
from terrasweep.samplers.formats.arrays import to_table
from terrasweep.samplers.members import TASKS
from terrasweep.samplers.spec.tasks import TaskSpec

TABLE = "task.parquet"
CLASSES = b"terrasweep.classes"
"""Under which the table says what its classes are called: whoever reads it has no task's files."""

KINDS = {
    "id": "OU",
    "lat": "f",
    "lon": "f",
    "cell": "u",
    "continent": "OU",
    "label": "i",
}
"""Columns of every task and the numpy kinds they may have; the models' arrays come on top."""


def make(step: Step[Spec], *, context: Context, folder: Path) -> None:
    """Write the task's table.

    Raises:
        BadDataError: If a column is missing or holds what no task may hold.
    """
    spec = cast("TaskDataSpec", step.spec).task
    task = TASKS[spec.name]
    columns, classes = task.read(spec), task.classes(spec)
    check(columns, spec=spec, classes=classes)
    table = to_table(columns)
    metadata = {**(table.schema.metadata or {}), CLASSES: json.dumps(classes).encode()}
    pq.write_table(table.replace_schema_metadata(metadata), folder / TABLE)
    context.progress(1, 1)


def classes_of(table: pa.Table, *, spec: TaskSpec) -> tuple[str, ...] | None:
    """Return what a task's table says its classes are called."""
    text = (table.schema.metadata or {}).get(CLASSES)
    if text is None:  # a table written before class names were part of it
        return TASKS[spec.name].classes(spec)
    names: list[str] | None = json.loads(text)
    return None if names is None else tuple(names)


def check(
    columns: Mapping[str, np.ndarray], *, spec: TaskSpec, classes: Sequence[str] | None
) -> None:
    """Refuse columns that the grid could not be computed from."""
    expected = f"the labelled samples of task {spec.name}"
    faults = [
        f"no column {name!r} of kind {kind}"
        for name, kind in _kinds(spec).items()
        if not _fits(columns.get(name), kind=kind)
    ]
    lengths = {name: len(array) for name, array in columns.items()}
    if len(set(lengths.values())) > 1:
        faults.append(f"columns of unequal length, {lengths}")
    if not faults:
        faults = [*_faults(columns), *_label_faults(columns["label"], spec=spec, classes=classes)]
    if faults:
        raise BadDataError(
            expected, got="; ".join(faults), fix="correct the task's files or its reader"
        )


def _kinds(spec: TaskSpec) -> dict[str, str]:
    label = "if" if spec.target == "number" else "i"
    official = {"split": "OU"} if spec.has_official_split else {}
    return {**KINDS, "label": label, **official}


def _fits(column: np.ndarray | None, *, kind: str) -> bool:
    return column is not None and column.dtype.kind in kind


def _faults(columns: Mapping[str, np.ndarray]) -> list[str]:
    ids = columns["id"]
    if not len(ids):
        return ["no sample at all"]
    faults = []
    names, times = np.unique(ids.astype(str), return_counts=True)
    if times.max() > 1:
        twice = str(names[times.argmax()])
        faults.append(f"id {twice!r} {times.max()} times, where ids name one sample each")
    placed = (np.abs(columns["lat"]) <= 90) & (np.abs(columns["lon"]) <= 180)
    if not placed.all():
        faults.append(f"{int((~placed).sum())} samples without a place on Earth")
    arrays = ((name, array) for name, array in columns.items() if name not in KINDS)
    faults += [f"numbers in {name!r} that are none" for name, array in arrays if _poisoned(array)]
    return faults


def _poisoned(array: np.ndarray) -> bool:
    return array.dtype.kind == "f" and not np.isfinite(array).all()


def _label_faults(
    labels: np.ndarray, *, spec: TaskSpec, classes: Sequence[str] | None
) -> list[str]:
    if not len(labels):
        return []
    if spec.target == "number":
        bad = int((~np.isfinite(labels)).sum())
        return [f"{bad} labels that are no number"] if bad else []
    if classes is None:
        return ["no names of classes"]
    if spec.target == "labels":
        sound = (
            labels.ndim == 2 and labels.shape[1] == len(classes) and np.isin(labels, (0, 1)).all()
        )
        return [] if sound else [f"no row of {len(classes)} zeros and ones for each sample"]
    if spec.target == "map":
        return _map_faults(labels, classes=classes)
    if labels.ndim != 1 or labels.min() < 0 or labels.max() >= len(classes):
        span = f"labels from {labels.min()} to {labels.max()}"
        return [f"{span}, where {len(classes)} classes are numbered from 0"]
    return []


def _map_faults(labels: np.ndarray, *, classes: Sequence[str]) -> list[str]:
    """Say what is wrong with maps of classes, where -1 is a pixel that has none."""
    if labels.ndim != 3:
        return [f"labels of shape {labels.shape} where maps are wanted"]
    if labels.min() < -1 or labels.max() >= len(classes):
        span = f"pixels from {labels.min()} to {labels.max()}"
        return [f"{span}, where {len(classes)} classes are numbered from 0 and -1 is none"]
    bare = int((labels < 0).all(axis=(1, 2)).sum())
    return [f"{bare} maps without a labelled pixel"] if bare else []
