"""What follows from a result: a rule for each cause, without Ray."""

from datetime import UTC, datetime

import pytest

from terrasweep.infra.context import Retries
from terrasweep.infra.errors import BadDataError, Cause
from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Step
from terrasweep.infra.storage.ledger import Failure
from terrasweep.sweeps.engine.decision import (
    LONGEST_PAUSE_S,
    EndRun,
    Finish,
    GiveUp,
    Retry,
    decide,
    depends_on_needs,
    pause_s,
    retried,
)
from terrasweep.sweeps.engine.execute import JobResult
from terrasweep.sweeps.engine.queue import Job

RETRIES = Retries(memory=2, store=3, lost=1, pause_s=2.0)


class Named(Spec):
    """A stand-in for any spec."""

    name: str


def job(stage: str, size: int = 1, *, attempt: int = 0) -> Job:
    return Job(tuple(Step(stage, Named(name=str(n))) for n in range(size)), (0,), attempt=attempt)


def test_a_bundle_that_is_too_large_is_halved_until_one_cell_is_left():
    halves = retried(job("finetune", 5, attempt=9), Cause.MEMORY, RETRIES)
    assert [len(one.steps) for one in halves] == [2, 3]
    (same,) = retried(job("finetune"), Cause.MEMORY, RETRIES)
    assert len(same.steps) == 1
    assert retried(job("finetune", attempt=2), Cause.MEMORY, RETRIES) == ()


def test_a_pretraining_that_is_too_large_takes_smaller_batches_each_time():
    first, second = job("pretrain"), job("pretrain", attempt=1)
    (again,) = retried(first, Cause.MEMORY, RETRIES)
    assert again.halvings == 1
    assert retried(second, Cause.LOST, RETRIES) == ()


def test_a_bundle_that_kills_its_workers_is_halved_once_it_failed_often_enough():
    (again,) = retried(job("finetune", 4), Cause.LOST, RETRIES)
    assert len(again.steps) == 4
    assert again.halvings == 0
    halves = retried(job("finetune", 4, attempt=1), Cause.LOST, RETRIES)
    assert [len(one.steps) for one in halves] == [2, 2]
    assert retried(job("finetune", 1, attempt=1), Cause.LOST, RETRIES) == ()


@pytest.mark.parametrize("cause", [Cause.NAN, Cause.DATA, Cause.BUG])
def test_what_would_fail_again_is_not_retried(cause: Cause):
    assert retried(job("finetune"), cause, RETRIES) == ()
    assert retried(job("pretrain"), cause, RETRIES) == ()


def test_pauses_double_up_to_a_minute():
    assert [pause_s(job("encode", attempt=n), RETRIES) for n in range(3)] == [2.0, 4.0, 8.0]
    assert pause_s(job("encode", attempt=40), RETRIES) == LONGEST_PAUSE_S


def failure(of: Step, cause: Cause) -> Failure:
    when = datetime(2026, 1, 2, tzinfo=UTC)
    return Failure(str(of.key), "Error", "why", "Traceback", 1, when, cause)


def test_a_job_without_failures_is_finished():
    assert decide(job("encode"), JobResult(), retries=RETRIES) == Finish([])


def test_what_may_pass_is_retried_after_a_pause():
    one = job("encode", attempt=1)
    action = decide(one, JobResult(failures=[failure(one.steps[0], Cause.STORE)]), retries=RETRIES)
    assert isinstance(action, Retry)
    assert [piece.steps for piece in action.pieces] == [one.steps]
    assert action.pause_s == 4.0
    assert action.reason.cause is Cause.STORE
    assert action.failures == []


def test_of_a_bundle_only_the_cells_are_retried_whose_cause_may_pass():
    bundle = job("finetune", 4)
    failures = [failure(bundle.steps[1], Cause.BUG), failure(bundle.steps[2], Cause.STORE)]
    action = decide(bundle, JobResult(failures=failures), retries=RETRIES)
    assert isinstance(action, Retry)
    assert [piece.steps for piece in action.pieces] == [bundle.steps[2:3]]
    assert action.failures == failures[:1]


def test_cells_that_fail_for_good_are_final_and_the_bundle_is_finished():
    bundle = job("finetune", 2)
    failures = [failure(bundle.steps[0], Cause.NAN)]
    assert decide(bundle, JobResult(failures=failures), retries=RETRIES) == Finish(failures)


def test_a_step_that_fails_for_good_is_given_up():
    one = job("pretrain", attempt=9)
    for cause in (Cause.BUG, Cause.LOST):
        failures = [failure(one.steps[0], cause)]
        assert decide(one, JobResult(failures=failures), retries=RETRIES) == GiveUp(failures)


def test_what_only_the_user_can_fix_ends_the_run():
    one, error = job("task"), BadDataError("numbers", got="words", fix="write numbers")
    result = JobResult(failures=[failure(one.steps[0], Cause.DATA)], user_error=error)
    assert decide(one, result, retries=RETRIES) == EndRun(error)


def test_without_what_it_needs_a_job_is_given_up_and_made_again_in_the_next_pass():
    one, error = job("encode"), BadDataError("features", got="a torn file", fix="run again")
    torn = JobResult(failures=[failure(one.steps[0], Cause.STORE)], user_error=error)
    assert depends_on_needs(torn)
    assert decide(one, torn, retries=RETRIES, needs_are_there=False) == GiveUp(torn.failures)
    assert isinstance(decide(one, torn, retries=RETRIES), Retry)
    lost = JobResult(failures=[failure(one.steps[0], Cause.LOST)])
    assert not depends_on_needs(lost)
    assert isinstance(decide(one, lost, retries=RETRIES, needs_are_there=False), Retry)
