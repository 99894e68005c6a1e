"""Leakage where a draw and a task meet: for the card of a guarded draw, and beside features.

A draw without a guard does not need the tasks, so its card cannot tell of them; the features of a
pretrained checkpoint need both, and so the figures lie there, whether or not there was a guard.
"""

import json
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.parquet as pq

from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Key, Step
from terrasweep.infra.storage.store import Store
from terrasweep.samplers.audit.leakage import leakage

FILE: Final = "leakage.json"


def of_places(lat: np.ndarray, lon: np.ndarray, *, task: Key, store: Store) -> dict[str, float]:
    """Return the share of a task's samples that have one of these places within each radius."""
    places = pq.read_table(store.folder(task) / "task.parquet", columns=["lat", "lon"])
    test_lat, test_lon = (np.asarray(places.column(name)) for name in ("lat", "lon"))
    return leakage(lat, lon, test_lat=test_lat, test_lon=test_lon)


def of_draw(sample: Key, *, task: Key, store: Store) -> dict[str, float]:
    """Return the leakage between a finished draw and a finished task."""
    manifest = pq.read_table(store.folder(sample) / "manifest.parquet", columns=["lat", "lon"])
    lat, lon = (np.asarray(manifest.column(name)) for name in ("lat", "lon"))
    return of_places(lat, lon, task=task, store=store)


def write(step: Step[Spec], *, store: Store, folder: Path) -> None:
    """Write the leakage beside features; those of a bare initialisation have none.

    Nor have those of a checkpoint whose draw is no longer in the store.
    """
    checkpoint = step.needs[0]
    samples = [need for need in checkpoint.needs if need.stage == "sample"]
    for sample in samples:
        if store.has(sample.key):
            shares = of_draw(sample.key, task=step.need("task").key, store=store)
            (folder / FILE).write_text(json.dumps(shares, indent=1))
