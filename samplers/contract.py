"""What pools and tasks must offer: the functions of a member's module."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np

from terrasweep.samplers.spec.pools import PoolSpec
from terrasweep.samplers.spec.tasks import TaskSpec


class Pool(Protocol):
    """A member of the pools: the module `pool.py` in its folder."""

    def chunks(self, spec: PoolSpec, /) -> int:
        """Return how many chunks the pool has."""

    def read(self, spec: PoolSpec, chunk: int, /) -> dict[str, np.ndarray]:
        """Return the columns of one chunk, which follow from the spec and its number alone.

        Raises:
            IndexError: If the pool has no such chunk.
        """


@runtime_checkable
class CountedPool(Pool, Protocol):
    """A pool in files, whose samples can be counted without reading them."""

    def count(self, spec: PoolSpec, /) -> int:
        """Return the number of samples."""

    def content(self, spec: PoolSpec, /) -> str:
        """Return a digest that changes when the files do."""


class Task(Protocol):
    """A member of the tasks: the module `task.py` in its folder."""

    def classes(self, spec: TaskSpec, /) -> tuple[str, ...] | None:
        """Return the names of the classes or labels, in their order; none for a number."""

    def read(self, spec: TaskSpec, /) -> Mapping[str, np.ndarray]:
        """Return the columns of all labelled samples."""
