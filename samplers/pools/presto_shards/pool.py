"""Presto's shards as a pool: the tiles of all tars in order, a few tiles to a chunk.

A tile that lacks one of its arrays has one rejected row, a sound tile a row per pixel.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from terrasweep.infra.seeds import generator
from terrasweep.samplers.formats import geotiff, npy, tar
from terrasweep.samplers.formats.tar import Sample
from terrasweep.samplers.formats.user_files import digest_of_parts
from terrasweep.samplers.pools.presto_shards.spec import PrestoShardsSpec
from terrasweep.samplers.sources import image_index, pool_files

SERIES = "s1_s2_era5_srtm_2020_2021.npy"
COVER = "dynamicworld2020_2021.npy"
PLACE = "latlon.npy"
MONTHS, STEPS, BANDS = 24, 12, 18

HOLDS = f"*.tar with members that end in .{SERIES} (Presto's shards)"
GET = "the shards are S1_S2_ERA5_SRTM_2020_2021_DynamicWorldMonthly2020_2021_tars of lem-assets2"
LACKS = "the tile lacks {}"
UNREADABLE = "the tile's {} cannot be read as an array of numbers"
STRANGE = "the tile's {} has the shape {}"
UNCLASSED = "a land-cover class is not between 0 and 9"


@dataclass(frozen=True)
class _Tile:
    """A sample of a tar: its number of pixels, or what is wrong with it as a whole."""

    sample: Sample
    num_pixels: int
    fault: str = ""


@dataclass(frozen=True)
class _Source:
    """All tiles, and which of them make up each chunk."""

    tiles: tuple[_Tile, ...]
    chunks: tuple[range, ...]
    content: str


def chunks(spec: PrestoShardsSpec) -> int:
    """Return the number of chunks."""
    return len(_source(spec).chunks)


def count(spec: PrestoShardsSpec) -> int:
    """Return the number of pixels of sound tiles."""
    return sum(tile.num_pixels for tile in _source(spec).tiles if not tile.fault)


def content(spec: PrestoShardsSpec) -> str:
    """Return a digest of the names and sizes of all members of all tars."""
    return _source(spec).content


def read(spec: PrestoShardsSpec, chunk: int) -> dict[str, np.ndarray]:
    """Return the columns of one chunk.

    Raises:
        PoolError: If the folder does not hold the pool.
    """
    archive = _source(spec)
    parts = [_pixels(archive.tiles[place], spec=spec) for place in archive.chunks[chunk]]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


@lru_cache(maxsize=4)
def _source(spec: PrestoShardsSpec) -> _Source:
    root = pool_files.place(spec)
    if not root.is_file():
        pool_files.folder(spec, holds=HOLDS, get=GET)
    paths = [root] if root.is_file() else sorted(root.rglob("*.tar"))
    archives = [tar.look_into(path) for path in paths]
    tiles = [_tile(sample) for archive in archives for sample in archive.samples]
    if not any(SERIES in tile.sample.parts for tile in tiles):
        raise pool_files.missing(root, holds=HOLDS, get=GET)
    torn = [_Tile(Sample(one.path.name, {}), 1, one.fault) for one in archives if one.fault]
    digest = digest_of_parts(
        f"{tile.sample.key} {part} {span.size}"
        for tile in tiles
        for part, span in tile.sample.parts.items()
    )
    pool_files.check_content(spec, digest)
    whole = (*tiles, *torn)
    return _Source(whole, tuple(_chunks([tile.num_pixels for tile in whole])), digest)


def _chunks(sizes: list[int]) -> list[range]:
    """Return runs of tiles of at most so many pixels together; a larger tile is on its own."""
    cuts, held = [0], 0
    for place, size in enumerate(sizes):
        if held and held + size > image_index.CHUNK:
            cuts.append(place)
            held = 0
        held += size
    return [range(*pair) for pair in zip(cuts, [*cuts[1:], len(sizes)], strict=True)]


def _tile(sample: Sample) -> _Tile:
    """Look at the heads of a tile's arrays alone."""
    lacking = [part for part in (SERIES, COVER, PLACE) if part not in sample.parts]
    if lacking:
        return _Tile(sample, 1, LACKS.format(lacking[0]))
    shapes = {
        part: npy.shape_of(sample.parts[part].head(npy.HEAD)) for part in (SERIES, COVER, PLACE)
    }
    num_pixels = (shapes[SERIES] or (0,))[0]
    wanted = {SERIES: (num_pixels, MONTHS, BANDS), COVER: (num_pixels, MONTHS)}
    for part, shape in {**wanted, PLACE: (num_pixels, 2)}.items():
        if shapes[part] is None:
            return _Tile(sample, 1, UNREADABLE.format(part))
        if shapes[part] != shape or not num_pixels:
            size = " x ".join(map(str, shapes[part] or ()))
            return _Tile(sample, 1, STRANGE.format(part, size))
    return _Tile(sample, num_pixels)


def _pixels(tile: _Tile, *, spec: PrestoShardsSpec) -> dict[str, np.ndarray]:
    """Return the rows of a tile: one per pixel, or one that says what is wrong with it."""
    if tile.fault:
        return _none([tile.sample.key], tile.fault)
    names = [f"{tile.sample.key}/{pixel}" for pixel in range(tile.num_pixels)]
    arrays = {}
    for part in (SERIES, COVER, PLACE):
        values = npy.array_of(tile.sample.parts[part].read())
        if values is None:
            return _none(names, UNREADABLE.format(part))
        arrays[part] = values
    first = _first_month(tile.sample.key, spec=spec)
    return _rows(names, arrays, first=first)


def _rows(names: list[str], arrays: dict[str, np.ndarray], *, first: int) -> dict[str, np.ndarray]:
    window = slice(first, first + STEPS)
    with np.errstate(over="ignore"):
        x = arrays[SERIES][:, window].astype(np.float32)
    cover = arrays[COVER][:, window]
    faults = np.full(len(names), "", dtype=object)
    faults[~((cover >= 0) & (cover <= 9)).all(axis=1)] = UNCLASSED  # NaN is neither
    faults[~np.isfinite(x).all(axis=(1, 2))] = geotiff.NOT_FINITE
    lat, lon = arrays[PLACE].astype(np.float64).T
    month = np.full(len(names), first % 12, dtype=np.uint8)
    part = image_index.index(
        {"id": names, "lat": lat, "lon": lon, "month": month, "rejected": faults}
    )
    classes = np.where(faults == "", cover.T, 0).T.astype(np.uint8)
    return {**image_index.columns(part), "x": x, "dynamic_world": classes}


def _none(names: list[str], reason: str) -> dict[str, np.ndarray]:
    size = len(names)
    x = np.zeros((size, STEPS, BANDS), dtype=np.float32)
    part = image_index.columns(image_index.rejected(dict.fromkeys(names, reason)))
    return {**part, "x": x, "dynamic_world": np.zeros((size, STEPS), dtype=np.uint8)}


def _first_month(key: str, *, spec: PrestoShardsSpec) -> int:
    if spec.first_month is not None:
        return spec.first_month
    return int(generator("presto shards", key).integers(0, 12))
