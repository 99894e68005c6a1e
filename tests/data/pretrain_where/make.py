"""pretrain-where: the folders are published, what a shard holds is not; these are three guesses."""

import json
from pathlib import Path

import numpy as np

from terrasweep.infra.seeds import generator
from tests.data import geotiff, webdataset

NUM, SIZE_PX = 6, 16


def image(number: int, *, bands: int = 13) -> np.ndarray:
    return (
        generator("pretrain-where", number)
        .normal(0, 1, (bands, SIZE_PX, SIZE_PX))
        .astype(np.float32)
    )


def place(number: int) -> tuple[float, float]:
    rng = generator("pretrain-where place", number)
    return float(rng.uniform(-30, 30)), float(rng.uniform(-20, 40))


def numpy_and_json(number: int) -> list[tuple[str, bytes]]:
    lat, lon = place(number)
    about = {"lat": lat, "lon": lon, "source": "s2"}
    return [
        (f"{number:06d}.npy", webdataset.npy(image(number))),
        (f"{number:06d}.json", json.dumps(about).encode()),
    ]


def bands_last(number: int) -> list[tuple[str, bytes]]:
    lat, lon = place(number)
    return [
        (f"{number:06d}.image.npy", webdataset.npy(np.moveaxis(image(number), 0, 2))),
        (f"{number:06d}.lonlat.npy", webdataset.npy(np.array([lon, lat]))),
    ]


def raster(number: int) -> list[tuple[str, bytes]]:
    lat, lon = place(number)
    return [(f"{number:06d}.tif", geotiff.encoded(image(number), lat=lat, lon=lon))]


GUESSES = {"npy and json": numpy_and_json, "bands last": bands_last, "GeoTIFF": raster}


def make(folder: Path, *, guess: str = "npy and json") -> dict[str, object]:
    for shard in range(2):
        numbers = range(shard * NUM // 2, (shard + 1) * NUM // 2)
        members = [member for number in numbers for member in GUESSES[guess](number)]
        webdataset.write(folder / "af" / "train_shards" / f"shard-{shard:05d}.tar", members)
    return {"path": str(folder), "region": "af", "size_px": SIZE_PX}
