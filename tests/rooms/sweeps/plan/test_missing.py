"""What is asked for of a plan, and what is left alone because it failed for good."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from terrasweep.infra.errors import Cause
from terrasweep.infra.storage.ledger import Failure, Ledger
from terrasweep.infra.storage.store import Store
from terrasweep.sweeps.plan.grid import Plan, plan
from terrasweep.sweeps.plan.missing import Missing
from terrasweep.sweeps.reading.sweep_file import read
from tests.support.made import finish, make_steps


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(str(tmp_path / "store"))


@pytest.fixture(scope="module")
def planned() -> Plan:
    return plan(read("smoke"))


def failure(key: str, cause: Cause) -> Failure:
    when = datetime(2026, 1, 2, tzinfo=UTC)
    return Failure(key, "KeyError", "why", "Traceback", attempt=1, when=when, cause=cause)


def missing(planned: Plan, store: Store) -> Missing:
    ledger = Ledger(store)
    return Missing.of(planned, store=store, ledger=ledger, given_up=ledger.given_up())


def test_what_failed_for_good_is_left_alone_with_all_that_needs_it(planned: Plan, store: Store):
    (trained,) = (s for s in planned.steps if s.stage == "pretrain" and "europe" in s.label)
    Ledger(store).fail([failure(str(trained.key), Cause.NAN)])
    found = missing(planned, store)
    behind = [cell.step.key for cell in planned.included if cell.composition == "europe"]
    assert [cell.key for cell in found.left] == behind
    assert found.by_cause() == {"nan": len(behind)}
    assert len(found.cells) == len(planned.included) - len(behind)
    assert trained.key not in {step.key for step in found.steps}


@pytest.mark.parametrize("cause", [Cause.LOST, Cause.STORE, Cause.MEMORY])
def test_what_may_go_well_the_next_time_is_asked_for(planned: Plan, store: Store, cause: Cause):
    Ledger(store).fail([failure(str(planned.steps[-1].key), cause)])
    assert missing(planned, store).left == []


def test_what_failed_and_was_made_since_holds_up_nothing(planned: Plan, store: Store):
    trained = next(step for step in planned.steps if step.stage == "pretrain")
    Ledger(store).fail([failure(str(trained.key), Cause.BUG)])
    make_steps(planned.steps, store=store)
    finish([cell for cell in planned.included if cell.composition == "zero"], store=store)
    found = missing(planned, store)
    assert found.left == found.steps == []
    assert {cell.key for cell in found.cells} == {
        cell.step.key for cell in planned.included if cell.composition != "zero"
    }


def test_a_cell_that_failed_is_left_alone_by_itself(planned: Plan, store: Store):
    bad = planned.included[5].step
    Ledger(store).fail([failure(str(bad.key), Cause.BUG)])
    found = missing(planned, store)
    assert found.left == [bad]
    assert len(found.cells) == len(planned.included) - 1
