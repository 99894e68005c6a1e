"""GeoTIFF files as arrays: the only door to rasterio, which is no part of the bare project.

Only the GeoTIFF driver is offered: a file that calls itself .tif and is a recipe for reading
others is not followed.
"""

import importlib.util
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from infra.errors import PoolError
from samplers.rows import Unfit

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
            "wanted rasterio, to read GeoTIFF files",
            found="that it is not installed",
            do="pip install 'terrasweep[imagery]'",
        )


def pixels(source: Path | bytes, *, num_bands: int, dtypes: tuple[str, ...]) -> np.ndarray:
    """Return all bands of a GeoTIFF: (bands, height, width), in the type they are stored in.

    Raises:
        Unfit: If the file is missing or not whole, or has other bands, types or values.
    """
    with _opened(source) as file:
        return _checked(file, num_bands=num_bands, dtypes=dtypes)


def placed(
    source: Path | bytes, *, num_bands: int, dtypes: tuple[str, ...]
) -> tuple[np.ndarray, float, float]:
    """Return all bands of a GeoTIFF and the latitude and longitude of its middle.

    Raises:
        Unfit: As `pixels`, and if the file does not say where it lies.
    """
    with _opened(source) as file:
        lat, lon = _middle(file)
        return _checked(file, num_bands=num_bands, dtypes=dtypes), lat, lon


@contextmanager
def _opened(source: Path | bytes) -> "Iterator[DatasetReader]":
    import rasterio  # local: the extra `imagery` is needed only by pools of images
    from rasterio.errors import NotGeoreferencedWarning, RasterioError
    from rasterio.io import MemoryFile

    if isinstance(source, Path) and not source.is_file():
        raise Unfit(MISSING)
    if not source:
        raise Unfit(UNREADABLE)
    try:
        with warnings.catch_warnings(), ExitStack() as stack:
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            if isinstance(source, bytes):
                memory = stack.enter_context(MemoryFile(source))
                yield stack.enter_context(memory.open(driver="GTiff"))
            else:
                yield stack.enter_context(rasterio.open(source, driver="GTiff"))
    except (RasterioError, OSError):
        raise Unfit(UNREADABLE) from None


def _checked(file: "DatasetReader", *, num_bands: int, dtypes: tuple[str, ...]) -> np.ndarray:
    if file.count != num_bands:
        raise Unfit(f"{file.count} bands instead of {num_bands}")
    strange = sorted(set(file.dtypes) - set(dtypes))
    if strange:
        raise Unfit(f"pixels of type {strange[0]} instead of {' or '.join(dtypes)}")
    values = np.asarray(file.read())
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise Unfit(NOT_FINITE)
    return values


def _middle(file: "DatasetReader") -> tuple[float, float]:
    from rasterio.warp import transform  # local: as above

    if file.crs is None or file.transform.is_identity:
        raise Unfit(NOWHERE)
    grid, right, down = file.transform, file.width / 2, file.height / 2
    east = grid.c + grid.a * right + grid.b * down
    north = grid.f + grid.d * right + grid.e * down
    (lon,), (lat,) = transform(file.crs, "EPSG:4326", [east], [north])[:2]
    return lat, lon
