"""A user's own labelled samples, read from one Parquet or GeoParquet file."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from terrasweep.infra.errors import PoolError
from terrasweep.samplers.formats import faults
from terrasweep.samplers.formats.arrays import to_arrays
from terrasweep.samplers.pools.parquet.columns import looks, place_column
from terrasweep.samplers.sources import task_files
from terrasweep.samplers.sources.centroids import middles
from terrasweep.samplers.tasks.labelled.spec import LabelledSpec

HOLDS = "a Parquet or GeoParquet file of labelled samples"
GET = "docs/tasks.md says which columns it has"


def classes(spec: LabelledSpec) -> tuple[str, ...] | None:
    """Return the labels that occur, in order; the names of the columns of lists; or none."""
    if spec.asks == "number":
        return None
    table, path = _table(spec)
    if spec.asks == "labels":
        return tuple(f"label {at}" for at in range(_several(table, spec, path).shape[1]))
    return tuple(str(one) for one in np.unique(_words(table, spec, path)))


def read(spec: LabelledSpec) -> dict[str, np.ndarray]:
    """Return the labelled samples.

    Raises:
        TaskError: If the file is missing, or a column is or holds what it may not.
    """
    table, path = _table(spec)
    lat, lon = _places(table, path)
    month = _column(table, "month", path) if "month" in table.column_names else None
    arrays = {name: _array(table, name, path) for name in spec.arrays}
    official = {} if spec.split is None else {"split": _column(table, spec.split, path).astype(str)}
    return task_files.columns(
        spec,
        ids=_column(table, "id", path),
        lat=lat,
        lon=lon,
        label=_labels(table, spec, path),
        month=month,
        **arrays,
        **official,
    )


@lru_cache(maxsize=1)
def _table(spec: LabelledSpec) -> tuple[pa.Table, Path]:
    path = task_files.file(spec, holds=HOLDS, get=GET)
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        got = " ".join(str(error).split())
        raise faults.malformed(path, expected="a Parquet file", got=got) from None
    wanted = ["id", spec.label, *spec.arrays, *([spec.split] if spec.split else [])]
    lacking = [name for name in wanted if name not in table.column_names]
    if lacking:
        there = ", ".join(table.column_names)
        got = f"no {', '.join(lacking)} among {there}"
        raise faults.malformed(path, expected=f"the columns {', '.join(wanted)}", got=got)
    return table, path


def _labels(table: pa.Table, spec: LabelledSpec, path: Path) -> np.ndarray:
    if spec.asks == "number":
        values = _column(table, spec.label, path)
        if values.dtype.kind not in "if":
            raise faults.malformed(path, expected=f"numbers in {spec.label}", got="words")
        return values.astype(np.float64)
    if spec.asks == "labels":
        return _several(table, spec, path)
    _, label = np.unique(_words(table, spec, path), return_inverse=True)
    return label.astype(np.int64)


def _words(table: pa.Table, spec: LabelledSpec, path: Path) -> np.ndarray:
    values = _column(table, spec.label, path)
    if values.dtype.kind == "f":
        expected = f"words or whole numbers in {spec.label}"
        raise faults.malformed(path, expected=expected, got="fractions; write `asks: number`")
    return values if values.dtype.kind in "iu" else values.astype(str)


def _several(table: pa.Table, spec: LabelledSpec, path: Path) -> np.ndarray:
    values = _array(table, spec.label, path)
    if values.ndim != 2 or not np.isin(values, (0, 1)).all():
        expected = f"lists of zeros and ones in {spec.label}"
        raise faults.malformed(path, expected=expected, got="other values")
    return values.astype(np.int64)


def _places(table: pa.Table, path: Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        point = place_column(table.schema, path)
    except PoolError as error:
        raise faults.malformed(path, expected="places", got=error.got) from None
    if point:
        return middles(shapely.from_wkb(np.array(table.column(point).to_pylist(), dtype=object)))
    lacking = [name for name in ("lat", "lon") if name not in table.column_names]
    if lacking:
        raise faults.malformed(path, expected="lat and lon, or a geometry", got="neither")
    return _column(table, "lat", path), _column(table, "lon", path)


def _column(table: pa.Table, name: str, path: Path) -> np.ndarray:
    column = table.column(name)
    if column.null_count:
        first = column.is_null().to_pylist().index(True)
        got = f"{column.null_count:,} without, the first in row {first + 1:,}"
        raise faults.malformed(path, expected=f"a value of {name} in every row", got=got)
    return np.asarray(column.to_numpy())


def _array(table: pa.Table, name: str, path: Path) -> np.ndarray:
    column = table.column(name)
    try:
        layout = looks(table.schema.field(name), path)
    except PoolError as error:
        raise faults.malformed(path, expected=f"arrays in {name}", got=error.got) from None
    if column.null_count:
        got = f"{column.null_count:,} rows without"
        raise faults.malformed(path, expected=f"an array of {name} in every row", got=got)
    values = to_arrays(table.select([name]))[name]
    return values.reshape(len(values), *layout.shape).astype(layout.dtype)
