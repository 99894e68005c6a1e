"""S2-100K as it is published: index.csv with lon, lat, fn; patches in images/ or data/*.tar."""

from pathlib import Path

import numpy as np

from terrasweep.infra.seeds import generator
from tests.data import geotiff, webdataset

NUM, SIZE_PX = 25, 32


def patch(number: int) -> np.ndarray:
    return geotiff.image("s2_100k", number, bands=12, size_px=SIZE_PX)


def place(number: int) -> tuple[float, float]:
    rng = generator("s2_100k place", number)
    return float(rng.uniform(-60, 70)), float(rng.uniform(-179, 179))


def make(folder: Path, *, packed: bool = False) -> dict[str, object]:
    lines = ["lon,lat,fn"]
    members = []
    for number in range(NUM):
        lat, lon = place(number)
        lines.append(f"{lon},{lat},patch_{number}.tif")
        name = f"images/patch_{number}.tif"
        members.append((name, geotiff.encoded(patch(number), lat=lat, lon=lon)))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.csv").write_text("\n".join(lines) + "\n")
    if packed:
        webdataset.write(folder / "data" / "shard-000.tar", members[:10])
        webdataset.write(folder / "data" / "shard-001.tar", members[10:])
    else:
        (folder / "images").mkdir()
        for name, data in members:
            (folder / name).write_bytes(data)
    return {"path": str(folder), "min_bytes": 0}
