"""Bundles on Ray Tune: every cell once, whatever some of them do."""

import os
import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
import ray
from rich.console import Console

from terrasweep.infra.context import Context, Resources
from terrasweep.infra.errors import TaskError
from terrasweep.infra.step import Step
from terrasweep.infra.storage.claims import Claims
from terrasweep.infra.storage.ledger import Ledger, Row
from terrasweep.infra.storage.store import Store
from terrasweep.pipelines.spec import FinetuneSpec, TaskDataSpec
from terrasweep.pipelines.stages.finetune import finetune
from terrasweep.samplers.tasks.labelled.spec import LabelledSpec
from terrasweep.sweeps.engine.capacity import Demand
from terrasweep.sweeps.engine.progress import Stages
from terrasweep.sweeps.engine.queue import Job
from terrasweep.sweeps.engine.scheduler import Scheduler
from terrasweep.sweeps.engine.writer import ResultWriter
from tests.support.cells import several


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


def _train(jobs, *, work, store: Store, attempts: Mapping[str, int] | None = None) -> Scheduler:
    """Do bundles alone: features are taken to be there."""
    with Path(os.devnull).open("w") as nowhere, Stages(Console(file=nowhere)) as stages:
        stages.open("task", total=1)
        stages.open("finetune", total=sum(len(job.steps) for job in jobs))
        context, ledger = Context(store, Resources()), Ledger(store)
        with Claims(store) as claims:
            writer = ResultWriter(ledger, stages, context.retries)
            scheduler = Scheduler.of(
                jobs,
                claims=claims,
                context=context,
                writer=writer,
                train=work,
                attempts=attempts or {},
            )
            scheduler.finish()
    return scheduler


def _bundle(place: int, cells) -> Job:
    return Job(tuple(cells), (place,), Demand(cpus=1.0))


@pytest.mark.ray
@pytest.mark.slow
def test_what_a_cell_does_never_costs_another(local_ray, tmp_path):
    asked = several(2, 10)
    bad, gone, once = (str(asked[place].key) for place in (3, 9, 15))
    store = Store.open(str(tmp_path / "store"))
    jobs = [_bundle(0, asked[:2]), *(_bundle(n, [cell]) for n, cell in enumerate(asked[2:], 1))]
    work = _worker(tmp_path, raises={bad}, dies={gone}, dies_once={once})
    scheduler = _train(jobs, work=work, store=store, attempts={bad: 4})
    ledger = Ledger(store)
    assert ledger.done() == {str(cell.key) for cell in asked} - {bad, gone}
    assert scheduler.source.writer.made == {"finetune": 18}
    rows = {row["key"]: row for row in ledger.failures().to_pylist()}
    assert set(rows) == {bad, gone}
    assert rows[bad]["kind"] == "ValueError"
    assert "these cannot be had" in rows[bad]["traceback"]
    assert rows[bad]["attempt"] == 5
    assert rows[gone]["kind"] != "ValueError"


@pytest.mark.ray
@pytest.mark.slow
def test_a_bundle_that_raises_is_tried_cell_by_cell(local_ray, tmp_path):
    asked = several(1, 8)
    bad = str(asked[5].key)
    store = Store.open(str(tmp_path / "store"))
    work = _worker(tmp_path, raises={bad}, dies=set(), dies_once=set())
    _train([_bundle(0, asked)], work=work, store=store)
    assert Ledger(store).done() == {str(cell.key) for cell in asked} - {bad}
    assert len(store.list("ledger")) <= 2, "few files, however many cells"


@pytest.mark.ray
@pytest.mark.slow
def test_short_jobs_are_shared_by_the_workers_that_came_first(local_ray, tmp_path):
    store = Store.open(str(tmp_path / "store"))
    at_work = tmp_path / "at-work"
    at_work.mkdir()
    answer = _worker(tmp_path, raises=set(), dies=set(), dies_once=set())

    def work(cells, context):
        (at_work / f"{os.getpid()}-{cells[0].key.digest}").touch()
        time.sleep(0.01)
        return answer(cells, context)

    _train([_bundle(n, [cell]) for n, cell in enumerate(several(3, 100))], work=work, store=store)
    done = sorted(Counter(path.name.split("-")[0] for path in at_work.iterdir()).values())
    assert sum(done) == 300
    assert len(done) > 1, "one worker did them all"
    assert done[-2] >= 20


@pytest.mark.ray
@pytest.mark.slow
def test_workers_have_the_jobs_environment_so_that_ray_takes_those_that_wait(local_ray, tmp_path):
    store = Store.open(str(tmp_path / "store"))
    seen = tmp_path / "environment"
    answer = _worker(tmp_path, raises=set(), dies=set(), dies_once=set())

    def work(cells, context):
        seen.write_text(ray.get_runtime_context().get_runtime_env_string())
        return answer(cells, context)

    _train([_bundle(0, several(1, 1))], work=work, store=store)
    assert seen.read_text() == ray.get_runtime_context().get_runtime_env_string()


@pytest.mark.ray
@pytest.mark.slow
def test_what_the_user_can_mend_ends_the_run_with_its_sentence(local_ray, tmp_path):
    spec = LabelledSpec(name="labelled", path=str(tmp_path / "nothing.parquet"))
    task = Step("task", TaskDataSpec(task=spec))
    store = Store.open(str(tmp_path / "store"))
    with pytest.raises(TaskError, match=r"nothing\.parquet"):
        _train([Job((task,), (0,), Demand(cpus=1.0))], work=finetune, store=store)
    assert Ledger(store).failures().num_rows == 0
