"""Parquet files as a pool: a chunk is a row group, or a slice of a large one.

Columns: ``id`` (text or whole number), ``lat``, ``lon``, ``month`` (0 to 11), and the arrays as
fixed-size lists: ``x`` (12 months by 18 bands, raw units) and ``dynamic_world`` (12 months).
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from math import ceil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from infra.errors import PoolError
from samplers.pools.parquet.spec import ParquetSpec

SHAPES: dict[str, tuple[int, ...]] = {"x": (12, 18), "dynamic_world": (12,)}
KINDS = {"id": "U", "lat": "f8", "lon": "f8", "month": "u1", "x": "f4", "dynamic_world": "u1"}
COLUMNS = tuple(KINDS)
CHUNK = 4096
LARGEST_GROUP = 65_536  # a slice of a row group costs the reading of all before it


@dataclass(frozen=True)
class _Chunk:
    """Where a chunk lies: the slice of a row group."""

    path: Path
    group: int
    slice: int


@dataclass(frozen=True)
class _Footers:
    """What the footers of all files say together."""

    num_rows: int
    content: str
    chunks: tuple[_Chunk, ...]


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
    """Return the columns of one chunk, the sample axis first.

    Raises:
        PoolError: If a value is missing or out of range.
    """
    place = _footers(spec).chunks[chunk]
    file = pq.ParquetFile(place.path)
    batches = file.iter_batches(CHUNK, row_groups=[place.group], columns=list(COLUMNS))
    (batch,) = islice(batches, place.slice, place.slice + 1)
    for name in COLUMNS:
        if _has_nulls(batch.column(name)):
            raise _wrong(place.path, f"a value in every row of {name}", found="rows without one")
    raw = {name: _array(name, batch.column(name)) for name in COLUMNS}
    _check_ranges(raw, place.path)
    return {name: raw[name].astype(kind) for name, kind in KINDS.items()}


@lru_cache(maxsize=16)
def _footers(spec: ParquetSpec) -> _Footers:
    found: list[_Chunk] = []
    num_rows = 0
    hashed = hashlib.sha256()
    root = _place(spec)
    for path in _files(root):
        file = _opened(path)
        _check_schema(file.schema_arrow, path)
        meta = file.metadata
        found += _chunks(path, meta)
        num_rows += meta.num_rows
        hashed.update(f"{path.relative_to(root)} {path.stat().st_size}".encode())
        hashed.update(_footer(path))
    if not num_rows:
        raise _wrong(root, "samples", found="no rows")
    if spec.content not in (None, hashed.hexdigest()[:16]):
        wanted = f"wanted the pool {root} with content {spec.content}"
        found_now = hashed.hexdigest()[:16]
        do = f"restore the files, or write `content: {found_now}` if this pool is meant"
        raise PoolError(wanted, found=f"content {found_now}", do=do)
    return _Footers(num_rows, hashed.hexdigest()[:16], tuple(found))


def _footer(path: Path) -> bytes:
    """Return the bytes of a footer: they hold the extent and the size of every column chunk."""
    with path.open("rb") as file:
        file.seek(-8, os.SEEK_END)
        length = int.from_bytes(file.read(4), "little")
        file.seek(-8 - length, os.SEEK_END)
        return file.read(length)


def _place(spec: ParquetSpec) -> Path:
    home = Path(os.environ.get("TERRASWEEP_POOLS", "."))
    return home / Path(spec.path).expanduser()


def _files(root: Path) -> list[Path]:
    if root.is_dir():
        found = sorted(root.rglob("*.parquet"))
        if not found:
            raise PoolError(
                f"wanted Parquet files in the folder {root}",
                found="none that ends in .parquet",
                do="check `path` of the pool",
            )
        return found
    if not root.exists():
        raise PoolError(
            f"wanted the pool {root}",
            found="no such file or folder",
            do="check `path` of the pool, or set TERRASWEEP_POOLS to the folder it starts at",
        )
    return [root]


def _opened(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise PoolError(
            f"wanted a Parquet file at {path}",
            found=f"something else ({' '.join(str(error).split())})",
            do="write the pool as Parquet, or name another file",
        ) from None


def _chunks(path: Path, meta: pq.FileMetaData) -> Iterator[_Chunk]:
    for group in range(meta.num_row_groups):
        size = meta.row_group(group).num_rows
        if size > LARGEST_GROUP:
            raise PoolError(
                f"wanted row groups of at most {LARGEST_GROUP:,} rows in {path}",
                found=f"one of {size:,}",
                do=f"write the file anew with row_group_size={CHUNK}",
            )
        for part in range(ceil(size / CHUNK)):
            yield _Chunk(path, group, part)


def _check_schema(schema: pa.Schema, path: Path) -> None:
    missing = [name for name in COLUMNS if name not in schema.names]
    if missing:
        there = ", ".join(schema.names) or "none"
        raise _wrong(path, f"the columns {', '.join(missing)}", found=f"only {there}")
    for name in ("lat", "lon"):
        kind = schema.field(name).type
        if not pa.types.is_floating(kind):
            raise _wrong(path, f"numbers in {name}", found=str(kind))
    for name in ("id", "month"):
        kind = schema.field(name).type
        text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
        if not pa.types.is_integer(kind) and not (text and name == "id"):
            wanted = "text or whole numbers" if name == "id" else "whole numbers"
            raise _wrong(path, f"{wanted} in {name}", found=str(kind))
    for name, shape in SHAPES.items():
        _check_shape(name, schema.field(name).type, shape=shape, path=path)


def _check_shape(name: str, kind: pa.DataType, *, shape: tuple[int, ...], path: Path) -> None:
    size = int(np.prod(shape))
    wanted = f"lists of {size} values ({' x '.join(map(str, shape))}) in {name}"
    if not pa.types.is_fixed_size_list(kind):
        raise _wrong(path, wanted, found=f"{kind}, no fixed-size list")
    if kind.list_size != size:
        raise _wrong(path, wanted, found=f"lists of {kind.list_size}")
    inner = kind.value_type
    fits = pa.types.is_floating(inner) if name == "x" else pa.types.is_integer(inner)
    if not fits:
        number = "floating-point numbers" if name == "x" else "whole numbers"
        raise _wrong(path, f"{number} in {name}", found=f"{inner}")


def _array(name: str, column: pa.Array) -> np.ndarray:
    if name == "id":
        column = column.cast(pa.string())
    if name in SHAPES:
        flat = np.asarray(column.flatten().to_numpy(zero_copy_only=False))
        return flat.reshape(len(column), *SHAPES[name])
    return np.asarray(column.to_numpy(zero_copy_only=False))


def _has_nulls(column: pa.Array) -> bool:
    inner = pa.types.is_fixed_size_list(column.type) and column.flatten().null_count
    return bool(column.null_count or inner)


def _check_ranges(columns: dict[str, np.ndarray], path: Path) -> None:
    allowed = {"lat": (-90, 90), "lon": (-180, 180), "month": (0, 11), "dynamic_world": (0, 9)}
    for name, (low, high) in allowed.items():
        values = columns[name]
        if not bool(np.all((values >= low) & (values <= high))):  # NaN is neither
            wanted = f"{name} between {low} and {high}"
            raise _wrong(path, wanted, found=f"values from {values.min()} to {values.max()}")


def _wrong(path: Path, wanted: str, *, found: str) -> PoolError:
    do = f"mend the file; a pool has the columns {', '.join(COLUMNS)}"
    return PoolError(f"wanted {wanted} in the pool {path}", found=found, do=do)
