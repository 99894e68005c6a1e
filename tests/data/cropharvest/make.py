"""CropHarvest 0.7: labels.geojson, a series per label that has one, and a test set."""

import json
from pathlib import Path

import h5py
import numpy as np

from terrasweep.infra.seeds import generator

NUM = 80
KINDS = (None, "cereals", "sugar", "other")


def make(folder: Path) -> dict[str, object]:
    rng = generator("cropharvest", "made")
    (folder / "features" / "arrays").mkdir(parents=True)
    (folder / "test_features").mkdir()
    features = []
    for number in range(NUM):
        lat, lon = float(rng.uniform(-30, 60)), float(rng.uniform(10, 40))
        crop = int(rng.random() < 0.5)
        line = {
            **{"index": number, "dataset": "togo", "lat": lat, "lon": lon, "is_crop": crop},
            "classification_label": KINDS[number % 4] if crop else None,
            **{"is_test": number % 5 == 0, "label": None, "export_end_date": "2020-02-01"},
        }
        point = {"type": "Point", "coordinates": [lon, lat]}
        features.append({"type": "Feature", "properties": line, "geometry": point})
        if number % 8 != 7:  # some labels have no series
            _series(folder / "features" / "arrays" / f"{number}_togo.h5", line, rng)
    whole = {"type": "FeatureCollection", "features": features}
    (folder / "labels.geojson").write_text(json.dumps(whole))
    with h5py.File(folder / "test_features" / "togo-eval.h5", "w") as file:
        file["x"] = rng.normal(1000, 300, (30, 12, 18))
        file["y"] = rng.integers(-1, 2, 30)
        file["lats"], file["lons"] = rng.uniform(6, 11, 30), rng.uniform(0, 1.5, 30)
    return {"path": str(folder), "test_sets": ["togo-eval"]}


def _series(path: Path, line: dict[str, object], rng: np.random.Generator) -> None:
    with h5py.File(path, "w") as file:
        file["array"] = rng.normal(1000, 300, (12, 18))
        file.attrs["is_crop"] = line["is_crop"]
