"""Six samples of an index by Polars, as one would write them by hand, for comparison.

Each reads the files it needs again, filters while it reads, and draws at random. They are drawn one
after another in one process; Polars uses as many threads as it likes.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import polars as pl

KEPT: Final = (
    *("id", "rank_hash", "coarse", "cell", "continent", "biome", "climate", "land_cover"),
    *("realm", "ecoregion", "lat", "lon"),
)
"""The columns of a manifest."""
FORESTS: Final = (1, 2, 3, 4, 5, 6, 14)
FAR_KM: Final = 100.0

Draw = Callable[[pl.LazyFrame, int, int], pl.DataFrame]


def draw_all(files: Sequence[Path], *, size: int, seed: int) -> float:
    """Return the seconds that six samples take."""
    started = time.perf_counter()
    for name, draw in SIX.items():
        drawn = draw(pl.scan_parquet(list(files)), size, seed)
        assert abs(drawn.height - size) < 100, name  # strata of equal size need not add up to it
    return time.perf_counter() - started


def _among(rows: pl.LazyFrame, kept: pl.Expr, size: int, seed: int) -> pl.DataFrame:
    return rows.filter(kept).select(KEPT).collect().sample(size, seed=seed)


def _evenly(
    rows: pl.LazyFrame, over: str, unknown: str | int, size: int, seed: int
) -> pl.DataFrame:
    found = rows.filter(pl.col(over) != unknown).select(KEPT).collect()
    quota = round(size / found[over].n_unique())
    return found.filter(pl.int_range(pl.len()).shuffle(seed=seed).over(over) < quota)


def _anywhere(rows: pl.LazyFrame, size: int, seed: int) -> pl.DataFrame:
    return rows.select(KEPT).collect().sample(size, seed=seed)


def _europe(rows: pl.LazyFrame, size: int, seed: int) -> pl.DataFrame:
    return _among(rows, pl.col("continent") == "europe", size, seed)


def _continents(rows: pl.LazyFrame, size: int, seed: int) -> pl.DataFrame:
    return _evenly(rows, "continent", "none", size, seed)


def _biomes(rows: pl.LazyFrame, size: int, seed: int) -> pl.DataFrame:
    return _evenly(rows, "biome", 0, size, seed)


def _forest(rows: pl.LazyFrame, size: int, seed: int) -> pl.DataFrame:
    return _among(rows, pl.col("biome").is_in(FORESTS) & (pl.col("city_km") >= FAR_KM), size, seed)


def _most_varied(rows: pl.LazyFrame, size: int, seed: int) -> pl.DataFrame:
    least = pl.col("entropy").quantile(0.75)
    return _among(rows, pl.col("entropy") >= least, size, seed)


SIX: Final[Mapping[str, Draw]] = {
    "per_sample": _anywhere,
    "europe": _europe,
    "stratified_continent": _continents,
    "stratified_biome": _biomes,
    "natural_forest": _forest,
    "entropy_top": _most_varied,
}
"""By the name of the composition of the catalogue that draws the same."""
