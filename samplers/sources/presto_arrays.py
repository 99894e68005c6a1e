"""A folder of arrays as Presto's authors publish their small tasks: one file per column.

`s1_s2_era5_srtm.npy` (samples, 12, 18) in raw units, `latlon.npy`, `month.npy` (samples, 12),
`dynamic_world.npy` (samples, 12), `target.npy` and `is_test.npy`; perhaps `uid.npy`.
"""

from pathlib import Path

import numpy as np

from terrasweep.samplers.formats import faults
from terrasweep.samplers.sources import task_files
from terrasweep.samplers.spec.tasks import FiledTaskSpec

X = "s1_s2_era5_srtm"
SHAPES: dict[str, tuple[int, ...]] = {
    X: (12, 18),
    "latlon": (2,),
    "month": (12,),
    "dynamic_world": (12,),
    "target": (),
    "is_test": (),
}
HOLDS = "s1_s2_era5_srtm.npy, latlon.npy, month.npy, dynamic_world.npy, target.npy and is_test.npy"
GET = "the files are in the repository nasaharvest/presto, data/"


def read(spec: FiledTaskSpec) -> dict[str, np.ndarray]:
    """Return the labelled series.

    Raises:
        TaskError: If a file is missing, cut short, or has another shape.
    """
    needs = [f"{name}.npy" for name in SHAPES]
    root = task_files.folder(spec, holds=HOLDS, get=GET, needs=needs)
    arrays = {name: _array(root / f"{name}.npy") for name in SHAPES}
    number = len(arrays[X])
    for name, shape in SHAPES.items():
        if arrays[name].shape != (number, *shape):
            expected = f"an array of shape {(number, *shape)}"
            got = f"one of shape {arrays[name].shape}"
            raise faults.malformed(root / f"{name}.npy", expected=expected, got=got)
    if (root / "uid.npy").is_file():
        ids = [f"{name}-{at}" for at, name in enumerate(_array(root / "uid.npy"))]
    else:
        ids = [f"{spec.name}-{at}" for at in range(number)]
    return task_files.columns(
        spec,
        ids=ids,
        lat=arrays["latlon"][:, 0],
        lon=arrays["latlon"][:, 1],
        label=arrays["target"].astype(np.float64),
        month=arrays["month"][:, 0],
        x=arrays[X].astype(np.float32),
        dynamic_world=arrays["dynamic_world"].astype(np.uint8),
        split=np.where(arrays["is_test"].astype(bool), "test", "train"),
    )


def _array(path: Path) -> np.ndarray:
    try:
        return np.asarray(np.load(path, allow_pickle=False))
    except (ValueError, EOFError, OSError) as error:
        got = " ".join(str(error).split())
        raise faults.malformed(path, expected="an array of numbers", got=got) from None
