"""Why something failed: the one place where errors are told apart by what is to be done about them.

Errors come from Ray, torch, Arrow and ourselves, often one inside the other. They are told by the
names of their classes, so that none of those libraries need be imported here.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final


class Cause(StrEnum):
    """What is to be done about a failure; the first that fits an error counts."""

    MEMORY = "memory"
    """It did not fit: try a smaller part."""
    NAN = "nan"
    """A number was none: a finding, not an accident."""
    DATA = "data"
    """What was read cannot be used."""
    STORE = "store"
    """The store was away, full or torn: try later."""
    LOST = "lost"
    """The worker or its machine went away: try elsewhere."""
    BUG = "bug"
    """Anything else."""


PASSING: Final = frozenset({Cause.MEMORY, Cause.STORE, Cause.LOST})
"""What may go well the next time with nothing mended."""

_NAMES: Final[Mapping[Cause, frozenset[str]]] = {
    Cause.MEMORY: frozenset({"MemoryError", "OutOfMemoryError"}),
    Cause.NAN: frozenset({"DivergedError", "FloatingPointError"}),
    Cause.DATA: frozenset({"BadDataError", "PoolError", "TaskError"}),
    Cause.STORE: frozenset({"StoreError", "TornError", "OSError"}),
    Cause.LOST: frozenset(
        {
            "ActorUnschedulableError",
            "ConnectionError",
            "LocalRayletDiedError",
            "NodeDiedError",
            "ObjectLostError",
            "RayActorError",
            "WorkerCrashedError",
            "WorkerGroupStartupTimeoutError",
            "WorkerHealthCheckTimeoutError",
        }
    ),
}
_WORDS: Final[Mapping[Cause, tuple[str, ...]]] = {
    Cause.MEMORY: (
        "out of memory",
        "memory pressure",
        "(OOM)",
        "allocate memory",
        "not enough memory",
    ),
}
_MOST: Final = 20
"""Errors that are looked at: chains may be circular."""


def cause_of(error: BaseException) -> Cause:
    """Return why something failed; what an error came from is looked at too."""
    inside = list(_inside(error))
    return next((cause for cause in Cause if any(_is(one, cause) for one in inside)), Cause.BUG)


def _is(error: BaseException, cause: Cause) -> bool:
    names = {kind.__name__ for kind in type(error).__mro__}
    if cause is Cause.STORE and isinstance(error, ConnectionError):
        return False  # one of Python's own OSErrors, and no word of a store
    told = str(error)
    return bool(names & _NAMES.get(cause, frozenset())) or any(
        words in told for words in _WORDS.get(cause, ())
    )


def _inside(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and those it carries: its cause, Ray's own, and those of Train's workers."""
    waiting: list[object] = [error]
    for _ in range(_MOST):
        if not waiting:
            return
        one = waiting.pop(0)
        if isinstance(one, BaseException):
            yield one
            workers = getattr(one, "worker_failures", None)
            several = workers.values() if isinstance(workers, dict) else ()
            waiting += [one.__cause__, getattr(one, "cause", None), *several]
