"""Cells that cannot be trained together are trained apart; what one does costs no other."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from terrasweep.infra.context import Context
from terrasweep.infra.errors import BadDataError, StoreError
from terrasweep.infra.step import Step
from terrasweep.infra.storage.ledger import Row
from terrasweep.infra.storage.store import Store
from terrasweep.sweeps.engine.execute import JobContext, JobResult, execute
from tests.support.cells import several


def row(cell: Step) -> Row:
    features, when = str(cell.need("encode").key), datetime(2026, 1, 2, tzinfo=UTC)
    return Row(
        str(cell.key), "africa", 30, "linear", 0, "f1", 0.5, 9, 9, 2, features, 0.1, when, ""
    )


@pytest.fixture
def trained(tmp_path: Path) -> Callable[..., tuple[JobResult, list[int]]]:
    context = Context(Store.open(str(tmp_path)))

    def train(
        cells: Sequence[Step], check: Callable[[set[str]], None]
    ) -> tuple[JobResult, list[int]]:
        sizes: list[int] = []

        def work(some: Sequence[Step], _: Context) -> list[Row]:
            sizes.append(len(some))
            check({str(cell.key) for cell in some})
            return [row(cell) for cell in some]

        return execute(tuple(cells), JobContext(context, work, {str(cells[0].key): 2})), sizes

    return train


def test_cells_that_need_too_much_memory_together_are_halved_until_they_fit(trained):
    def check(keys: set[str]) -> None:
        if len(keys) > 2:
            raise MemoryError

    cells = several(1, 8)
    result, sizes = trained(cells, check)
    assert {one.key for one in result.rows} == {str(cell.key) for cell in cells}
    assert result.failures == []
    assert sizes == [8, 4, 2, 2, 4, 2, 2]
    assert [line.split(" ")[0] for line in result.messages] == ["8", "4", "4"]


def test_a_cell_that_raises_is_found_and_costs_no_other(trained):
    cells = several(1, 16)
    bad = {str(cells[0].key): BadDataError("Expected numbers"), str(cells[9].key): KeyError("x")}

    def check(keys: set[str]) -> None:
        for key in sorted(keys & set(bad)):
            raise bad[key]

    result, sizes = trained(cells, check)
    assert len(result.rows) == 14
    causes = {one.key: (str(one.cause), one.attempt) for one in result.failures}
    assert causes == {str(cells[0].key): ("data", 3), str(cells[9].key): ("bug", 1)}
    assert len(sizes) < 16, "halving finds it in fewer tries than one by one"
    assert result.messages == []


def test_nothing_is_tried_apart_while_the_store_is_away(trained):
    def check(keys: set[str]) -> None:
        raise StoreError("to read", got="nothing listens")

    result, sizes = trained(several(1, 8), check)
    assert sizes == [8]
    assert [str(one.cause) for one in result.failures] == ["store"] * 8
    assert result.user_error is None, "it is retried before anyone is asked to fix it"
