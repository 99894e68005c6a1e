"""A user's own points and polygons: the driver reads them once, and workers get the values."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from terrasweep.infra.errors import PoolError
from terrasweep.samplers.formats import user_files
from terrasweep.samplers.spec.places import Points, Polygons


@dataclass(frozen=True, eq=False)
class PointLayer:
    """Places on Earth."""

    lat: np.ndarray
    lon: np.ndarray
    content: str


@dataclass(frozen=True)
class PolygonLayer:
    """Polygons in degrees."""

    wkb: tuple[bytes, ...]
    content: str


def points(spec: Points) -> PointLayer:
    """Read a file of points.

    Raises:
        PoolError: If it is not there, holds no points, or other ones than the spec says.
    """
    path, content = _file(spec)
    if path.suffix in (".csv", ".parquet"):
        lat, lon = _columns(path)
    else:
        shapes = _shapes(path).representative_point()
        lat, lon = np.asarray(shapes.y, np.float64), np.asarray(shapes.x, np.float64)
    on_earth = (np.abs(lat) <= 90) & (np.abs(lon) <= 180)  # a NaN is not
    if not len(lat) or not on_earth.all():
        got = f"{int((~on_earth).sum()):,} of {len(lat):,} off the Earth" if len(lat) else "none"
        raise PoolError(
            f"points in {path}",
            got=got,
            fix="correct the file: lat and lon in degrees, -90 to 90 and -180 to 180",
        )
    return PointLayer(lat, lon, content)


def polygons(spec: Polygons) -> PolygonLayer:
    """Read a file of polygons.

    Raises:
        PoolError: If it is not there, holds no polygons, or other ones than the spec says.
    """
    path, content = _file(spec)
    shapes = _shapes(path)
    kinds = set(shapes.geom_type)
    if not kinds or not kinds <= {"Polygon", "MultiPolygon"}:
        got = ", ".join(sorted(map(str, kinds))) or "an empty layer"
        fix = "name a layer of polygons; points go into the rule `points`"
        raise PoolError(f"polygons in {path}", got=got, fix=fix)
    return PolygonLayer(tuple(shapes.make_valid().to_wkb()), content)


def _file(spec: Points | Polygons) -> tuple[Path, str]:
    """Return the path of a spec's file and the digest of its content."""
    path = user_files.resolve(spec.path)
    if not path.is_file():
        got = "a folder" if path.is_dir() else "no such file"
        fix = f"check `path` of the rule {spec.kind}, or set TERRASWEEP_POOLS to where it starts"
        raise PoolError(f"the layer {path}", got=got, fix=fix)
    content = user_files.digest_of_file(path)
    if spec.content not in (None, content):
        expected = f"the layer {path} with content {spec.content}"
        fix = f"restore the file, or write `content: '{content}'` if this one is meant"
        raise PoolError(expected, got=f"content {content}", fix=fix)
    return path, content


def _columns(path: Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        table = pc.read_csv(path) if path.suffix == ".csv" else pq.read_table(path)
    except pa.ArrowException as error:
        raise _unreadable(path, error) from None
    missing = [name for name in ("lat", "lon") if name not in table.column_names]
    if missing:
        there = ", ".join(table.column_names) or "none"
        fix = "name the columns lat and lon, in degrees"
        expected = f"the columns {' and '.join(missing)} in {path}"
        raise PoolError(expected, got=f"only {there}", fix=fix)
    try:
        lat, lon = (table.column(name).cast(pa.float64()) for name in ("lat", "lon"))
    except pa.ArrowException as error:
        raise _unreadable(path, error) from None
    return np.asarray(lat, np.float64), np.asarray(lon, np.float64)


def _shapes(path: Path) -> Any:
    """Return the shapes of a layer, in degrees."""
    import geopandas  # local: few compositions need it, and it is slow to load

    try:
        read = geopandas.read_parquet if path.suffix == ".geoparquet" else geopandas.read_file
        shapes = read(path).geometry
    except Exception as error:  # GDAL's drivers raise errors of many libraries
        raise _unreadable(path, error) from None
    shapes = shapes[shapes.notna() & ~shapes.is_empty]
    return shapes if shapes.crs is None else shapes.to_crs(4326)


def _unreadable(path: Path, error: Exception) -> PoolError:
    got = " ".join(str(error).split()) or type(error).__name__
    fix = "give a CSV or Parquet file with lat and lon, or a layer that geopandas reads"
    return PoolError(f"a layer in {path}", got=got, fix=fix)
