"""Major-TOM's metadata as a pool of mere places: one row per patch of one product."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from terrasweep.infra.errors import PoolError
from terrasweep.samplers.formats.parquet import CHUNK, Footers, survey
from terrasweep.samplers.pools.majortom.spec import MajortomSpec
from terrasweep.samplers.sources import image_index, pool_files

COLUMNS = ("grid_cell", "product_id", "timestamp", "centre_lat", "centre_lon")
LARGEST_GROUP = 4_194_304  # a row group's few columns are read once for all its chunks
HOLDS = "metadata.parquet (Major-TOM Core)"
GET = "the datasets are Major-TOM/Core-S2L2A and its siblings on Hugging Face"
NAMELESS = "the row names no grid cell or no product"


def chunks(spec: MajortomSpec) -> int:
    """Return the number of chunks."""
    return len(_footers(spec).chunks)


def count(spec: MajortomSpec) -> int:
    """Return the number of rows, from the footer alone."""
    return _footers(spec).num_rows


def content(spec: MajortomSpec) -> str:
    """Return a digest of the footer."""
    return _footers(spec).content


def read(spec: MajortomSpec, chunk: int) -> dict[str, np.ndarray]:
    """Return the columns of one chunk; a pool of mere places has no arrays."""
    at = _footers(spec).chunks[chunk]
    part = _group(at.path, at.group).slice(at.slice * CHUNK, CHUNK)
    cell, product, stamp = (part.column(name).to_pylist() for name in COLUMNS[:3])
    lat, lon = (part.column(name).to_numpy().astype(np.float64) for name in COLUMNS[3:])
    names = [f"{where}/{what}" for where, what in zip(cell, product, strict=True)]
    named = [bool(where and what) for where, what in zip(cell, product, strict=True)]
    faults = ["" if whole else NAMELESS for whole in named]
    dates = image_index.months([str(time or "") for time in stamp])
    rows = {"id": names, "lat": lat, "lon": lon, "month": dates, "rejected": faults}
    return image_index.columns(image_index.index(rows))


@lru_cache(maxsize=16)
def _footers(spec: MajortomSpec) -> Footers:
    root = pool_files.place(spec)
    if not root.is_file():
        pool_files.folder(spec, holds=HOLDS, get=GET)
        root = root / "metadata.parquet"
    if not root.is_file():
        raise pool_files.missing(root.parent, holds=HOLDS, get=GET)
    footers = survey(root, check=_check, largest=LARGEST_GROUP)
    pool_files.check_content(spec, footers.content)
    return footers


@lru_cache(maxsize=1)
def _group(path: Path, group: int) -> pa.Table:
    return pq.ParquetFile(path).read_row_group(group, columns=list(COLUMNS))


def _check(schema: pa.Schema, path: Path) -> None:
    missing = [name for name in COLUMNS if name not in schema.names]
    strange = [name for name in COLUMNS[3:] if name not in missing]
    strange = [name for name in strange if not pa.types.is_floating(schema.field(name).type)]
    if not missing and not strange:
        return
    got = f"no {', '.join(missing)}" if missing else f"no numbers in {', '.join(strange)}"
    what = f"the columns {', '.join(COLUMNS)} of Major-TOM in {path}"
    raise PoolError(what, got=got, fix=f"check `path` of the pool; {GET}")
