"""GEO-Bench v1: an HDF5 file per sample, bands by name and date, the rest in a pickle as text."""

import json
import pickle
import sys
from pathlib import Path
from types import ModuleType

import h5py
import numpy as np

from terrasweep.infra.seeds import generator

NUM = 24
NAMES = ("Forest", "River", "Highway")
BANDS = (
    *("01 - Coastal aerosol", "02 - Blue", "03 - Green", "04 - Red", "05 - Vegetation Red Edge"),
    *("06 - Vegetation Red Edge", "07 - Vegetation Red Edge", "08 - NIR"),
    *("08A - Vegetation Red Edge", "09 - Water vapour", "10 - SWIR - Cirrus", "11 - SWIR"),
    "12 - SWIR",
)


class Sentinel2:
    """What geobench calls a band; it is known by its module's name."""

    def __init__(self, name: str) -> None:
        self.name, self.alt_names, self.wavelength = name, (name[:2],), 0.5


def make(folder: Path, *, placed: bool = True) -> dict[str, object]:
    rng = generator("geobench", "made")
    parts: dict[str, list[str]] = {"train": [], "valid": [], "test": []}
    for number in range(NUM):
        name = f"id_{number:04d}"
        parts[("train", "valid", "test")[number % 3]].append(name)
        with h5py.File(folder / f"{name}.hdf5", "w") as file:
            for at in rng.permutation(len(BANDS)):  # their order in a file means nothing
                values = np.full((16, 16), 100 * at + number, np.int16)
                file[f"{BANDS[at]}_2018-06-01"] = values
            file.attrs["pickle"] = pickled(number, placed=placed)
    (folder / "default_partition.json").write_text(json.dumps(parts))
    (folder / "label_map.json").write_text(json.dumps({name: [] for name in NAMES}))
    return {"path": str(folder), "dataset": "m-eurosat"}


def pickled(number: int, *, placed: bool) -> str:
    """Return what is known of a sample as the files keep it: the text of a pickle's bytes."""
    where = {"transform": (10.0, 0.0, 500_000.0 + 9000 * number, 0.0, -10.0, 5_000_000.0)}
    about: dict[str, object] = {
        f"{band}_2018-06-01": {
            "date": None,
            "spatial_resolution": 10,
            "band_info": Sentinel2(band),
            **({**where, "crs": "EPSG:32633"} if placed else {}),
        }
        for band in BANDS
    }
    return str(_as_geobench({**about, "label": number % 3, "bands_order": list(BANDS)}))


def _as_geobench(about: dict[str, object]) -> bytes:
    """Pickle as if the bands' class stood in geobench.io.dataset."""
    module = ModuleType("geobench.io.dataset")
    module.Sentinel2 = Sentinel2  # type: ignore[attr-defined]
    parents = {name: ModuleType(name) for name in ("geobench", "geobench.io")}
    before, Sentinel2.__module__ = Sentinel2.__module__, "geobench.io.dataset"
    sys.modules.update({**parents, "geobench.io.dataset": module})
    try:
        return pickle.dumps(about)
    finally:
        Sentinel2.__module__ = before
        for name in (*parents, "geobench.io.dataset"):
            del sys.modules[name]
