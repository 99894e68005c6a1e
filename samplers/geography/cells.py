"""H3 cells over whole arrays: the only door to H3.

h3ronpy computes over arrays; where it is not installed, h3-py gives the same cells one by one.
No polygon is ever filled with cells: H3 does that wrongly at the poles and at 180 degrees.
"""

import importlib.util
from collections.abc import Callable, Iterable

import h3.api.numpy_int as h3
import numpy as np

from terrasweep.infra.errors import PoolError

VECTORISED = importlib.util.find_spec("h3ronpy") is not None
"""Whether h3ronpy is there; the cells are the same without it, only slower."""

_RESOLUTION_SHIFT = np.uint64(52)
_RESOLUTION_MASK = ~np.uint64(0xF << 52)
_FINEST = 15
_BITS_PER_DIGIT = 3


def cells_of(lat: np.ndarray, lon: np.ndarray, *, resolution: int) -> np.ndarray:
    """Return the cell (uint64) that holds each point.

    Raises:
        PoolError: If a coordinate is not a finite number of degrees on Earth.
    """
    lat, lon = np.asarray(lat, np.float64), np.asarray(lon, np.float64)
    _check(lat, limit=90, name="latitude")
    _check(lon, limit=180, name="longitude")
    if not VECTORISED:
        return _each(lambda y, x: h3.latlng_to_cell(y, x, resolution), lat, lon)
    from h3ronpy.vector import coordinates_to_cells

    return np.asarray(coordinates_to_cells(lat, lon, resolution), np.uint64)


def resolutions(cells: np.ndarray) -> np.ndarray:
    """Return the resolution of each cell."""
    return ((cells >> _RESOLUTION_SHIFT) & np.uint64(0xF)).astype(np.int64)


def parents(cells: np.ndarray, *, resolution: int) -> np.ndarray:
    """Return the coarser cell that each cell descends from, in the same order.

    A cell number spells its path, three bits a level: the parent is the same path cut short.
    """
    cells = np.asarray(cells, np.uint64)
    if cells.size and int(resolutions(cells).min()) < resolution:
        finest = int(resolutions(cells).min())
        raise ValueError(f"a cell of resolution {finest} has no parent of resolution {resolution}")
    unused = np.uint64((1 << _BITS_PER_DIGIT * (_FINEST - resolution)) - 1)
    level = np.uint64(resolution) << _RESOLUTION_SHIFT
    return np.asarray((cells & _RESOLUTION_MASK) | level | unused, np.uint64)


def disk(cells: np.ndarray, *, rings: int) -> np.ndarray:
    """Return every cell within a number of rings of any of the cells, sorted, each once."""
    cells = np.unique(np.asarray(cells, np.uint64))
    if cells.size == 0 or rings == 0:
        return cells
    if not VECTORISED:
        return np.unique(np.concatenate([h3.grid_disk(cell, rings) for cell in cells]))
    from h3ronpy import grid_disk

    return np.unique(np.asarray(grid_disk(cells, rings, flatten=True), np.uint64))


def centres(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the latitude and the longitude of each cell's centre."""
    points = np.array([h3.cell_to_latlng(cell) for cell in np.asarray(cells, np.uint64)])
    lat, lon = points.reshape(-1, 2).T
    return lat, lon


def boundaries(cells: np.ndarray) -> list[np.ndarray]:
    """Return the corners of each cell as rows of (lat, lon), not closed.

    A cell that crosses 180 degrees keeps its corners on both sides; a map has to split it.
    """
    return [np.array(h3.cell_to_boundary(cell)) for cell in np.asarray(cells, np.uint64)]


def areas_km2(cells: np.ndarray) -> np.ndarray:
    """Return the area of each cell; cells of one resolution differ by a factor of two."""
    cells = np.asarray(cells, np.uint64)
    if not VECTORISED:
        return np.array([h3.cell_area(cell, unit="km^2") for cell in cells], np.float64)
    from h3ronpy import cells_area_km2

    return np.asarray(cells_area_km2(cells), np.float64)


def names(cells: Iterable[int]) -> list[str]:
    """Return each cell in hexadecimal, as H3 prints it."""
    return [f"{int(cell):x}" for cell in cells]


def parse(texts: Iterable[str]) -> np.ndarray:
    """Read cells back from hexadecimal."""
    return np.array([int(text, 16) for text in texts], np.uint64)


def _each(cell_of: Callable[[float, float], int], lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    pairs = zip(lat.tolist(), lon.tolist(), strict=True)
    return np.fromiter((cell_of(y, x) for y, x in pairs), np.uint64, count=lat.size)


def _check(values: np.ndarray, *, limit: float, name: str) -> None:
    wrong = ~(np.abs(values) <= limit)  # a NaN is wrong too
    if wrong.any():
        raise PoolError(
            f"every {name} between -{limit:g} and {limit:g} degrees",
            got=f"{values[wrong][0]} in row {int(np.flatnonzero(wrong)[0]):,}",
            fix="leave such rows out",
        )
