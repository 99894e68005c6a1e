"""SSL4EO-S12 as it is published: a folder per location and granule, a file per band."""

from pathlib import Path

import numpy as np

from terrasweep.infra.seeds import generator
from tests.data import geotiff

PIXEL_M = {"B1": 60, "B9": 60, "B10": 60, "B5": 20, "B6": 20, "B7": 20, "B8A": 20}
PIXEL_M |= {"B11": 20, "B12": 20}
BANDS = {
    "s2c": ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B10", "B11", "B12"),
    "s2a": ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B11", "B12"),
    "s1": ("VV", "VH"),
}
DATES = ("20200214", "20200604", "20200905", "20201120")
NUM, SIZE_PX = 3, 24


def granules(number: int, *, split: str) -> list[str]:
    if split == "s1":
        return [f"S1A_IW_GRDH_1SDV_{date}T010800_{date}T010825_0328_03_{number}" for date in DATES]
    return [f"{date}T054639_{date}T054831_T43R{number}P" for date in DATES]


def place(number: int) -> tuple[float, float]:
    rng = generator("ssl4eo place", number)
    return float(rng.uniform(-50, 60)), float(rng.uniform(-179, 179))


def band(number: int, granule: str, name: str, *, split: str) -> np.ndarray:
    size_px = SIZE_PX * 10 // PIXEL_M.get(name, 10)
    dtype = "float32" if split == "s1" else "uint16"
    return geotiff.image(
        "ssl4eo", split, number, granule, name, bands=1, size_px=size_px, dtype=dtype
    )


def make(folder: Path, *, split: str = "s2c") -> dict[str, object]:
    for number in range(NUM):
        lat, lon = place(number)
        for granule in granules(number, split=split):
            for name in BANDS[split]:
                geotiff.write(
                    folder / split / f"{number:07d}" / granule / f"{name}.tif",
                    band(number, granule, name, split=split),
                    lat=lat,
                    lon=lon,
                    pixel_m=PIXEL_M.get(name, 10),
                )
    return {"path": str(folder), "split": split, "size_px": SIZE_PX}
