"""A user's own maps: looked up by their content in the folder `maps`, wherever that is.

A map is one file, a shapefile with the files beside it, or a folder of GeoTIFFs. Its content is a
digest of the bytes and of nothing else: names and folders may differ from machine to machine.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from terrasweep.infra.errors import PoolError
from terrasweep.samplers.formats.user_files import DIGITS, pools_folder

LAYERS = (".shp", ".gpkg", ".geojson", ".fgb", ".parquet", ".geoparquet")
RASTERS = (".tif", ".tiff")
SIDECARS = (".shp", ".dbf", ".shx", ".prj", ".cpg")
WHOLE, BLOCK, BLOCKS = 256 << 20, 1 << 20, 64
"""A larger file is known by its size and by this many blocks, spread evenly from end to end."""


@dataclass(frozen=True)
class Map:
    """One map that lies in the folder."""

    path: Path
    content: str

    @property
    def rasters(self) -> tuple[Path, ...]:
        """The GeoTIFFs it consists of; none for a layer of shapes."""
        return tuple(path for path in _files(self.path) if path.suffix.lower() in RASTERS)


def maps_folder() -> Path:
    """Return the folder that maps lie in."""
    return pools_folder() / "maps"


def present() -> list[Map]:
    """Return the maps of the folder, in order of their names."""
    if not maps_folder().is_dir():
        return []
    entries = [path for path in sorted(maps_folder().iterdir()) if _files(path)]
    return [Map(path, content(path)) for path in entries]


def find(wanted: str, *, what: str) -> Map:
    """Return the map of a content.

    Raises:
        PoolError: If it is not there, with all that are.
    """
    there = present()
    for one in there:
        if one.content == wanted:
            return one
    listed = ", ".join(f"{one.path.name} ({one.content})" for one in there) or "no map at all"
    raise PoolError(
        f"{what} with content {wanted} in the folder {maps_folder()}",
        got=listed,
        fix="put the map there, set TERRASWEEP_POOLS to the folder that holds `maps`, or write the "
        "content of another one into `geography`",
    )


def content(path: Path) -> str:
    """Return the digest of a map's bytes."""
    each = [_digest(part) for part in _files(path)]
    # The parts of a folder are sorted by their digests, for the names of its files do not count;
    # those of a shapefile keep the order of SIDECARS.
    whole = hashlib.sha256("".join(each if path.is_file() else sorted(each)).encode())
    return whole.hexdigest()[:DIGITS]


def _files(path: Path) -> Sequence[Path]:
    """Return the files that a map consists of; none if it is no map."""
    suffix = path.suffix.lower()
    if path.is_dir():
        return sorted(one for one in path.iterdir() if one.suffix.lower() in (*RASTERS, ".dbf"))
    if suffix == ".shp":
        beside = (path.with_suffix(end) for end in SIDECARS)
        return [one for one in beside if one.is_file()]
    return [path] if suffix in (*LAYERS, *RASTERS) else []


def _digest(path: Path) -> str:
    about = path.stat()
    return _hashed(path, size=about.st_size, changed=about.st_mtime_ns)


@lru_cache(maxsize=65_536)
def _hashed(path: Path, *, size: int, changed: int) -> str:
    hashed = hashlib.sha256(path.suffix.lower().encode() + size.to_bytes(8))
    with path.open("rb") as file:
        for start, stop in _blocks(size):
            file.seek(start)
            hashed.update(file.read(stop - start))
    return hashed.hexdigest()


def _blocks(size: int) -> Iterator[tuple[int, int]]:
    if size <= WHOLE:
        yield from ((start, min(start + BLOCK, size)) for start in range(0, size, BLOCK))
        return
    for number in range(BLOCKS):
        start = (size - BLOCK) * number // (BLOCKS - 1)
        yield start, start + BLOCK
