"""Two drivers on one store: each job is begun by one of them, and what one made the other skips."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Step
from terrasweep.infra.storage.claims import Claims
from terrasweep.infra.storage.ledger import Ledger, Row
from terrasweep.infra.storage.store import Store
from terrasweep.sweeps.engine.capacity import Capacity, Demand
from terrasweep.sweeps.engine.claims import JobClaims
from terrasweep.sweeps.engine.queue import Job, JobQueue
from tests.support.cells import several


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(Store.open(str(tmp_path / "store")))


@pytest.fixture
def bundles() -> list[Job]:
    """Two bundles on each of two features."""
    cells = several(2, 4)
    parts = [cells[at : at + 2] for at in range(0, len(cells), 2)]
    return [Job(tuple(part), (place,), Demand(cpus=1.0)) for place, part in enumerate(parts)]


@pytest.fixture
def two(ledger: Ledger, bundles: list[Job]) -> Iterator[tuple[JobClaims, JobClaims]]:
    with Claims(ledger.store) as one, Claims(ledger.store) as other:
        yield JobClaims(one, ledger, bundles), JobClaims(other, ledger, bundles)


def finish(ledger: Ledger, cell: Step) -> None:
    when = datetime(2026, 1, 2, tzinfo=UTC)
    features = str(cell.need("encode").key)
    row = Row(str(cell.key), "africa", 30, "linear", 0, "f1", 0.5, 9, 9, 2, features, 0.1, when, "")
    ledger.append([row])


def test_cells_go_to_one_driver_by_their_features(two, bundles):
    one, other = two
    assert [one.take(job) for job in bundles[:2]] == [True, True]
    assert [other.take(job) for job in bundles] == [False, False, True, True]


def test_claims_of_finished_jobs_are_released_once_they_are_written(two, bundles):
    one, other = two
    for job in bundles[:2]:
        assert one.take(job)
        one.close(job)
        assert not other.take(job)
    one.release()
    assert other.take(bundles[0])


def test_a_split_bundle_is_finished_with_its_last_piece(two, bundles):
    one, other = two
    assert one.take(bundles[0])
    one.split(bundles[0], 2)
    for _ in range(2):
        one.close(bundles[0])
    one.release()
    assert not other.take(bundles[0]), "a piece, and another bundle of these features, are left"


def test_what_the_other_made_is_not_made_again(two, bundles, ledger):
    one, other = two
    assert one.take(bundles[0])
    assert not other.take(bundles[0])
    finish(ledger, bundles[0].steps[1])
    left = other.remaining(bundles[0])
    assert left is not None
    assert left.steps == bundles[0].steps[:1]
    finish(ledger, bundles[0].steps[0])
    assert other.remaining(bundles[0]) is None
    assert other.remaining(bundles[2]) is bundles[2]


def test_a_step_that_the_other_made_is_passed_over(two, ledger):
    one, _ = two
    step: Step[Spec] = several(1, 1)[0].need("encode")
    job = Job((step,), (0,))
    one.claims.others = True
    assert one.remaining(job) is job
    ledger.store.make(step, lambda folder: (folder / "made").touch())
    assert one.remaining(job) is None


def test_a_driver_alone_asks_nobody(ledger, bundles):
    with Claims(ledger.store) as alone:
        claims = JobClaims(alone, ledger, bundles)
        finish(ledger, bundles[0].steps[0])
        assert claims.remaining(bundles[0]) is bundles[0]
    assert ledger.store.list("claims") == []


def test_a_deferred_job_is_ready_again_and_has_not_failed(bundles):
    queue, capacity = JobQueue(bundles[:1]), Capacity(total=Demand(cpus=1.0), lanes={})
    queue.defer(bundles[0], at=5.0)
    assert queue.next_for_worker(capacity) is None
    assert not queue.is_over
    assert queue.has_worker_jobs
    queue.wake_deferred(5.0)
    assert queue.next_for_worker(capacity) is bundles[0]
    assert bundles[0].attempt == 0
