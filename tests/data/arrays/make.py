"""Presto's small tasks: a NumPy file per column, twelve months of 18 bands in raw units."""

from pathlib import Path

import numpy as np

from terrasweep.infra.seeds import generator

NUM = 60


def make(folder: Path) -> dict[str, object]:
    rng = generator("presto arrays", "made")
    first = rng.integers(12, size=NUM)
    arrays = {
        "s1_s2_era5_srtm": rng.normal(1000, 300, (NUM, 12, 18)),
        "latlon": np.stack([rng.uniform(30, 45, NUM), rng.uniform(-120, -75, NUM)], axis=1),
        "month": (first[:, None] + np.arange(12)) % 12,
        "dynamic_world": rng.integers(10, size=(NUM, 12)).astype(np.uint8),
        "target": rng.integers(1, 6, NUM),
        "is_test": (rng.random(NUM) < 0.3).astype(np.int64),
        "uid": np.array([f"u{number:03d}" for number in range(NUM)]),
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return {"path": str(folder)}
