"""Parquet and GeoParquet files as a pool: a chunk is a row group, or a slice of a large one.

What is wrong with a file as a whole (a column, a shape) is an error before anything is read; what
is wrong with a row is a reason to reject it.
"""

from functools import lru_cache, partial
from itertools import islice

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from terrasweep.samplers.formats import geotiff
from terrasweep.samplers.formats.parquet import CHUNK, Footers, survey
from terrasweep.samplers.pools.parquet.columns import Array, check, looks, place_column
from terrasweep.samplers.pools.parquet.spec import ParquetSpec
from terrasweep.samplers.sources import image_index, pool_files
from terrasweep.samplers.sources.centroids import middles

LARGEST_GROUP = 65_536  # a slice of a row group costs the reading of all before it

NO_ID = "the row has no id"
NO_VALUE = "a value of an array is missing"
NO_MONTH = "the month is not between 0 and 11"
NO_CLASS = "a land-cover class is not between 0 and 9"
TORN = "the row group cannot be read"
GAP = "a row of the row group lacks a whole array, and pyarrow reads no such group"


def chunks(spec: ParquetSpec) -> int:
    """Return the number of chunks."""
    return len(_footers(spec).chunks)


def count(spec: ParquetSpec) -> int:
    """Return the number of samples, from the footers alone.

    Raises:
        PoolError: If the path, a file, a column or a shape is not what a pool needs.
    """
    return _footers(spec).num_rows


def content(spec: ParquetSpec) -> str:
    """Return a digest that changes when the files do, from the footers alone."""
    return _footers(spec).content


def read(spec: ParquetSpec, chunk: int) -> dict[str, np.ndarray]:
    """Return the columns of one chunk, the sample axis first."""
    at = _footers(spec).chunks[chunk]
    file = pq.ParquetFile(at.path)
    schema = file.schema_arrow
    arrays = [looks(schema.field(name), at.path) for name in spec.arrays]
    point = place_column(schema, at.path)
    optional = [name for name in ("month",) if name in schema.names]
    wanted = ["id", *([point] if point else ["lat", "lon"]), *optional, *spec.arrays]
    name = f"{at.path.name} row group {at.group}"
    first = at.slice * CHUNK
    size = min(CHUNK, file.metadata.row_group(at.group).num_rows - first)
    names = [f"{name} row {row}" for row in range(first, first + size)]
    try:
        batches = file.iter_batches(CHUNK, row_groups=[at.group], columns=wanted)
        (batch,) = islice(batches, at.slice, at.slice + 1)
    except (pa.ArrowException, OSError) as error:
        reason = GAP if "lists to be of size" in str(error) else TORN
        return _torn(names, arrays, reason=reason)
    return _columns(batch, names=names, point=point, arrays=arrays)


@lru_cache(maxsize=16)
def _footers(spec: ParquetSpec) -> Footers:
    root = pool_files.place(spec)
    footers = survey(root, check=partial(check, arrays=spec.arrays), largest=LARGEST_GROUP)
    pool_files.check_content(spec, footers.content)
    return footers


def _torn(names: list[str], arrays: list[Array], *, reason: str) -> dict[str, np.ndarray]:
    part = image_index.columns(image_index.rejected(dict.fromkeys(names, reason)))
    empty = {one.name: np.zeros((len(names), *one.shape), one.dtype) for one in arrays}
    return {**part, **empty}


def _columns(
    batch: pa.RecordBatch, *, names: list[str], point: str, arrays: list[Array]
) -> dict[str, np.ndarray]:
    faults = np.full(batch.num_rows, "", dtype=object)
    ids = np.array(batch.column("id").cast(pa.string()).to_pylist(), dtype=object)
    nameless = np.asarray(batch.column("id").is_null())
    ids[nameless] = np.array(names, dtype=object)[nameless]
    _blame(faults, nameless, NO_ID)
    lat, lon = _places(batch, point)
    month = _month(batch, faults)
    columns = {one.name: _array(batch.column(one.name), one, faults) for one in arrays}
    part = image_index.index(
        {"id": ids, "lat": lat, "lon": lon, "month": month, "rejected": faults}
    )
    return {**image_index.columns(part), **columns}


def _places(batch: pa.RecordBatch, point: str) -> tuple[np.ndarray, np.ndarray]:
    """Return latitudes and longitudes, NaN where a row has none."""
    if not point:
        lat, lon = (batch.column(name).to_numpy(zero_copy_only=False) for name in ("lat", "lon"))
        return lat.astype(np.float64), lon.astype(np.float64)
    shapes = np.array(batch.column(point).to_pylist(), dtype=object)
    return middles(shapely.from_wkb(shapes, on_invalid="ignore"))


def _month(batch: pa.RecordBatch, faults: np.ndarray) -> np.ndarray:
    if "month" not in batch.schema.names:
        return np.full(batch.num_rows, image_index.UNKNOWN_MONTH, dtype=np.uint8)
    month = batch.column("month").fill_null(12).to_numpy(zero_copy_only=False)
    wrong = (month < 0) | (month > 11)
    _blame(faults, wrong, NO_MONTH)
    return np.where(wrong, image_index.UNKNOWN_MONTH, month).astype(np.uint8)


def _array(column: pa.Array, looks: Array, faults: np.ndarray) -> np.ndarray:
    """Return one array of every row, and blame the rows in which it is not whole."""
    values, lacking = _flat(column)
    _blame(faults, lacking, NO_VALUE)
    if looks.name == "dynamic_world":
        _blame(faults, np.any((values < 0) | (values > 9), axis=1), NO_CLASS)
    with np.errstate(over="ignore", invalid="ignore"):
        array = values.astype(looks.dtype)
    if array.dtype.kind == "f":
        _blame(faults, ~np.isfinite(array).all(axis=1), geotiff.NOT_FINITE)
    return array.reshape(len(array), *looks.shape)


def _flat(column: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Return the values of fixed-size lists, a row each, and which rows lack one."""
    num_rows = len(column)
    lists = column.storage if isinstance(column, pa.ExtensionArray) else column
    while pa.types.is_fixed_size_list(lists.type):
        size = lists.type.list_size
        lists = lists.values.slice(lists.offset * size, len(lists) * size)
    lacking = np.any(np.asarray(lists.is_null()).reshape(num_rows, -1), axis=1)
    values = lists.fill_null(0) if lists.null_count else lists
    return values.to_numpy(zero_copy_only=False).reshape(num_rows, -1), lacking


def _blame(faults: np.ndarray, where: np.ndarray, reason: str) -> None:
    """Give rows a reason, unless they have one already."""
    faults[where & np.equal(faults, "")] = reason
