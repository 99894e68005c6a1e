"""GeoTIFF files as arrays: the only door to rasterio, which is no part of the bare project.

Only the GeoTIFF driver is offered: a file that calls itself .tif and is a recipe for reading
others is not followed.
"""

import importlib.util
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from terrasweep.infra.errors import PoolError
from terrasweep.samplers.formats.faults import RejectedRow

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

MISSING = "the file is missing"
UNREADABLE = "the file cannot be read as GeoTIFF"
NOT_FINITE = "a pixel is not a finite number"
NOWHERE = "the file does not say where it lies"


def check_installed() -> None:
    """Refuse to go on without rasterio.

    Raises:
        PoolError: If the extra `imagery` is not installed.
    """
    if importlib.util.find_spec("rasterio") is None:
        raise PoolError(
            "the package rasterio, to read GeoTIFF files",
            got="no such package",
            fix="run `pip install 'terrasweep[imagery]'`",
        )


def pixels(source: Path | bytes, *, num_bands: int, dtypes: tuple[str, ...]) -> np.ndarray:
    """Return all bands of a GeoTIFF: (bands, height, width), in the type they are stored in.

    Raises:
        RejectedRow: If the file is missing or not whole, or has other bands, types or values.
    """
    with _opened(source) as file:
        return _checked(file, num_bands=num_bands, dtypes=dtypes)


def placed(
    source: Path | bytes, *, num_bands: int, dtypes: tuple[str, ...]
) -> tuple[np.ndarray, float, float]:
    """Return all bands of a GeoTIFF and the latitude and longitude of its middle.

    Raises:
        RejectedRow: As `pixels`, and if the file does not say where it lies.
    """
    with _opened(source) as file:
        lat, lon = _middle(file)
        return _checked(file, num_bands=num_bands, dtypes=dtypes), lat, lon


@contextmanager
def _opened(source: Path | bytes) -> "Iterator[DatasetReader]":
    import rasterio  # local: the extra `imagery` is needed only by pools of images
    from rasterio.errors import NotGeoreferencedWarning, RasterioError
    from rasterio.io import MemoryFile
    from rasterio.session import DummySession

    if isinstance(source, Path) and not source.is_file():
        raise RejectedRow(MISSING)
    if not source:
        raise RejectedRow(UNREADABLE)
    try:
        with warnings.catch_warnings(), ExitStack() as stack:
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            # Given a store's credentials, GDAL would sign in anew for every local file.
            stack.enter_context(rasterio.Env(session=DummySession()))
            if isinstance(source, bytes):
                memory = stack.enter_context(MemoryFile(source))
                yield stack.enter_context(memory.open(driver="GTiff"))
            else:
                yield stack.enter_context(rasterio.open(source, driver="GTiff"))
    except (RasterioError, OSError):
        raise RejectedRow(UNREADABLE) from None


def _checked(file: "DatasetReader", *, num_bands: int, dtypes: tuple[str, ...]) -> np.ndarray:
    if file.count != num_bands:
        raise RejectedRow(f"{file.count} bands instead of {num_bands}")
    strange = sorted(set(file.dtypes) - set(dtypes))
    if strange:
        raise RejectedRow(f"pixels of type {strange[0]} instead of {' or '.join(dtypes)}")
    values = np.asarray(file.read())
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise RejectedRow(NOT_FINITE)
    return values


def _middle(file: "DatasetReader") -> tuple[float, float]:
    from rasterio.warp import transform  # local: as above

    if file.crs is None or file.transform.is_identity:
        raise RejectedRow(NOWHERE)
    grid, right, down = file.transform, file.width / 2, file.height / 2
    east = grid.c + grid.a * right + grid.b * down
    north = grid.f + grid.d * right + grid.e * down
    (lon,), (lat,) = transform(file.crs, "EPSG:4326", [east], [north])[:2]
    return lat, lon


def at(path: Path, *, lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Return the value of a raster's only band at each point; NaN off the raster and without data.

    Raises:
        RejectedRow: If the file is missing or not whole, has several bands, or lies nowhere.
    """
    values = np.full(len(lat), np.nan)
    if path.is_file() and not len(lat):
        return values
    with _opened(path) as file:
        if file.count != 1:
            raise RejectedRow(f"{file.count} bands instead of 1")
        row, col = _pixels(file, lat=lat, lon=lon)
        there = (row >= 0) & (row < file.height) & (col >= 0) & (col < file.width)
        values[there] = _at_pixels(file, row[there], col[there])
        if file.nodata is not None:
            values[values == file.nodata] = np.nan
    return values


def around(path: Path, *, lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Say of each point whether a raster may hold it: whether it lies within its bounds.

    Raises:
        RejectedRow: If the file is missing or not whole, or lies nowhere.
    """
    west, south, east, north = _bounds(path)
    return np.asarray((lon >= west) & (lon <= east) & (lat >= south) & (lat <= north))


@lru_cache(maxsize=8192)
def _bounds(path: Path) -> tuple[float, float, float, float]:
    from rasterio.warp import transform_bounds  # local: as above

    with _opened(path) as file:
        if file.crs is None or file.transform.is_identity:
            raise RejectedRow(NOWHERE)
        west, south, east, north = transform_bounds(file.crs, "EPSG:4326", *file.bounds)
    return (-180.0, south, 180.0, north) if west > east else (west, south, east, north)


def _pixels(
    file: "DatasetReader", *, lat: np.ndarray, lon: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the row and the column that each point lies in, on the raster or off it."""
    from rasterio.warp import transform  # local: as above

    if file.crs is None or file.transform.is_identity:
        raise RejectedRow(NOWHERE)
    east, north = np.asarray(lon, np.float64), np.asarray(lat, np.float64)
    if not file.crs.is_geographic:
        east, north = (np.asarray(one) for one in transform("EPSG:4326", file.crs, east, north))
    into = ~file.transform
    col = into.a * east + into.b * north + into.c
    row = into.d * east + into.e * north + into.f
    edge = np.isclose(col, file.width, rtol=0, atol=1e-9)  # 180 E is in the last column
    col, row = np.where(edge, file.width - 1, col), np.where(row == file.height, row - 1, row)
    far = ~(np.isfinite(col) & np.isfinite(row))
    row, col = np.where(far, -1, np.floor(row)), np.where(far, -1, np.floor(col))
    return row.astype(np.int64), col.astype(np.int64)


def _at_pixels(file: "DatasetReader", row: np.ndarray, col: np.ndarray) -> np.ndarray:
    """Return single pixels, each block of the file read once."""
    from rasterio.windows import Window  # local: as above

    tall, wide = file.block_shapes[0]
    across = -(-file.width // wide)
    block = row // tall * across + col // wide
    order = np.argsort(block, kind="stable")
    values = np.empty(len(row))
    starts = np.flatnonzero(np.diff(block[order], prepend=-1))
    for rows in np.split(order, starts[1:]) if len(order) else ():
        top, left = (int(one) for one in divmod(int(block[rows[0]]), across))
        window = Window(left * wide, top * tall, wide, tall)
        pixels = file.read(1, window=window)
        values[rows] = pixels[row[rows] - top * tall, col[rows] - left * wide]
    return values
