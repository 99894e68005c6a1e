"""Presto's shards: 24 months of pixels per tile, three arrays each, and one that is not needed."""

from pathlib import Path

import numpy as np

from terrasweep.infra.seeds import generator
from tests.data import webdataset

TILES = (625, 625, 100, 625)
END = "s1_s2_era5_srtm_2020_2021.npy"


def arrays(tile: int) -> dict[str, np.ndarray]:
    rng = generator("presto tile", tile)
    size = TILES[tile]
    middle = rng.uniform(-60, 60, 2)
    return {
        END: rng.normal(1000, 200, (size, 24, 18)),
        "dynamicworld2020_2021.npy": rng.integers(0, 10, (size, 24)),
        "latlon.npy": middle + rng.uniform(-0.02, 0.02, (size, 2)),
        "worldcover2020.npy": rng.integers(0, 11, (size, 1)),
    }


def key(tile: int) -> str:
    return f"dw_144/00{tile}_5_dw_-98_{tile}"


def members(tile: int) -> list[tuple[str, bytes]]:
    made = arrays(tile).items()
    return [(f"{key(tile)}.{end.upper()}", webdataset.npy(values)) for end, values in made]


def make(folder: Path) -> dict[str, object]:
    for shard in range(2):
        inside = [*members(2 * shard), *members(2 * shard + 1)]
        webdataset.write(folder / f"dw_144_shard_{shard}.tar", inside)
    return {"path": str(folder)}
