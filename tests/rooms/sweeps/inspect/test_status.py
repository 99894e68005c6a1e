"""Coverage says what became of every cell, and why what is missing is missing."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from terrasweep.infra.storage.ledger import Failure, Ledger
from terrasweep.infra.storage.store import Store
from terrasweep.samplers.spec.tasks import Region
from terrasweep.sweeps.inspect.status import status
from terrasweep.sweeps.plan.grid import plan
from terrasweep.sweeps.reading.sweep_file import read
from terrasweep.sweeps.spec.sweep import Exclusion
from tests.support.made import finish, make_steps


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(str(tmp_path / "store"))


def failure(key: str) -> Failure:
    when = datetime(2026, 1, 2, tzinfo=UTC)
    return Failure(
        key, "MemoryError", "too large", "Traceback", attempt=1, when=when, cause="memory"
    )


def test_cells_behind_a_failed_step_count_as_failed_until_it_is_made(store: Store):
    planned = plan(read("smoke"))
    (pretrain,) = (
        step for step in planned.steps if step.stage == "pretrain" and "europe" in step.label
    )
    Ledger(store).fail([failure(str(pretrain.key))])
    found = status(planned, store=store)
    rows = {(row["composition"], row["failed"], row["why"]) for row in found.coverage}
    why = f"failed: MemoryError in {pretrain.key} (3)"
    assert {row for row in rows if row[1]} == {("europe", 3, why)}
    assert [one["key"] for one in found.failures] == [str(pretrain.key)]
    assert found.causes == [{"cause": "memory", "failures": 1, "cells": 6}]
    make_steps(planned.steps, store=store)
    assert status(planned, store=store).failures == []


def test_every_cell_is_counted_once_with_its_reason(store: Store):
    rule = Exclusion(reason="too few", composition="europe", continent=Region.AFRICA)
    planned = plan(read("smoke").model_copy(update={"exclude": (rule,)}))
    finish([cell for cell in planned.included if cell.composition == "zero"], store=store)
    failed = next(cell for cell in planned.included if cell.composition == "uniform")
    Ledger(store).fail([failure(str(failed.step.key))])
    rows = status(planned, store=store).coverage
    total = {
        name: sum(row[name] for row in rows) for name in ("done", "failed", "open", "excluded")
    }
    assert total == {"done": 6, "failed": 1, "open": 14, "excluded": 3}
    assert [row["why"] for row in rows if row["excluded"]] == ["excluded: too few (3)"]


def test_a_torn_part_of_the_ledger_is_named(store: Store):
    finish(plan(read("smoke")).included, store=store)
    (part,) = store.list("ledger/results")
    store.put(part, (store.get(part) or b"")[:-1])
    found = status(plan(read("smoke")), store=store)
    assert found.torn == (part,)
    assert sum(row["open"] for row in found.coverage) == 24
