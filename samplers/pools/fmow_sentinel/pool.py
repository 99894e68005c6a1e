"""fMoW-Sentinel: the lines of a split's CSV in order, and the GeoTIFF that each one names."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from terrasweep.samplers.formats import csv, geotiff
from terrasweep.samplers.formats.user_files import digest_of_parts
from terrasweep.samplers.pools.fmow_sentinel.spec import FmowSentinelSpec
from terrasweep.samplers.sources import image_index, pool_files
from terrasweep.samplers.sources.centroids import middles

NUM_BANDS = 13
DTYPES = ("uint16", "int16", "int32", "float32", "float64")
GET = "the dataset is fMoW-Sentinel, DOI 10.25740/vg497cb6002"
AT_ONCE = 50_000  # polygons as objects take far more memory than as text
WANTED = ("category", "location_id", "image_id", "timestamp")


@dataclass(frozen=True)
class _Source:
    """The index of a split, and the folder that its files are named from."""

    index: pa.Table
    home: Path
    content: str


def chunks(spec: FmowSentinelSpec) -> int:
    """Return the number of chunks."""
    num_rows: int = _source(spec).index.num_rows
    return -(-num_rows // _patch(spec).per_chunk)


def count(spec: FmowSentinelSpec) -> int:
    """Return the number of sound lines; their files are looked for when they are read."""
    return image_index.num_sound(_source(spec).index)


def content(spec: FmowSentinelSpec) -> str:
    """Return a digest of the CSV; the images are named by it and not looked at."""
    return _source(spec).content


def read(spec: FmowSentinelSpec, chunk: int) -> dict[str, np.ndarray]:
    """Return the columns of one chunk.

    Raises:
        PoolError: If the folder does not hold the pool, or rasterio is not installed.
    """
    return load(spec, image_index.slice_of(index(spec), chunk, size=_patch(spec).per_chunk))


def index(spec: FmowSentinelSpec) -> pa.Table:
    """Return the lines of the split's CSV, in order.

    Raises:
        PoolError: If the folder does not hold the pool, or rasterio is not installed.
    """
    return _source(spec).index


def load(spec: FmowSentinelSpec, part: pa.Table) -> dict[str, np.ndarray]:
    """Return the columns of some lines, with the image of each."""
    split, patch = _source(spec), _patch(spec)

    def seen(name: str) -> image_index.LoadedImage:
        values = geotiff.pixels(split.home / name, num_bands=NUM_BANDS, dtypes=DTYPES)
        return image_index.LoadedImage(values.astype(patch.dtype))

    return image_index.gather(part, patch=patch, load=seen)


def _patch(spec: FmowSentinelSpec) -> image_index.Patch:
    return image_index.Patch(num_bands=NUM_BANDS, size_px=spec.size_px, dtype="float32")


@lru_cache(maxsize=4)
def _source(spec: FmowSentinelSpec) -> _Source:
    geotiff.check_installed()
    split = spec.split
    holds = f"{split}.csv and {split}/<category>/... (fMoW-Sentinel)"
    root = pool_files.folder(spec, holds=holds, get=GET)
    lists = [root / f"{split}{end}.csv" for end in ("", "_gt")]
    homes = [home for home in (root, root / "fmow-sentinel") if (home / split).is_dir()]
    lists = [path for path in lists if path.is_file()]
    if not lists or not homes:
        raise pool_files.missing(root, holds=holds, get=GET)
    digest = digest_of_parts([lists[0].read_bytes()])
    pool_files.check_content(spec, digest)
    index = _index(lists[0], split=split)
    if not index.num_rows:
        raise pool_files.missing(root, holds=holds, get=GET, got=f"no line in {lists[0].name}")
    return _Source(index, homes[0], digest)


def _index(path: Path, *, split: str) -> pa.Table:
    table, broken = csv.read(path, expected=WANTED)
    category, location, image, stamp = (table.column(name) for name in WANTED)
    place = pc.binary_join_element_wise(category, location, "_")
    name = pc.binary_join_element_wise(place, image, "_")
    laid_out = pc.binary_join_element_wise(split, category, place, name, "/")
    has_paths = "image_path" in table.column_names
    lat, lon = _places(table, path)
    lines = image_index.index(
        {
            "id": pc.binary_join_element_wise(split, name, "/"),
            "lat": lat,
            "lon": lon,
            "month": image_index.months(pc.utf8_slice_codeunits(stamp, 0, 7)),
            "file": table.column("image_path")
            if has_paths
            else pc.binary_join_element_wise(laid_out, ".tif", ""),
        }
    )
    others = image_index.rejected(dict.fromkeys(broken, csv.BROKEN))
    return pa.concat_tables([lines, others]).combine_chunks()


def _places(table: pa.Table, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return latitudes and longitudes; NaN where a line says none that can be read."""
    if {"lat", "lon"} <= set(table.column_names):
        return csv.numbers(table.column("lat")), csv.numbers(table.column("lon"))
    if "polygon" not in table.column_names:
        raise csv.not_csv(path, expected=(*WANTED, "polygon"), got="no polygon, and no lat, lon")
    texts = [
        part.column(0).to_numpy(zero_copy_only=False)
        for part in table.select(["polygon"]).to_batches(max_chunksize=AT_ONCE)
    ]
    where = [middles(shapely.from_wkt(part, on_invalid="ignore")) for part in texts]
    lat, lon = np.concatenate([np.empty((2, 0)), *where], axis=1)
    return lat, lon
