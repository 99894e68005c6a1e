"""fMoW-Sentinel as it is published: train.csv with polygons; 13 bands in patches of any size."""

from pathlib import Path

import numpy as np

from terrasweep.infra.seeds import generator
from tests.data import geotiff

CATEGORIES = ("airport", "crop_field", "zoo")
SIZES_PX = (45, 64, 96, 110)
NUM = 12


def name(number: int) -> tuple[str, int, int]:
    return CATEGORIES[number % 3], number // 6, 100 + number


def patch(number: int) -> np.ndarray:
    size_px = SIZES_PX[number % 4]
    return geotiff.image("fmow", number, bands=13, size_px=size_px, dtype="float32")


def place(number: int) -> tuple[float, float]:
    rng = generator("fmow place", number)
    return float(rng.uniform(-60, 70)), float(rng.uniform(-179, 179))


def make(folder: Path) -> dict[str, object]:
    lines = [",category,location_id,image_id,timestamp,polygon"]
    for number in range(NUM):
        (category, location, image), (lat, lon) = name(number), place(number)
        west, east, south, north = lon - 0.01, lon + 0.01, lat - 0.01, lat + 0.01
        corners = [(west, south), (east, south), (east, north), (west, north), (west, south)]
        ring = ", ".join(f"{x} {y}" for x, y in corners)
        stamp = f"2017-{number % 12 + 1:02d}-15T10:30:00Z"
        lines.append(f'{number},{category},{location},{image},{stamp},"POLYGON (({ring}))"')
        geotiff.write(folder / path(number), patch(number), lat=lat, lon=lon)
    (folder / "train.csv").write_text("\n".join(lines) + "\n")
    return {"path": str(folder)}


def path(number: int) -> str:
    category, location, image = name(number)
    whole = f"{category}_{location}"
    return f"train/{category}/{whole}/{whole}_{image}.tif"
