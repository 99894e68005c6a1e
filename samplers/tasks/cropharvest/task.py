"""CropHarvest: labels in one GeoJSON, a monthly series per label in a file of its own.

Labels without a series are left out, as its authors' loader does. A series begins in February.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from terrasweep.samplers.formats import faults, hdf5
from terrasweep.samplers.sources import task_files
from terrasweep.samplers.tasks.cropharvest.spec import CropHarvestSpec

GET = "CropHarvest 0.7 is at https://zenodo.org/records/10251170"
HOLDS = "labels.geojson and features/arrays/*.h5 (CropHarvest)"
CLASSES = (
    *("non_crop", "cereals", "vegetables_melons", "fruits_nuts", "oilseeds", "root_tuber"),
    *("beverage_spice", "leguminous", "sugar", "other"),
)
SHAPE = (12, 18)
FEBRUARY, MISSING = 1, 9

Line = Mapping[str, Any]


def classes(spec: CropHarvestSpec) -> tuple[str, ...]:
    """Return the names of the classes, in order of their labels."""
    return ("not crop", "crop") if spec.label == "crop" else CLASSES


def read(spec: CropHarvestSpec) -> dict[str, np.ndarray]:
    """Return the labelled series, those of the test sets last.

    Raises:
        TaskError: If the folder is incomplete or a file holds something else.
    """
    hdf5.check_installed()
    root = task_files.folder(
        spec, holds=HOLDS, get=GET, needs=["labels.geojson", "features/arrays"]
    )
    lines = [line for line in _lines(root) if _label(line, spec) is not None]
    lines = [line for line in lines if _file(root, line).is_file()]
    if not lines:
        got = "no label with a series beside it"
        raise task_files.incomplete(root, holds=HOLDS, get=GET, got=got)
    series = np.stack([_series(_file(root, line)) for line in lines])
    covers = np.stack([_dynamic_world(root, line) for line in lines])
    own = {
        "id": np.array([_name(line) for line in lines]),
        "lat": np.array([line["lat"] for line in lines], np.float64),
        "lon": np.array([line["lon"] for line in lines], np.float64),
        "label": np.array([_label(line, spec) for line in lines], np.int64),
        "x": series,
        "dynamic_world": covers,
        "split": np.array(["test" if line.get("is_test") else "train" for line in lines]),
    }
    parts = [own, *(_test_set(path) for path in _test_files(root, spec))]
    whole = {name: np.concatenate([part[name] for part in parts]) for name in own}
    month = np.full(len(whole["id"]), FEBRUARY)
    return task_files.columns(spec, ids=whole.pop("id"), month=month, **_known(whole, root))


def _known(whole: dict[str, np.ndarray], root: Path) -> dict[str, np.ndarray]:
    bad = ~np.isfinite(whole["x"]).all(axis=(1, 2))
    if bad.any():
        got = f"{int(bad.sum())} series with values that are none"
        raise faults.malformed(root / "features", expected="numbers in every series", got=got)
    return whole


def _lines(root: Path) -> list[Line]:
    path = root / "labels.geojson"
    try:
        features = json.loads(path.read_text(encoding="utf-8"))["features"]
        return [feature["properties"] for feature in features]
    except (ValueError, KeyError, TypeError) as error:
        got = f"{type(error).__name__}: {error}"
        raise faults.malformed(path, expected="a GeoJSON of points", got=got) from None


def _label(line: Line, spec: CropHarvestSpec) -> int | None:
    """Return a line's label, or none where it has none that is asked for."""
    if spec.label == "crop":
        return None if line.get("is_crop") is None else int(bool(line["is_crop"]))
    name = line.get("classification_label") or ("non_crop" if line.get("is_crop") == 0 else None)
    return CLASSES.index(name) if name in CLASSES else None


def _name(line: Line) -> str:
    return f"{line['index']}_{line['dataset']}"


def _file(root: Path, line: Line) -> Path:
    return root / "features" / "arrays" / f"{_name(line)}.h5"


def _series(path: Path) -> np.ndarray:
    with hdf5.opened(path) as file:
        values = np.asarray(file["array"], dtype=np.float32)
    if values.shape != SHAPE:
        raise faults.malformed(path, expected="12 months of 18 bands", got=f"{values.shape}")
    return values


def _dynamic_world(root: Path, line: Line) -> np.ndarray:
    """Return the land cover that Presto's authors add, or that there is none."""
    path = root / "features" / "dynamic_world_arrays" / f"{_name(line)}.npy"
    if not path.is_file():
        return np.full(SHAPE[0], MISSING, np.uint8)
    values = np.load(path, allow_pickle=False)
    if values.shape != SHAPE[:1]:
        raise faults.malformed(path, expected="12 months", got=f"{values.shape}")
    return np.asarray(values, np.uint8)


def _test_files(root: Path, spec: CropHarvestSpec) -> Sequence[Path]:
    if spec.label != "crop":
        return []
    paths: list[Path] = []
    for name in spec.test_sets:
        own = sorted((root / "test_features").glob(f"{name}*.h5"))
        if not own:
            holds = f"test_features/{name}*.h5 (CropHarvest)"
            raise task_files.incomplete(root, holds=holds, get=GET)
        paths += own
    return paths


def _test_set(path: Path) -> dict[str, np.ndarray]:
    with hdf5.opened(path) as file:
        x, y, lat, lon = (np.asarray(file[name]) for name in ("x", "y", "lats", "lons"))
    known = y >= 0
    if x.shape[1:] != SHAPE:
        raise faults.malformed(path, expected="12 months of 18 bands", got=f"{x.shape[1:]}")
    number = int(known.sum())
    return {
        "id": np.array([f"{path.stem}-{at}" for at in np.flatnonzero(known)]),
        "lat": lat[known].astype(np.float64),
        "lon": lon[known].astype(np.float64),
        "label": y[known].astype(np.int64),
        "x": x[known].astype(np.float32),
        "dynamic_world": np.full((number, SHAPE[0]), MISSING, np.uint8),
        "split": np.full(number, "test"),
    }
