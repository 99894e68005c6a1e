"""The errors people meet, drawn as a tree; each is one sentence: Expected X, got Y. Fix: Z.

TerrasweepError                 anything below; the command line prints it without a traceback
├── UserError                   the user can mend it: exit code 2, nothing was written
│   ├── SpecError               a sweep file or a spec says something that cannot be
│   ├── PoolError               a pool's files are missing, malformed or too small
│   ├── TaskError               a task's files are missing, malformed or too small
│   ├── StoreError              the store cannot be opened, read or written
│   └── ClusterError            the cluster cannot be reached (infra/cluster/connection.py)
├── DriftError                  a default changed since a record was written: the key would lie
├── BadDataError                data or features hold what cannot be computed with
│   └── DivergedError           a loss is no longer a finite number (models/training/divergence.py)
├── TornError                   an artefact differs from what its record promised
├── StepFailedError             a step raised; the cause is chained
├── HolesError                  a summary of a grid with holes (dashboards/tables/cells.py)
└── MirrorAwayError             MLflow is away; the sweep goes on (infra/tracking/mirror.py)
"""

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from functools import partial
from typing import Final, Self


class TerrasweepError(Exception):
    """Anything that this project raises on purpose."""

    exit_code = 1

    def __init__(self, expected: str, *, got: str = "", fix: str = "") -> None:
        """Take what was expected, what was there instead, and what mends it."""
        super().__init__(expected, got, fix)
        self.expected, self.got, self.fix = expected, got, fix

    def __str__(self) -> str:
        if not (self.got or self.fix):
            return self.expected  # a whole sentence of its own
        got = f", got {self.got}" if self.got else ""
        fix = f". Fix: {self.fix}" if self.fix else ""
        return f"Expected {self.expected}{got}{fix}"

    def __reduce__(self) -> tuple[Callable[[str], Self], tuple[str]]:
        """Come back whole from another process: pickle alone would forget the keywords."""
        return partial(type(self), got=self.got, fix=self.fix), (self.expected,)


class UserError(TerrasweepError):
    """The user can mend it; nothing was written."""

    exit_code = 2


class SpecError(UserError):
    """A sweep file or a spec says something that cannot be."""


class PoolError(UserError):
    """A pool's files are missing, malformed or too small."""


class TaskError(UserError):
    """A task's files are missing, malformed or too small."""


class StoreError(UserError):
    """The store cannot be opened, read or written."""


class DriftError(TerrasweepError):
    """A default changed since a record was written."""


class BadDataError(TerrasweepError):
    """Data or features hold what cannot be computed with."""


class TornError(TerrasweepError):
    """An artefact differs from what its record promised."""


class StepFailedError(TerrasweepError):
    """A step raised while it was being made."""


class InvalidValueError(ValueError):
    """A field of a spec has a value that cannot be; pydantic carries it inside its own error.

    It is no TerrasweepError: pydantic collects only ValueErrors, and whoever reads a file turns all
    of them into one SpecError.
    """

    def __init__(self, got: str, *, fix: str) -> None:
        super().__init__(got, fix)
        self.got, self.fix = got, fix

    def __str__(self) -> str:
        return f"got {self.got}. Fix: {self.fix}"


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the fix for an unknown name: the known name that is close, and all known names."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if not names:
        return "add one first: there are none yet"
    listing = ", ".join(names)
    return f"did you mean {close[0]!r}? known: {listing}" if close else f"use one of {listing}"


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
    message = str(error)
    return bool(names & _NAMES.get(cause, frozenset())) or any(
        words in message for words in _WORDS.get(cause, ())
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
