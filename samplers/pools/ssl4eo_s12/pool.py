"""SSL4EO-S12: the locations of a split in order, and the granules of each, band by band.

A chunk is a number of locations: only their folders are listed, a quarter of a million of them.
"""

import re
from functools import lru_cache
from pathlib import Path

import numpy as np

from terrasweep.samplers.formats import faults, geotiff
from terrasweep.samplers.formats.user_files import digest_of_parts
from terrasweep.samplers.pools.ssl4eo_s12.spec import Ssl4eoS12Spec
from terrasweep.samplers.sources import image_index, pool_files

L1C = ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B10", "B11", "B12")
BANDS = {"s2c": L1C, "s2a": tuple(band for band in L1C if band != "B10"), "s1": ("VV", "VH")}
DTYPES = {"s2c": "uint16", "s2a": "uint16", "s1": "float32"}
REFERENCE = {"s2c": "B2", "s2a": "B2", "s1": "VV"}
SEASONS = 4
GET = "the dataset is wangyi111/SSL4EO-S12 on Hugging Face; unpack its archives first"
EMPTY = "the location has no granule"

_STAMP = re.compile(r"(?:^|_)(\d{8})T\d{6}")


def chunks(spec: Ssl4eoS12Spec) -> int:
    """Return the number of chunks."""
    return -(-len(_locations(spec)) // _per_chunk(spec))


def count(spec: Ssl4eoS12Spec) -> int:
    """Return the number of granules; every location's folder is listed for it."""
    home = pool_files.place(spec) / spec.split
    return sum(len(_granules(home / name)) for name in _locations(spec))


def content(spec: Ssl4eoS12Spec) -> str:
    """Return a digest of the names of the locations; what lies in them is not looked at."""
    return digest_of_parts(_locations(spec))


def read(spec: Ssl4eoS12Spec, chunk: int) -> dict[str, np.ndarray]:
    """Return the columns of one chunk.

    Raises:
        PoolError: If the folder does not hold the pool, or rasterio is not installed.
    """
    home, patch = pool_files.place(spec) / spec.split, _patch(spec)
    start = range(0, len(_locations(spec)), _per_chunk(spec))[chunk]
    locations = _locations(spec)[start : start + _per_chunk(spec)]
    granules = [(at, name) for at in locations for name in _granules(home / at) or [""]]
    names = [f"{at}/{name}" if name else at for at, name in granules]
    where = np.full(len(names), np.nan)  # each file says where it lies
    part = image_index.index(
        {
            "id": names,
            "lat": where,
            "lon": where,
            "month": image_index.months([_date(name) for _, name in granules]),
            "file": names,
            "rejected": ["" if name else EMPTY for _, name in granules],
        }
    )
    return image_index.gather(part, patch=patch, load=lambda name: _seen(home / name, spec=spec))


def _seen(granule: Path, *, spec: Ssl4eoS12Spec) -> image_index.LoadedImage:
    """Return a granule's bands on the grid of its 10 m band.

    Raises:
        RejectedRow: If a band is missing, unreadable, or of a size that does not fit the grid.
    """
    accepts, bands = (DTYPES[spec.split],), BANDS[spec.split]
    lacking = [band for band in bands if not (granule / f"{band}.tif").is_file()]
    if lacking:
        raise faults.RejectedRow(f"band {lacking[0]} is missing")
    reference = granule / f"{REFERENCE[spec.split]}.tif"
    grid, lat, lon = geotiff.placed(reference, num_bands=1, dtypes=accepts)
    image = np.empty((len(bands), *grid.shape[1:]), dtype=grid.dtype)
    for place, band in enumerate(bands):
        values = geotiff.pixels(granule / f"{band}.tif", num_bands=1, dtypes=accepts)
        image[place] = _on_grid(values[0], grid, band)
    return image_index.LoadedImage(image, lat, lon)


def _on_grid(values: np.ndarray, grid: np.ndarray, band: str) -> np.ndarray:
    tall, wide = (have / own for have, own in zip(grid.shape[1:], values.shape, strict=True))
    if tall != wide or tall != int(tall):
        size = " x ".join(map(str, values.shape))
        raise faults.RejectedRow(f"band {band} of {size} pixels does not fit the grid of 10 m")
    return values.repeat(int(tall), axis=0).repeat(int(tall), axis=1)


def _patch(spec: Ssl4eoS12Spec) -> image_index.Patch:
    bands = len(BANDS[spec.split])
    return image_index.Patch(num_bands=bands, size_px=spec.size_px, dtype=DTYPES[spec.split])


def _per_chunk(spec: Ssl4eoS12Spec) -> int:
    return max(1, _patch(spec).per_chunk // SEASONS)


@lru_cache(maxsize=4)
def _locations(spec: Ssl4eoS12Spec) -> tuple[str, ...]:
    geotiff.check_installed()
    holds = f"{spec.split}/<location>/<granule>/<band>.tif (SSL4EO-S12)"
    root = pool_files.folder(spec, holds=holds, get=GET)
    home = root / spec.split
    names = sorted(item.name for item in home.iterdir() if item.is_dir()) if home.is_dir() else []
    if not names:
        raise pool_files.missing(root, holds=holds, get=GET)
    pool_files.check_content(spec, digest_of_parts(names))
    return tuple(names)


def _granules(location: Path) -> list[str]:
    return sorted(item.name for item in location.iterdir() if item.is_dir())


def _date(granule: str) -> str:
    match = _STAMP.search(granule)
    return match[1] if match else ""
