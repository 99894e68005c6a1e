"""The task step: a task's labelled samples as one table, checked once and then trusted."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import pyarrow.parquet as pq

from infra.context import Context
from infra.errors import BadDataError
from infra.spec import Spec
from infra.step import Step
from pipelines.spec import TaskDataSpec
from samplers.members import TASKS
from samplers.spec import TaskSpec
from samplers.table import to_table

TABLE = "task.parquet"

KINDS = {
    "id": "OU",
    "lat": "f",
    "lon": "f",
    "cell": "u",
    "continent": "OU",
    "label": "i",
}
"""Columns of every task and the numpy kinds they may have; the models' arrays come on top."""


class Task(Protocol):
    """A member of the tasks: the module `task.py` in its folder."""

    CLASSES: tuple[str, ...] | None
    """Names of the classes, in order of their labels; none for a regression."""

    def read(self, spec: TaskSpec, /) -> Mapping[str, np.ndarray]:
        """Return the columns of all labelled samples."""


def make(step: Step[Spec], *, context: Context, folder: Path) -> None:
    """Write the task's table.

    Raises:
        BadDataError: If a column is missing or holds what no task may hold.
    """
    spec = cast("TaskDataSpec", step.spec).task
    task = cast("Task", TASKS[spec.name])
    columns = task.read(spec)
    check(columns, task=spec.name, classes=task.CLASSES)
    pq.write_table(to_table(columns), folder / TABLE)
    context.progress(1, 1)


def check(columns: Mapping[str, np.ndarray], *, task: str, classes: Sequence[str] | None) -> None:
    """Refuse columns that the grid could not be computed from."""
    wanted = f"wanted the labelled samples of task {task}"
    found = [
        f"no column {name!r} of kind {kind}"
        for name, kind in KINDS.items()
        if not _fits(columns.get(name), kind=kind, regression=classes is None)
    ]
    lengths = {name: len(array) for name, array in columns.items()}
    if len(set(lengths.values())) > 1:
        found.append(f"columns of unequal length, {lengths}")
    if not found:
        found = _faults(columns, classes=classes)
    if found:
        raise BadDataError(wanted, found="; ".join(found), do="mend the task's files or its reader")


def _fits(column: np.ndarray | None, *, kind: str, regression: bool) -> bool:
    wide = "if" if kind == "i" and regression else kind
    return column is not None and column.dtype.kind in wide


def _faults(columns: Mapping[str, np.ndarray], *, classes: Sequence[str] | None) -> list[str]:
    ids, labels = columns["id"], columns["label"]
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
    if classes is not None and (labels.min() < 0 or labels.max() >= len(classes)):
        span = f"labels from {labels.min()} to {labels.max()}"
        faults.append(f"{span}, where {len(classes)} classes are numbered from 0")
    if classes is None and not np.isfinite(labels).all():
        faults.append(f"{int((~np.isfinite(labels)).sum())} labels that are no number")
    return faults
