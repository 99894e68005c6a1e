"""S2-100K: the lines of its index in order, and the patches they name, as files or in tars.

A patch that no line names or that lies there twice, and a tar that is not whole, have a rejected
row of their own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from terrasweep.samplers.formats import csv, geotiff, tar
from terrasweep.samplers.formats.tar import Span
from terrasweep.samplers.formats.user_files import digest_of_parts
from terrasweep.samplers.pools.s2_100k.spec import S2100kSpec
from terrasweep.samplers.sources import image_index, pool_files

NUM_BANDS = 12
HOLDS = "index.csv and images/*.tif or data/*.tar (S2-100K)"
GET = "the dataset is torchgeo/s2-100k on Hugging Face"
SMALL = "the file is smaller than the spec's min_bytes"
TWICE = "the file lies in the pool a second time"
UNNAMED = "no line of the index names the file"


@dataclass(frozen=True)
class _Source:
    """The index with all its faults, and where each patch lies."""

    index: pa.Table
    patches: dict[str, Span]
    content: str


def chunks(spec: S2100kSpec) -> int:
    """Return the number of chunks."""
    num_rows: int = _source(spec).index.num_rows
    return -(-num_rows // _patch(spec).per_chunk)


def count(spec: S2100kSpec) -> int:
    """Return the number of lines whose patch is there."""
    return image_index.num_sound(_source(spec).index)


def content(spec: S2100kSpec) -> str:
    """Return a digest of the index and of the names and sizes of all files."""
    return _source(spec).content


def read(spec: S2100kSpec, chunk: int) -> dict[str, np.ndarray]:
    """Return the columns of one chunk.

    Raises:
        PoolError: If the folder does not hold the pool, or rasterio is not installed.
    """
    archive, patch = _source(spec), _patch(spec)
    part = image_index.slice_of(archive.index, chunk, size=patch.per_chunk)

    def load(name: str) -> image_index.LoadedImage:
        data = archive.patches[name].read()
        return image_index.LoadedImage(
            geotiff.pixels(data, num_bands=NUM_BANDS, dtypes=(patch.dtype,))
        )

    return image_index.gather(part, patch=patch, load=load)


def _patch(spec: S2100kSpec) -> image_index.Patch:
    return image_index.Patch(num_bands=NUM_BANDS, size_px=spec.size_px, dtype="uint16")


@lru_cache(maxsize=4)
def _source(spec: S2100kSpec) -> _Source:
    geotiff.check_installed()
    root = pool_files.folder(spec, holds=HOLDS, get=GET)
    if not (root / "index.csv").is_file():
        raise pool_files.missing(root, holds=HOLDS, get=GET)
    archives = [
        tar.look_into(path) for path in sorted({*root.glob("data/*.tar"), *root.glob("*.tar")})
    ]
    lying = [*_loose(root / "images"), *_packed(archives)]
    patches = dict(reversed(lying))
    if not patches and not archives:
        raise pool_files.missing(root, holds=HOLDS, get=GET)
    sizes = [f"{name} {patches[name].size}" for name in sorted(patches)]
    digest = digest_of_parts([(root / "index.csv").read_bytes(), *sizes])
    pool_files.check_content(spec, digest)
    faults = {archive.path.name: archive.fault for archive in archives if archive.fault}
    again = [one for one in lying if patches[one[0]] != one[1]]
    faults |= {f"{span.tar.name}/{name}": TWICE for name, span in again}
    index = _index(root / "index.csv", spec=spec, patches=patches, faults=faults)
    if not index.num_rows:
        raise pool_files.missing(root, holds=HOLDS, get=GET, got="an index without lines")
    return _Source(index, patches, digest)


def _loose(folder: Path) -> Iterator[tuple[str, Span]]:
    for path in sorted(folder.glob("*.tif")):
        yield path.name, Span(path, 0, path.stat().st_size)


def _packed(archives: list[tar.Contents]) -> Iterator[tuple[str, Span]]:
    for archive in archives:
        for sample in archive.samples:
            for part, span in sample.parts.items():
                if part in ("tif", "tiff"):
                    yield f"{sample.key}.{part}".rpartition("/")[2], span


def _index(
    path: Path, *, spec: S2100kSpec, patches: dict[str, Span], faults: dict[str, str]
) -> pa.Table:
    table, broken = csv.read(path, expected=("lat", "lon", "fn"))
    names = [Path(name).name for name in table.column("fn").to_pylist()]
    lines = image_index.index(
        {
            "id": names,
            "lat": csv.numbers(table.column("lat")),
            "lon": csv.numbers(table.column("lon")),
            "file": names,
            "rejected": [_fault(patches.get(name), spec=spec) for name in names],
        }
    )
    unnamed = dict.fromkeys(sorted(patches.keys() - set(names)), UNNAMED)
    others = image_index.rejected({**dict.fromkeys(broken, csv.BROKEN), **faults, **unnamed})
    return pa.concat_tables([lines, others]).combine_chunks()


def _fault(patch: Span | None, *, spec: S2100kSpec) -> str:
    if patch is None:
        return geotiff.MISSING
    return SMALL if patch.size < spec.min_bytes else ""
