"""Bundles on Ray Tune: every cell once, whatever some of them do."""

import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.context import Context, Resources
from infra.ledger import Ledger, Row
from infra.step import Step
from infra.store import Store
from models.members import PROBES
from pipelines.spec import EncodeSpec, FinetuneSpec, InitSpec, TaskDataSpec
from sweeps import schedule


def _cells(features: int, seeds: int) -> list[Step[FinetuneSpec]]:
    task = Step("task", TaskDataSpec(task={"name": "planet_crop"}))
    inits = [Step("init", InitSpec(model={"name": "tiny"}, replicate=r)) for r in range(features)]
    encodes = [Step("encode", EncodeSpec(), (init, task)) for init in inits]
    probe = PROBES.spec("linear")(name="linear")
    specs = [FinetuneSpec(continent="africa", n=9, protocol=probe, seed=s) for s in range(seeds)]
    return [Step("finetune", spec, (encode,)) for encode in encodes for spec in specs]


@pytest.mark.parametrize(("features", "seeds", "slots", "size"), [(1, 1, 2, 0), (3, 40, 2, 0)])
def test_every_cell_is_in_one_bundle_with_cells_of_the_same_features(features, seeds, slots, size):
    cells = _cells(features, seeds)
    bundles = schedule.bundled(cells, slots=slots, size=size)
    assert Counter(c.key for b in bundles for c in b) == Counter(c.key for c in cells)
    assert all(len({cell.need("encode").key for cell in bundle}) == 1 for bundle in bundles)
    assert len(bundles) >= min(slots, len(cells))


def test_compositions_take_turns():
    bundles = schedule.bundled(_cells(3, 6), slots=2, size=2)
    assert [len(bundle) for bundle in bundles] == [2] * 9
    first = [bundle[0].need("encode").key for bundle in bundles[:3]]
    assert len(set(first)) == 3


def _worker(folder: Path, *, raises: set[str], dies: set[str], dies_once: set[str]):
    """Return work that answers for most cells; a local function, so that it travels by value."""

    def row(cell: Step[FinetuneSpec]) -> Row:
        return Row(
            key=str(cell.key),
            continent="africa",
            n=cell.spec.n,
            protocol="linear",
            seed=cell.spec.seed,
            metric="f1",
            value=cell.spec.seed / 100,
            n_train=9,
            n_test=1,
            classes=2,
            features=str(cell.need("encode").key),
            seconds=0.0,
            finished=datetime.now(UTC),
            commit="none",
        )

    def work(cells, context):
        keys = {str(cell.key) for cell in cells}
        for key in sorted(keys & (dies | dies_once)):
            seen = folder / key.replace("/", "-")
            if key in dies or not seen.exists():
                seen.touch()
                os._exit(1)
        if keys & raises:
            raise ValueError(f"these cannot be had: {sorted(keys & raises)}")
        return [row(cell) for cell in cells]

    return work


@pytest.mark.ray
@pytest.mark.slow
def test_what_a_cell_does_never_costs_another(local_ray, tmp_path):
    cells = _cells(2, 10)
    bad, gone, once = (str(cells[place].key) for place in (3, 9, 15))
    store = Store.open(str(tmp_path / "store"))
    ledger = Ledger(store)
    told: Counter[str] = Counter()

    def finished(done: int, failed: int) -> None:
        told.update(done=done, failed=failed)

    bundles = schedule.bundled(cells, slots=2, size=1)
    bundles = [(*bundles[0], *bundles[2]), *bundles[1:2], *bundles[3:]]
    schedule.train(
        bundles,
        work=_worker(tmp_path, raises={bad}, dies={gone}, dies_once={once}),
        context=Context(store, Resources()),
        ledger=ledger,
        attempts={bad: 4},
        finished=finished,
    )
    assert ledger.done() == {str(cell.key) for cell in cells} - {bad, gone}
    assert told == {"done": 18, "failed": 2}
    rows = {row["key"]: row for row in ledger.failures().to_pylist()}
    assert set(rows) == {bad, gone}
    assert rows[bad]["kind"] == "ValueError"
    assert "these cannot be had" in rows[bad]["traceback"]
    assert rows[bad]["attempt"] == 5
    assert rows[gone]["kind"] != "ValueError"


@pytest.mark.ray
@pytest.mark.slow
def test_a_bundle_that_raises_is_tried_cell_by_cell(local_ray, tmp_path):
    cells = _cells(1, 8)
    bad = str(cells[5].key)
    store = Store.open(str(tmp_path / "store"))
    ledger = Ledger(store)
    schedule.train(
        schedule.bundled(cells, slots=1, size=8),
        work=_worker(tmp_path, raises={bad}, dies=set(), dies_once=set()),
        context=Context(store, Resources()),
        ledger=ledger,
        attempts={},
    )
    assert ledger.done() == {str(cell.key) for cell in cells} - {bad}
    assert len(store.list("ledger")) <= 2, "few files, however many cells"
