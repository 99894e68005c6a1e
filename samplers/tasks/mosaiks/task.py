"""MOSAIKS: labels by longitude and latitude; what has no number is left out, as its authors do."""

from pathlib import Path

import numpy as np
import pandas as pd

from terrasweep.samplers.formats import faults
from terrasweep.samplers.sources import task_files
from terrasweep.samplers.tasks.mosaiks.spec import MosaiksSpec

GET = "the labels are in Code Ocean capsule 10.24433/CO.8021636.v2"
LOGGED = ("population",)


def classes(spec: MosaiksSpec) -> None:
    """Return nothing: the label is a number."""


def read(spec: MosaiksSpec) -> dict[str, np.ndarray]:
    """Return the labelled points.

    Raises:
        TaskError: If the file is missing or holds something else.
    """
    path = _file(spec)
    table = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    value = next((name for name in (spec.label, "labels") if name in table), None)
    if value is None or not {"lon", "lat"} <= set(table.columns):
        got = f"the columns {', '.join(map(str, table.columns))}"
        raise faults.malformed(path, expected=f"lon, lat and {spec.label}", got=got)
    label = pd.to_numeric(table[value], errors="coerce").to_numpy(dtype=np.float64)
    known = np.isfinite(label)
    kept = table[known]
    lat, lon = (kept[name].to_numpy(dtype=np.float64) for name in ("lat", "lon"))
    ids = kept["ID"].to_numpy() if "ID" in kept else kept.index.to_numpy()
    return task_files.columns(
        spec, ids=ids, lat=lat, lon=lon, label=_learnt(label[known], spec, path)
    )


def _learnt(label: np.ndarray, spec: MosaiksSpec, path: Path) -> np.ndarray:
    logged = spec.log == "log1p" or (spec.log == "as published" and spec.label in LOGGED)
    if not logged:
        return label
    if label.size and label.min() <= -1:
        raise faults.malformed(path, expected=f"{spec.label} above -1", got=f"{label.min():g}")
    return np.asarray(np.log1p(label))


def _file(spec: MosaiksSpec) -> Path:
    holds = f"outcomes_sampled_{spec.label}_*.csv or {spec.label}.parquet (MOSAIKS)"
    root = task_files.folder(spec, holds=holds, get=GET)
    paths = [
        *sorted(root.glob(f"outcomes_sampled_{spec.label}_*.csv")),
        *(path for path in [root / f"{spec.label}.parquet"] if path.is_file()),
    ]
    if not paths:
        raise task_files.incomplete(root, holds=holds, get=GET)
    return paths[0]
