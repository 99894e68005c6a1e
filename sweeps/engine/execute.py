"""What is done for a job: steps are made, or cells trained. It runs wherever the job is done.

What goes wrong is told here, where its traceback is, and comes back as a value: an exception that
leaves a worker means that the worker itself was lost.
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
class Made:
    """What came of a job; it travels from the workers."""

    rows: list[Row] = field(default_factory=list)
    """Of the cells that were trained."""
    failures: list[Failure] = field(default_factory=list)
    """Of the steps or cells that raised."""
    mendable: UserError | None = None
    """The error that stopped the steps, if it is the user who can mend it."""
    told: list[str] = field(default_factory=list)
    """What the user should know of how it went."""


@dataclass(frozen=True)
class Means:
    """What every job is done with."""

    context: Context
    train: Train
    attempts: Mapping[str, int]
    """How often each step or cell failed before."""


class Stage(Protocol):
    """What a stage's module offers."""

    def make(self, step: Step[Spec], *, context: Context, folder: Path) -> None:
        """Write what a step makes into a folder."""

    def make_many(self, steps: Sequence[Step[Spec]], *, context: Context) -> None:
        """Make steps together; only the sample stage has it."""


def make(steps: Steps, means: Means) -> Made:
    """Make steps of one stage, or train cells."""
    if steps[0].stage == FINETUNE:
        return trained(steps, means)
    try:
        stage = cast("Stage", import_module(MODULES[steps[0].stage]))
        if steps[0].stage == "sample":
            stage.make_many(steps, context=means.context)
        else:
            for step in steps:
                means.context.store.make(step, partial(_make_one, stage, step, means.context))
    except Exception as error:
        return failed(steps, error, attempts=means.attempts)
    return Made()


def finetune(cells: Cells, context: Context) -> Sequence[Row]:
    """Train cells the real way, where torch is then imported: the driver does without."""
    from terrasweep.pipelines.stages.finetune import finetune as real

    return real(cells, context)


def trained(cells: Steps, means: Means) -> Made:
    """Return the rows of cells; if they raise together, those of each half, and so on.

    So whatever a cell does costs no other, and cells that need too much memory together get it one
    after the other.
    """
    try:
        return Made(rows=list(means.train(cells, means.context)))
    except Exception as error:
        cause = cause_of(error)
        if len(cells) == 1 or cause in (Cause.STORE, Cause.LOST):  # not for what the cells are
            return replace(failed(cells, error, attempts=means.attempts), mendable=None)
        told = f"{len(cells)} cells of {cells[0].need('encode').key} ran out of memory: halved"
    middle = len(cells) // 2
    first, second = trained(cells[:middle], means), trained(cells[middle:], means)
    return Made(
        rows=first.rows + second.rows,
        failures=first.failures + second.failures,
        told=[told] * (cause is Cause.MEMORY) + first.told + second.told,
    )


def failed(steps: Steps, error: BaseException, *, attempts: Mapping[str, int]) -> Made:
    """Return what is to be told of steps that raised."""
    told = [failure(step, error, attempts=attempts) for step in steps]
    return Made([], told, error if isinstance(error, UserError) else None)


def failure(step: Step[Any], error: BaseException, *, attempts: Mapping[str, int]) -> Failure:
    """Return what the ledger says of a step that raised."""
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
