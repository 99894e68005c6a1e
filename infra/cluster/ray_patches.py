"""Every change that we make to private parts of Ray, and every private part that we read.

Each patch says why it is there. Where Ray has no such part any more, a warning says so, and Ray
runs as it comes: slower, but not wrong. `tests/cluster/test_ray_patches.py` fails if a patch has no
effect.
"""

import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

RAY_VERSION: Final = "2.60"
"""The version of Ray that the patches were written for."""


@dataclass(frozen=True)
class Patch:
    """One private name of Ray, and what stands there instead."""

    module: str
    name: str
    replacement: Callable[[Any], Any]
    """Takes what Ray has there, and returns what it gets."""
    reason: str

    def apply(self) -> Callable[[], None]:
        """Patch Ray, and return what undoes it."""
        module = import_module(self.module)
        if not hasattr(module, self.name):
            warnings.warn(self._why_void(), RuntimeWarning, stacklevel=3)
            return lambda: None
        before = getattr(module, self.name)
        setattr(module, self.name, self.replacement(before))
        return lambda: setattr(module, self.name, before)

    def _why_void(self) -> str:
        import ray

        return (
            f"Ray {ray.__version__} has no {self.module}.{self.name}, which Ray {RAY_VERSION} had: "
            f"{self.reason}"
        )


CONNECT: Final = (
    Patch(
        "ray._private.utils",
        "set_sigterm_handler",
        lambda before: _keep_handler,
        "ray.init would exit the process on SIGTERM from there on, and rows would not be saved.",
    ),
)
"""In force only while Ray connects: its workers need what it has there."""
TUNE: Final = (
    Patch(
        "ray.air._internal.usage",
        "tag_callbacks",
        lambda before: _tag_nothing,
        "Tune would import MLflow, for a second, to count whether its callback is among ours.",
    ),
    Patch(
        "ray.tune.execution.class_cache",
        "DEFAULT_ENV_VARS",
        lambda before: {},
        "Tune would give workers an environment of their own, and Ray could not take idle ones.",
    ),
    Patch(
        "ray.tune.execution.class_cache",
        "ENV_VARS_TO_PROPAGATE",
        lambda before: set(),
        "Tune would give workers an environment of their own, and Ray could not take idle ones.",
    ),
)
"""In force from the time that workers are needed."""


_in_force: Final[dict[Patch, Callable[[], None]]] = {}
"""Patches that `apply` has made, and what undoes each, the latest last."""


def apply(patches: Sequence[Patch]) -> None:
    """Patch Ray for as long as this process lives, or until `undo`."""
    for patch in patches:
        if patch not in _in_force:
            _in_force[patch] = patch.apply()


def undo() -> None:
    """Give Ray back all that `apply` has patched."""
    while _in_force:
        _, give_back = _in_force.popitem()
        give_back()


@contextmanager
def applied(patches: Sequence[Patch]) -> Iterator[None]:
    """Patch Ray within the block."""
    undo = [patch.apply() for patch in patches]
    try:
        yield
    finally:
        for one in reversed(undo):
            one()


def raylet_pids() -> list[int]:
    """Return the process numbers of the raylets that this process has started."""
    worker = sys.modules.get("ray._private.worker")
    node = getattr(worker, "_global_node", None)
    raylets: list[Any] = node.all_processes.get("raylet", []) if node else []
    return [raylet.process.pid for raylet in raylets]


def _tag_nothing(callbacks: object) -> bool:
    return False


def _keep_handler(handler: object) -> None:
    """Leave SIGTERM as it is."""
