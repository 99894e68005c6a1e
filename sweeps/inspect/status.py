"""How far a sweep is: coverage of its grid today, and why what is missing is missing."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from terrasweep.dashboards.statistics.failure_signs import signatures
from terrasweep.dashboards.tables.cells import coverage, tidy
from terrasweep.dashboards.tables.rows import CoverageRow, SignRow, rows_of
from terrasweep.infra.errors import Cause
from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Step, closure
from terrasweep.infra.storage.ledger import FAILURES, Ledger
from terrasweep.infra.storage.store import Store
from terrasweep.pipelines.spec import FINETUNE
from terrasweep.sweeps.engine.progress import Stage
from terrasweep.sweeps.plan import plan_table
from terrasweep.sweeps.plan.grid import Plan
from terrasweep.sweeps.plan.plan_table import guessing
from terrasweep.sweeps.spec.compositions import CompositionEntry


@dataclass(frozen=True)
class Status:
    """The coverage of a sweep and its failures."""

    coverage: list[CoverageRow]
    """One row per composition, model and continent."""
    failures: list[dict[str, Any]]
    """What failed of this sweep and was not made since, steps before cells."""
    causes: list[dict[str, Any]]
    """How many steps and cells failed, and how many cells are missing for it, by cause."""
    signatures: list[SignRow]
    """What looks like a failure rather than an answer, place by place."""
    torn: tuple[str, ...]
    """Parts of the ledger that are torn or altered and do not count."""


def status(plan: Plan, *, store: Store) -> Status:
    """Return how far a plan is in a store; nothing is written."""
    ledger = Ledger(store)
    failures = ledger.failures().to_pylist()
    steps = {str(step.key) for step in plan.steps}
    cells = {str(cell.step.key) for cell in plan.included}
    ours = [one for one in failures if one["key"] in steps]
    of_cells = [one for one in failures if one["key"] in cells]
    behind = _blocked_cells(plan, {one["key"]: one for one in ours})
    cell_failures = pa.Table.from_pylist([*behind.values(), *of_cells], schema=FAILURES)
    rows = tidy(plan_table.table(plan), results=ledger.results(), failures=cell_failures)
    drawn = [one for one in plan.sweep.compositions if isinstance(one, CompositionEntry)]
    zero = {entry.name for entry in drawn if entry.spec.is_zero}
    doubtful = signatures(
        rows, limits=plan.sweep.limits.model_dump(), zero=zero, guessing=guessing(plan.sweep)
    )
    return Status(
        coverage=rows_of(coverage(rows), CoverageRow),
        failures=[*ours, *of_cells],
        causes=_causes([*ours, *of_cells], lost=[*behind.values(), *of_cells]),
        signatures=rows_of(doubtful, SignRow),
        torn=ledger.torn(),
    )


def _causes(failed: list[dict[str, Any]], *, lost: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Count failures, and the cells that are missing for them; one cell is missing but once."""
    failures = Counter(one["cause"] or Cause.BUG for one in failed)
    cells = Counter({one["key"]: one["cause"] or Cause.BUG for one in lost}.values())
    return [
        {"cause": cause, "failures": number, "cells": cells[cause]}
        for cause, number in failures.most_common()
    ]


def _blocked_cells(plan: Plan, failed: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return a failure for each cell that waits behind a failed step."""
    blocked: dict[str, dict[str, Any]] = {}
    cause: dict[str, dict[str, Any] | None] = {}
    for cell in plan.included:
        features = str(cell.features.key)
        if features not in cause:
            cause[features] = _first_failed(cell.features, failed)
        why = cause[features]
        if why is not None:
            key = str(cell.step.key)
            blocked[key] = {**why, "key": key, "kind": f"{why['kind']} in {why['key']}"}
    return blocked


def _first_failed(features: Step[Spec], failed: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    keys = (str(step.key) for step in closure([features]))
    return next((failed[key] for key in keys if key in failed), None)


@dataclass
class Watch:
    """How far a sweep is, and how fast it goes since the first look."""

    plan: Plan
    store: Store
    _stage: Stage | None = None

    def look(self) -> str:
        """Return the clock and what is there to say, on one line."""
        rows = status(self.plan, store=self.store).coverage
        done, failed = (sum(row[name] for row in rows) for name in ("done", "failed"))
        if self._stage is None:
            self._stage = Stage(FINETUNE, len(self.plan.included), before=done)
            self._stage.begin()
        self._stage.done, self._stage.failed = done - self._stage.before, failed
        clock = datetime.now().astimezone()
        return f"{clock:%H:%M:%S}  {self._stage.words(now=time.monotonic())}"

    @property
    def is_over(self) -> bool:
        """Whether every cell was done or has failed when it was looked at last."""
        return self._stage is not None and self._stage.is_over


def watch(one: Watch, *, every_s: float, say: Callable[[str], None]) -> None:
    """Say how far it is, until it is over."""
    say(one.look())
    while not one.is_over:
        time.sleep(every_s)
        say(one.look())
