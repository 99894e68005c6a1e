"""GeoTIFF files as the published sets have them: LZW, tiled, with a place on Earth."""

import warnings
from pathlib import Path

import numpy as np
from affine import Affine
from rasterio import Env
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile
from rasterio.session import DummySession

from terrasweep.infra.seeds import generator

METRE = 1 / 111_320


def image(*words: str | int, bands: int, size_px: int, dtype: str = "uint16") -> np.ndarray:
    """Reflectances that follow from the words alone."""
    rng = generator("test image", *words)
    return rng.integers(1, 10_000, (bands, size_px, size_px)).astype(dtype)


def write(path: Path, values: np.ndarray, *, lat: float, lon: float, pixel_m: float = 10) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(values, lat=lat, lon=lon, pixel_m=pixel_m))


def encoded(
    values: np.ndarray,
    *,
    lat: float | None = None,
    lon: float | None = None,
    pixel_m: float = 10,
) -> bytes:
    """The bytes of a GeoTIFF whose middle lies at a place, or nowhere."""
    bands, tall, wide = values.shape
    profile = {"driver": "GTiff", "dtype": values.dtype, "count": bands, "compress": "lzw"}
    if lat is not None and lon is not None:
        step = pixel_m * METRE
        west, north = lon - step * wide / 2, lat + step * tall / 2
        profile |= {"crs": "EPSG:4326", "transform": Affine(step, 0, west, 0, -step, north)}
    with warnings.catch_warnings(), Env(session=DummySession()), MemoryFile() as memory:
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with memory.open(width=wide, height=tall, **profile) as file:
            file.write(values)
        return bytes(memory.read())


def cut(path: Path) -> None:
    """Leave the first two thirds of a file."""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
