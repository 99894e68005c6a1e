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
from terrasweep.sweeps.engine.claims import Elsewhere
from terrasweep.sweeps.engine.queue import Board, House, Job, Takes
from tests.support.cells import several


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(Store.open(str(tmp_path / "store")))


@pytest.fixture
def bundles() -> list[Job]:
    """Two bundles on each of two features."""
    cells = several(2, 4)
    parts = [cells[at : at + 2] for at in range(0, len(cells), 2)]
    return [Job(tuple(part), (place,), Takes(cpus=1.0)) for place, part in enumerate(parts)]


@pytest.fixture
def two(ledger: Ledger, bundles: list[Job]) -> Iterator[tuple[Elsewhere, Elsewhere]]:
    with Claims(ledger.store) as one, Claims(ledger.store) as other:
        yield Elsewhere(one, ledger, bundles), Elsewhere(other, ledger, bundles)


def finish(ledger: Ledger, cell: Step) -> None:
    when = datetime(2026, 1, 2, tzinfo=UTC)
    features = str(cell.need("encode").key)
    row = Row(str(cell.key), "africa", 30, "linear", 0, "f1", 0.5, 9, 9, 2, features, 0.1, when, "")
    ledger.append([row])


def test_cells_go_to_one_driver_by_their_features(two, bundles):
    one, other = two
    assert [one.is_ours(job) for job in bundles[:2]] == [True, True]
    assert [other.is_ours(job) for job in bundles] == [False, False, True, True]


def test_what_is_over_is_let_go_once_it_is_written(two, bundles):
    one, other = two
    for job in bundles[:2]:
        assert one.is_ours(job)
        one.over(job)
        assert not other.is_ours(job)
    one.release()
    assert other.is_ours(bundles[0])


def test_a_bundle_that_is_cut_is_over_with_its_last_piece(two, bundles):
    one, other = two
    assert one.is_ours(bundles[0])
    one.cut(bundles[0], 2)
    for _ in range(2):
        one.over(bundles[0])
    one.release()
    assert not other.is_ours(bundles[0]), "a piece, and another bundle of these features, are left"


def test_what_the_other_made_is_not_made_again(two, bundles, ledger):
    one, other = two
    assert one.is_ours(bundles[0])
    assert not other.is_ours(bundles[0])
    finish(ledger, bundles[0].steps[1])
    left = other.left_of(bundles[0])
    assert left is not None
    assert left.steps == bundles[0].steps[:1]
    finish(ledger, bundles[0].steps[0])
    assert other.left_of(bundles[0]) is None
    assert other.left_of(bundles[2]) is bundles[2]


def test_a_step_that_the_other_made_is_passed_over(two, ledger):
    one, _ = two
    step: Step[Spec] = several(1, 1)[0].need("encode")
    job = Job((step,), (0,))
    one.claims.others = True
    assert one.left_of(job) is job
    ledger.store.make(step, lambda folder: (folder / "made").touch())
    assert one.left_of(job) is None


def test_a_driver_alone_asks_nobody(ledger, bundles):
    with Claims(ledger.store) as alone:
        elsewhere = Elsewhere(alone, ledger, bundles)
        finish(ledger, bundles[0].steps[0])
        assert elsewhere.left_of(bundles[0]) is bundles[0]
    assert ledger.store.list("claims") == []


def test_what_is_put_off_is_looked_at_again(bundles):
    board, house = Board(bundles[:1]), House(total=Takes(cpus=1.0), lanes={})
    board.put_off(bundles[0], at=5.0)
    assert board.for_worker(house) is None
    assert not board.is_over
    assert board.has_work
    board.wake(5.0)
    assert board.for_worker(house) is bundles[0]
    assert bundles[0].attempt == 0
