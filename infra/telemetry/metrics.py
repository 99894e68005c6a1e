"""Figures for Prometheus, through the exporter that Ray has on every node.

Anybody may count; where Ray is not up there is nobody to count for, and nothing happens. Ray puts
`ray_` before each name and, in Prometheus, `_total` behind what only grows.
"""

import sys
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any, Final

COUNTERS: Final = {
    "terrasweep_cells_done": "Cells whose row is in the ledger.",
    "terrasweep_cells_failed": "Cells that failed.",
    "terrasweep_steps_done": "Steps that were made.",
    "terrasweep_steps_failed": "Steps that failed.",
    "terrasweep_samples": "Samples that passed a network in pretraining.",
    "terrasweep_bytes": "Bytes that steps left in the store.",
}
GAUGES: Final = {
    "terrasweep_cells_waiting": "Cells that are wanted and neither done nor failed.",
    "terrasweep_mirror_lag": "Rows of the ledger that MLflow does not have yet.",
}
TAGS: Final = ("sweep", "stage")


def count(name: str, amount: float, *, sweep: str = "", stage: str = "") -> None:
    """Count some more of something."""
    session = _session()
    if session is not None and amount > 0:
        _counter(name, session).inc(amount, tags={"sweep": sweep, "stage": stage})


def gauge(name: str, value: float, *, sweep: str = "", stage: str = "") -> None:
    """Say how much of something there is now."""
    session = _session()
    if session is not None:
        _gauge(name, session).set(value, tags={"sweep": sweep, "stage": stage})


def _session() -> str | None:
    """Return which Ray this process is connected to, if it is."""
    ray = sys.modules.get("ray")
    if ray is None or not getattr(ray, "is_initialized", bool)():
        return None
    return str(ray.get_runtime_context().get_job_id())


@cache
def _counter(name: str, session: str) -> Any:
    return _kinds().Counter(name, COUNTERS[name], TAGS)


@cache
def _gauge(name: str, session: str) -> Any:
    return _kinds().Gauge(name, GAUGES[name], TAGS)


def _kinds() -> ModuleType:
    """Return Ray's metrics where Ray is up: rooms that work without Ray never load it for this."""
    return import_module("ray.util.metrics")
