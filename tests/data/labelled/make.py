"""A user's own labelled file: words for classes, a series per sample, an official split."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from terrasweep.infra.seeds import generator
from terrasweep.samplers.formats.arrays import to_table

NUM = 90


def columns() -> dict[str, np.ndarray]:
    rng = generator("labelled", "made")
    return {
        "id": np.array([f"field-{number}" for number in range(NUM)]),
        "lat": rng.uniform(-30, 60, NUM),
        "lon": rng.uniform(10, 40, NUM),
        "crop": np.array(["wheat", "maize", "none"])[rng.integers(3, size=NUM)],
        "month": rng.integers(12, size=NUM),
        "x": rng.normal(size=(NUM, 12, 18)).astype(np.float32),
        "dynamic_world": rng.integers(10, size=(NUM, 12)).astype(np.uint8),
        "part": np.array(["train", "test"])[rng.integers(2, size=NUM)],
    }


def make(folder: Path) -> dict[str, object]:
    pq.write_table(to_table(columns()), folder / "fields.parquet")
    arrays = ["x", "dynamic_world"]
    return {
        "path": str(folder / "fields.parquet"),
        "label": "crop",
        "arrays": arrays,
        "split": "part",
    }
