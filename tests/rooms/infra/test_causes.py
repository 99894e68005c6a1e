"""Errors are told apart by what is to be done about them, wherever they come from."""

import pyarrow as pa
import pytest
import ray.exceptions
import torch

from terrasweep.infra.errors import BadDataError, Cause, StoreError, TaskError, TornError, cause_of
from terrasweep.models.training.divergence import DivergedError


class WorkersError(RuntimeError):
    """Like the error of Ray Train, which carries those of its workers."""

    def __init__(self, *errors: BaseException) -> None:
        super().__init__("training failed")
        self.worker_failures = dict(enumerate(errors))


def chained(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (MemoryError(), Cause.MEMORY),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"), Cause.MEMORY),
        (RuntimeError("DefaultCPUAllocator: not enough memory"), Cause.MEMORY),
        (RuntimeError("CUDA error: out of memory"), Cause.MEMORY),
        (ray.exceptions.OutOfMemoryError("task killed"), Cause.MEMORY),
        (chained(ValueError("x"), MemoryError()), Cause.MEMORY),
        (WorkersError(ray.exceptions.WorkerCrashedError()), Cause.LOST),
        (WorkersError(KeyError("x")), Cause.BUG),
        (WorkersError(KeyError("x"), torch.OutOfMemoryError("")), Cause.MEMORY),
        (DivergedError("a loss", got="nan"), Cause.NAN),
        (BadDataError("Expected features"), Cause.DATA),
        (TaskError("Expected a table"), Cause.DATA),
        (pa.ArrowInvalid("not a Parquet file"), Cause.BUG),
        (StoreError("to write", got="no space left"), Cause.STORE),
        (OSError(28, "No space left on device"), Cause.STORE),
        (TornError("Expected what it promised"), Cause.STORE),
        (ray.exceptions.ActorDiedError(), Cause.LOST),
        (ray.exceptions.NodeDiedError("gone"), Cause.LOST),
        (ConnectionResetError("by peer"), Cause.LOST),
        (KeyError("name"), Cause.BUG),
    ],
    ids=lambda value: value.value if isinstance(value, Cause) else type(value).__name__,
)
def test_each_error_has_its_cause(error: BaseException, cause: Cause):
    assert cause_of(error) is cause


def test_errors_that_go_round_in_circles_are_looked_at_once():
    one, other = ValueError("x"), KeyError("y")
    one.__cause__, other.__cause__ = other, one
    assert cause_of(one) is Cause.BUG
