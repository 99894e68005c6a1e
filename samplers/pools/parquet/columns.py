"""The columns of a pool of Parquet files: which there must be, of which kind and shape."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from terrasweep.infra.errors import PoolError

SHAPES: dict[str, tuple[int, ...]] = {"x": (12, 18), "dynamic_world": (12,)}
KINDS = {"x": "f4", "dynamic_world": "u1"}
IMAGE = ("uint16", "float32")
GEO = b"geo"


@dataclass(frozen=True)
class Array:
    """How the samples' part of one column looks."""

    name: str
    shape: tuple[int, ...]
    dtype: str


def check(schema: pa.Schema, path: Path, *, arrays: Sequence[str]) -> None:
    """Refuse a file whose columns are not a pool's.

    Raises:
        PoolError: With the column that is missing or of another kind or shape.
    """
    places = [] if place_column(schema, path) else ["lat", "lon"]
    needed = ["id", *places, *(["month"] if "x" in arrays else []), *arrays]
    missing = [name for name in needed if name not in schema.names]
    if missing:
        there = ", ".join(schema.names) or "none"
        raise _wrong(path, f"the columns {', '.join(missing)}", got=f"only {there}")
    for name in places:
        if not pa.types.is_floating(schema.field(name).type):
            raise _wrong(path, f"numbers in {name}", got=str(schema.field(name).type))
    for name in ("id", "month"):
        if name in schema.names:
            _check_whole(name, schema.field(name).type, path=path)
    for name in arrays:
        looks(schema.field(name), path)


def place_column(schema: pa.Schema, path: Path) -> str:
    """Return the column of points of a GeoParquet file that has no `lat` and `lon`, or none.

    Raises:
        PoolError: If its points are not degrees of longitude and latitude.
    """
    if {"lat", "lon"} <= set(schema.names) or GEO not in (schema.metadata or {}):
        return ""
    about = json.loads(schema.metadata[GEO])
    name = str(about["primary_column"])
    column = about["columns"][name]
    if column.get("encoding") != "WKB":
        got = str(column.get("encoding"))
        raise _wrong(path, f"geometry as WKB in {name}", got=got)
    crs = column.get("crs", {})  # left out, it is longitude and latitude on WGS 84
    known = (crs or {}).get("id", {})
    if crs is None or (known and str(known.get("code")) not in ("4326", "CRS84")):
        raise PoolError(
            f"longitude and latitude (EPSG:4326) in {name} of {path}",
            got="no CRS" if crs is None else f"{known.get('authority')}:{known.get('code')}",
            fix="write it anew after `GeoDataFrame.to_crs(4326)`",
        )
    return name


def looks(field: pa.Field, path: Path) -> Array:
    """Return the shape and the type that an array has in the pool.

    Raises:
        PoolError: If the column holds no arrays of one shape, or not those its name promises.
    """
    name, kind = field.name, field.type
    wanted = SHAPES.get(name)
    size = int(np.prod(wanted)) if wanted else None
    promised = f"lists of {size} values ({' x '.join(map(str, wanted))})" if wanted else "arrays"
    shape, inner = _shape(field)
    if not shape:
        raise _wrong(path, f"{promised} in {name}", got=f"{kind}, no fixed-size list")
    if size is not None and int(np.prod(shape)) != size:
        raise _wrong(path, f"{promised} in {name}", got=f"lists of {int(np.prod(shape))}")
    if name == "image" and len(shape) != 3:
        wanted_shape = (
            "the shape of one image in the field's metadata (see samplers/formats/arrays.py)"
        )
        raise _wrong(path, f"bands, height and width of {name}: {wanted_shape}", got=str(shape))
    _check_numbers(name, inner, path=path)
    own = "float32" if pa.types.is_float64(inner) else str(inner.to_pandas_dtype()().dtype)
    return Array(name, wanted or shape, KINDS.get(name, own))


def _shape(field: pa.Field) -> tuple[tuple[int, ...], pa.DataType]:
    """Return the shape of one sample and the type of its values; an empty shape if it has none."""
    kind, shape = field.type, []
    if isinstance(kind, pa.FixedShapeTensorType):
        return tuple(kind.shape), kind.value_type
    while pa.types.is_fixed_size_list(kind):
        shape.append(kind.list_size)
        kind = kind.value_type
    declared = json.loads((field.metadata or {}).get(b"shape", b"[]"))
    fits = bool(declared) and np.prod(declared) == np.prod(shape)
    return tuple(declared if fits else shape), kind


def _check_whole(name: str, kind: pa.DataType, *, path: Path) -> None:
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    if not pa.types.is_integer(kind) and not (text and name == "id"):
        wanted = "text or whole numbers" if name == "id" else "whole numbers"
        raise _wrong(path, f"{wanted} in {name}", got=str(kind))


def _check_numbers(name: str, inner: pa.DataType, *, path: Path) -> None:
    whole, floating = pa.types.is_integer(inner), pa.types.is_floating(inner)
    fits, wanted = whole or floating, "numbers"
    if name == "x":
        fits, wanted = floating, "floating-point numbers"
    elif name == "dynamic_world":
        fits, wanted = whole, "whole numbers"
    elif name == "image":
        fits, wanted = str(inner) in ("uint16", "float", "double"), " or ".join(IMAGE)
    if not fits:
        raise _wrong(path, f"{wanted} in {name}", got=f"{inner}")


def _wrong(path: Path, expected: str, *, got: str) -> PoolError:
    fix = "correct the file, or say in `arrays` which columns hold arrays (docs/pools.md)"
    return PoolError(f"{expected} in the pool {path}", got=got, fix=fix)
