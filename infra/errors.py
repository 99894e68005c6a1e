"""The errors people meet, drawn as a tree; each is a sentence in three parts.

TerrasweepError                 anything below; the command line prints it without a traceback
├── UserError                   the user can mend it: exit code 2, nothing was written
│   ├── SpecError               a sweep file or a spec says something that cannot be
│   ├── PoolError               a pool's files are missing, malformed or too small
│   ├── TaskError               a task's files are missing, malformed or too small
│   ├── StoreError              the store cannot be opened, read or written
│   ├── ClusterError            the cluster cannot be reached, or turns us away (infra/cluster.py)
│   └── MixedHouseError         our rooms stand in two folders (infra/doorplate.py)
├── DriftError                  a default changed since a record was written: the key would lie
├── BadDataError                data or features hold what cannot be computed with
│   └── DivergedError           a loss is no longer a finite number (models/divergence.py)
├── TornError                   an artefact differs from what its record promised
├── StepFailedError             a step raised; the cause is chained
├── HolesError                  a summary of a grid with holes (dashboards/tables.py)
└── MirrorAwayError             MLflow is away; the sweep goes on (infra/tracking.py)
"""

import difflib
from collections.abc import Callable, Iterable
from functools import partial
from typing import Self


class TerrasweepError(Exception):
    """Anything that this project raises on purpose."""

    exit_code = 1

    def __init__(self, wanted: str, *, found: str = "", do: str = "") -> None:
        """Join what was wanted, what was found and what to do into one sentence."""
        super().__init__(wanted, found, do)
        self.wanted, self.found, self.do = wanted, found, do

    def __str__(self) -> str:
        parts = [self.wanted, f"found {self.found}" if self.found else "", self.do]
        return "; ".join(part for part in parts if part)

    def __reduce__(self) -> tuple[Callable[[str], Self], tuple[str]]:
        """Come back whole from another process: pickle alone would forget the keywords."""
        return partial(type(self), found=self.found, do=self.do), (self.wanted,)


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


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which known name is meant, or which there are: the ``do`` part of an unknown name."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    there_are = f"there are {', '.join(names)}" if names else "there are none"
    return f"did you mean {close[0]!r}? {there_are}" if close else there_are
