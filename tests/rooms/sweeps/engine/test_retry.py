"""What failed is begun again by a rule for each cause."""

import pytest

from terrasweep.infra.context import Retries
from terrasweep.infra.errors import Cause
from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Step
from terrasweep.sweeps.engine.queue import Job
from terrasweep.sweeps.engine.retry import LONGEST_PAUSE_S, pause_s, retried

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


def test_a_pretraining_that_is_too_large_takes_smaller_bites_each_time():
    first, second = job("pretrain"), job("pretrain", attempt=1)
    (again,) = retried(first, Cause.MEMORY, RETRIES)
    assert again.halvings == 1
    assert retried(second, Cause.LOST, RETRIES) == ()


def test_a_bundle_that_kills_its_workers_is_halved_once_it_was_begun_often_enough():
    (again,) = retried(job("finetune", 4), Cause.LOST, RETRIES)
    assert len(again.steps) == 4
    assert again.halvings == 0
    halves = retried(job("finetune", 4, attempt=1), Cause.LOST, RETRIES)
    assert [len(one.steps) for one in halves] == [2, 2]
    assert retried(job("finetune", 1, attempt=1), Cause.LOST, RETRIES) == ()


@pytest.mark.parametrize("cause", [Cause.NAN, Cause.DATA, Cause.BUG])
def test_what_would_fail_again_is_not_begun_again(cause: Cause):
    assert retried(job("finetune"), cause, RETRIES) == ()
    assert retried(job("pretrain"), cause, RETRIES) == ()


def test_pauses_double_up_to_a_minute():
    assert [pause_s(job("encode", attempt=n), RETRIES) for n in range(3)] == [2.0, 4.0, 8.0]
    assert pause_s(job("encode", attempt=40), RETRIES) == LONGEST_PAUSE_S
