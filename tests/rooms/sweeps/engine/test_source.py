"""What a job source does with jobs and results, without Ray."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console

from terrasweep.infra.cluster.shutdown import Stopped, StopSignal
from terrasweep.infra.context import Context, Resources
from terrasweep.infra.storage.claims import Claims
from terrasweep.infra.storage.ledger import Ledger
from terrasweep.infra.storage.store import Store
from terrasweep.sweeps.engine.capacity import ClusterCapacity, Demand
from terrasweep.sweeps.engine.claims import JobClaims
from terrasweep.sweeps.engine.execute import JobResult
from terrasweep.sweeps.engine.progress import Stages
from terrasweep.sweeps.engine.queue import Job, JobQueue
from terrasweep.sweeps.engine.source import IDLE_S, JobSource
from terrasweep.sweeps.engine.writer import ResultWriter
from tests.support.cells import several


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(str(tmp_path / "store"))


@pytest.fixture
def bundles() -> list[Job]:
    """Two bundles on each of two features."""
    cells = several(2, 4)
    parts = [cells[at : at + 2] for at in range(0, len(cells), 2)]
    return [Job(tuple(part), (place,), Demand(cpus=1.0)) for place, part in enumerate(parts)]


@pytest.fixture
def new_source(store: Store, bundles: list[Job]) -> Iterator[Callable[[Claims], JobSource]]:
    with Path(os.devnull).open("w") as nowhere, Stages(Console(file=nowhere)) as stages:
        stages.open("finetune", total=8)

        def new(claims: Claims) -> JobSource:
            ledger = Ledger(store)
            context = Context(store, Resources(), stop=StopSignal())
            return JobSource(
                JobQueue(bundles),
                JobClaims(claims, ledger, bundles),
                context,
                ResultWriter(ledger, stages, context.retries),
                lambda cells, context: [],
                {},
                ClusterCapacity(context.resources, measure=lambda: {"CPU": 2.0}),
            )

        yield new


def test_a_job_is_claimed_once_and_not_started(new_source, store, bundles):
    with Claims(store) as own:
        source = new_source(own)
        assert source.claim_next() is bundles[0]
        assert source.claim_next() is bundles[0], "it was not started"
        assert not source.queue.running
        source.start(bundles[0])
        assert source.claim_next() is bundles[1]


def test_what_another_driver_claimed_is_deferred(new_source, store, bundles):
    with Claims(store) as theirs, Claims(store) as own:
        other, source = new_source(theirs), new_source(own)
        assert other.claim_next() is bundles[0]
        assert source.claim_next() is bundles[2]
        assert not source.queue.is_over


def test_workers_are_released_for_a_job_that_they_do_not_know(new_source, store, bundles):
    with Claims(store) as own:
        source = new_source(own)
        assert not source.should_release(bundles[0], bundles[:1], 0.0)
        assert source.should_release(bundles[1], bundles[:1], 0.0)
        assert not source.should_release(None, bundles, IDLE_S), "others may come"
        assert source.should_release(None, bundles, IDLE_S + 1)


def test_workers_are_released_when_nothing_is_left(new_source, store, bundles):
    with Claims(store) as own:
        source = new_source(own)
        for job in bundles:
            source.start(job)
            source.complete(job, JobResult())
        assert source.claim_next() is None
        assert source.queue.is_over
        assert source.should_release(None, bundles, 0.0)


def test_a_lost_worker_is_a_retry_and_no_failure_in_the_ledger(new_source, store, bundles):
    with Claims(store) as own:
        source = new_source(own)
        source.start(bundles[0])
        source.worker_lost(bundles[0], RuntimeError("the actor died"))
        source.flush()
        assert Ledger(store).failures().num_rows == 0
        source.queue.wake_deferred(float("inf"))
        again = source.queue.next_for_worker(source.capacity.now(0))
        assert again is not None
        assert (again.steps, again.attempt) == (bundles[0].steps, 1)


def test_a_stop_whose_exception_was_lost_ends_the_next_poll(new_source, store):
    with Claims(store) as own:
        source = new_source(own)
        with source.context.stop.handle_sigterm():
            source.poll(0.0)
            source.context.stop.was_received = True
            with pytest.raises(Stopped):
                source.poll(0.0)
