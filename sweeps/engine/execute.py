"""Executes a job: makes its steps, or trains its cells. It runs in a worker, or in the driver.

An error becomes a failure here, where its traceback is, and comes back as a value: an exception
that leaves a worker means that the worker itself was lost.
"""

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias, cast

from terrasweep.infra.context import Context
from terrasweep.infra.errors import Cause, UserError, cause_of
from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Step
from terrasweep.infra.storage.ledger import Failure, Row
from terrasweep.pipelines.spec import FINETUNE, STAGES, FinetuneSpec

MODULES: Final = {
    stage.name: f"terrasweep.pipelines.stages.{stage.name}" for stage in STAGES if stage.has_module
}

Steps: TypeAlias = tuple[Step[Any], ...]
Cells: TypeAlias = Sequence[Step[FinetuneSpec]]
Train: TypeAlias = Callable[[Cells, Context], Sequence[Row]]
"""Trains cells that share their features; a row per cell."""


@dataclass(frozen=True)
class JobResult:
    """What a job resulted in; it travels from the workers."""

    rows: list[Row] = field(default_factory=list)
    """Of the cells that were trained."""
    failures: list[Failure] = field(default_factory=list)
    """Of the steps or cells that raised."""
    user_error: UserError | None = None
    """The error that stopped the steps, if only the user can fix it."""
    messages: list[str] = field(default_factory=list)
    """What the user should know about it."""


@dataclass(frozen=True)
class JobContext:
    """What every job is executed with; it travels to the workers."""

    run: Context
    train: Train
    attempts: Mapping[str, int]
    """How often each step or cell failed before."""


class Stage(Protocol):
    """What a stage's module offers."""

    def make(self, step: Step[Spec], *, context: Context, folder: Path) -> None:
        """Write what a step makes into a folder."""

    def make_many(self, steps: Sequence[Step[Spec]], *, context: Context) -> None:
        """Make steps together; only the sample stage has it."""


def execute(steps: Steps, context: JobContext) -> JobResult:
    """Make steps of one stage, or train cells."""
    if steps[0].stage == FINETUNE:
        return train_cells(steps, context)
    try:
        stage = cast("Stage", import_module(MODULES[steps[0].stage]))
        if steps[0].stage == "sample":
            stage.make_many(steps, context=context.run)
        else:
            for step in steps:
                context.run.store.make(step, partial(_make_one, stage, step, context.run))
    except Exception as error:
        return failed_result(steps, error, attempts=context.attempts)
    return JobResult()


def finetune(cells: Cells, context: Context) -> Sequence[Row]:
    """Train cells; torch is imported here, so that the driver does without."""
    from terrasweep.pipelines.stages.finetune import finetune as real

    return real(cells, context)


def train_cells(cells: Steps, context: JobContext) -> JobResult:
    """Return the rows of cells; if they raise together, those of each half, and so on.

    So a cell that fails costs no other, and cells that need too much memory together are trained
    one after the other.
    """
    try:
        return JobResult(rows=list(context.train(cells, context.run)))
    except Exception as error:
        cause = cause_of(error)
        if len(cells) == 1 or cause in (Cause.STORE, Cause.LOST):  # not for what the cells are
            result = failed_result(cells, error, attempts=context.attempts)
            return replace(result, user_error=None)
        message = f"{len(cells)} cells of {cells[0].need('encode').key} ran out of memory: halved"
    middle = len(cells) // 2
    first, second = train_cells(cells[:middle], context), train_cells(cells[middle:], context)
    return JobResult(
        rows=first.rows + second.rows,
        failures=first.failures + second.failures,
        messages=[message] * (cause is Cause.MEMORY) + first.messages + second.messages,
    )


def failed_result(steps: Steps, error: BaseException, *, attempts: Mapping[str, int]) -> JobResult:
    """Return the result of steps that raised."""
    failures = [failure(step, error, attempts=attempts) for step in steps]
    return JobResult([], failures, error if isinstance(error, UserError) else None)


def failure(step: Step[Any], error: BaseException, *, attempts: Mapping[str, int]) -> Failure:
    """Return the ledger's row of a step that raised."""
    return Failure(
        key=str(step.key),
        kind=type(error).__name__,
        message=str(error),
        traceback="".join(traceback.format_exception(error)),
        attempt=attempts.get(str(step.key), 0) + 1,
        when=datetime.now(UTC),
        cause=cause_of(error),
    )


def _make_one(stage: Stage, step: Step[Spec], context: Context, folder: Path) -> None:
    stage.make(step, context=context, folder=folder)
