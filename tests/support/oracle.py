"""What rules may draw and do draw, worked out anew by plain geometry, row by row.

Nothing here is taken from `samplers.draw` but the rank of a sample, which its id and the replicate
fix; the embedded maps of cities and land are data.
"""

from collections import Counter
from itertools import pairwise

import h3
import numpy as np
import pyarrow as pa

from terrasweep.samplers.draw.ranks import ranks
from terrasweep.samplers.geography import cities
from terrasweep.samplers.geography.land import land_km2
from terrasweep.samplers.geography.strata import UNKNOWN
from terrasweep.samplers.spec.places import (
    Box,
    Cities,
    EntropyTop,
    NaturalForest,
    Only,
    Overlap,
    PerSample,
    Points,
    Polygons,
    Union,
)
from terrasweep.samplers.spec.rules import (
    Difference,
    EntropyHistogram,
    EntropyWeighted,
    Mixture,
    Rule,
    Stratified,
    Uniform,
)

POINTS = [(3.0, 4.0), (9.0, 9.0)]
"""Latitude and longitude of the points in `points.csv`."""
SQUARE = (2.0, 8.0)
"""Both the latitudes and the longitudes of the square in `square.geojson`."""


def weights(rule: Rule, pool: pa.Table) -> np.ndarray:
    """Return how likely a rule without strata makes each sample; zero where it may not be drawn."""
    column = {name: np.asarray(pool.column(name)) for name in pool.column_names}
    entropy = column["entropy"].astype(np.float64)
    match rule:
        case EntropyWeighted(temperature=temperature):
            return np.where(np.isnan(entropy), 0.0, np.exp(entropy / temperature))
        case Uniform(resolution=resolution):
            return _land_per_sample(column["cell"], column["continent"], resolution)
        case EntropyTop(fraction=fraction):
            return _in_top(entropy, fraction) * 1.0
        case Overlap(of=of) | Union(of=of):
            combine = np.prod if isinstance(rule, Overlap) else np.max
            return np.asarray(combine([weights(one, pool) for one in of], axis=0))
        case Difference(of=of, less=less):
            others = np.sum([weights(one, pool) for one in less], axis=0)
            return np.where(others > 0, 0.0, weights(of, pool))
        case Stratified() | EntropyHistogram():
            return np.array([name is not None for name in strata(rule, pool)], float)
        case Mixture(components=components):
            return np.max([weights(one.rule, pool) for one in components], axis=0)
        case _:
            return _at_place(rule, column)


def _at_place(rule: Rule, column: dict[str, np.ndarray]) -> np.ndarray:
    lat, lon = column["lat"], column["lon"]
    match rule:
        case PerSample():
            return np.ones(len(lat))
        case Only(over=over, values=values, also=also):
            named = {over: values, **also}
            rows = zip(*(column[name].astype(str) for name in named), strict=True)
            return np.array([all(map(_is_in, row, named.values())) for row in rows], float)
        case Cities(top=top, radius_km=radius):
            largest = cities.top(top)
            return _kernel(lat, lon, list(zip(largest.lat, largest.lon, strict=True)), radius)
        case Points(radius_km=radius):
            return _kernel(lat, lon, POINTS, radius)
        case NaturalForest(biomes=biomes, city_km=km):
            return np.isin(column["biome"].astype(str), biomes) * (column["city_km"] >= km) * 1.0
        case Polygons():
            low, high = SQUARE
            return ((lat >= low) & (lat <= high) & (lon >= low) & (lon <= high)) * 1.0
        case Box(south=south, north=north, west=west, east=east):
            return ((lat >= south) & (lat <= north) & (lon >= west) & (lon <= east)) * 1.0
    raise AssertionError(f"write an oracle for the rule {rule.kind}")


def strata(rule: Rule, pool: pa.Table) -> list[str | None]:
    """Return the name of each sample's stratum, as a card names it; none where it has none."""
    match rule:
        case Stratified(over=over, shares=shares):
            values = [str(value) for value in pool.column(over).to_pylist()]
            known = {*shares} if isinstance(shares, dict) else {*values} - {UNKNOWN[over]}
            return [value if value in known else None for value in values]
        case EntropyHistogram(edges=edges):
            return [_bin(value, edges) for value in pool.column("entropy").to_pylist()]
        case Only(values=values):
            return ["+".join(values)] * pool.num_rows
        case _:
            return ["all"] * pool.num_rows


def drawn(
    rule: Rule, pool: pa.Table, *, quota: dict[str, int], replicate: int
) -> tuple[list[str], bool]:
    """Return the ids that a rule draws, sorted, if its strata give so many samples.

    A sample's key is an exponential number that its rank alone fixes, divided by its weight; the
    lowest keys of a stratum are drawn. A component of a mixture leaves out what earlier ones drew.
    """
    hashed = np.asarray(pool.column("rank_hash"))
    ids: list[str] = pool.column("id").to_pylist()
    named = rule.components if isinstance(rule, Mixture) else ()
    parts = [(f"{one.name}: ", one.rule, one.repeats) for one in named] or [("", rule, 1)]
    left, result = set(range(pool.num_rows)), []
    had_a_choice = False
    for prefix, own, repeats in parts:
        rank = ranks(hashed, replicate=replicate, component=prefix.removesuffix(": "))
        exponential = -np.log1p(-(rank.astype(np.float64) + 0.5) / 2.0**64)
        weight, names = weights(own, pool), strata(own, pool)
        part = []
        for name in {name for name in names if name is not None}:
            rows = [row for row in left if weight[row] > 0 and names[row] == name]
            key = exponential / np.where(weight > 0, weight, 1.0)
            rows.sort(key=lambda row: (key[row], rank[row], ids[row]))
            number = quota.get(prefix + name, 0)
            had_a_choice |= 0 < number < len(rows)
            part += (rows * repeats)[:number]
        left -= set(part)
        result += part
    return sorted(ids[row] for row in result), had_a_choice


def _is_in(value: str, values: tuple[str, ...]) -> bool:
    return value in values


def _kernel(
    lat: np.ndarray, lon: np.ndarray, points: list[tuple[float, float]], radius_km: float
) -> np.ndarray:
    """Return a Gaussian of the distance to the nearest point, zero beyond four radii."""
    nearest = np.full(len(lat), np.inf)
    for point_lat, point_lon in points:
        nearest = np.minimum(nearest, _haversine_km(lat, lon, point_lat, point_lon))
    return np.where(nearest <= 4 * radius_km, np.exp(-0.5 * (nearest / radius_km) ** 2), 0.0)


def _haversine_km(lat: np.ndarray, lon: np.ndarray, to_lat: float, to_lon: float) -> np.ndarray:
    a, b = np.radians(lat), np.radians(to_lat)
    across = np.sin(np.radians(lon - to_lon) / 2) ** 2
    square = np.sin((a - b) / 2) ** 2 + np.cos(a) * np.cos(b) * across
    return np.asarray(2 * 6371.0 * np.arcsin(np.sqrt(square)))


def _in_top(entropy: np.ndarray, fraction: float) -> np.ndarray:
    """Return which samples lie in the highest hundredths of a nat that hold such a fraction."""
    hundredths = [int(np.floor(value * 100)) for value in entropy if not np.isnan(value)]
    for lowest in sorted(set(hundredths), reverse=True):
        if sum(one >= lowest for one in hundredths) >= fraction * len(hundredths):
            return np.array([not np.isnan(x) and np.floor(x * 100) >= lowest for x in entropy])
    raise AssertionError("no sample has an entropy")


def _land_per_sample(cell: np.ndarray, continent: np.ndarray, resolution: int) -> np.ndarray:
    """Return for samples on a continent the land of their cell, shared among those in it."""
    parent = [h3.str_to_int(h3.cell_to_parent(h3.int_to_str(int(c)), resolution)) for c in cell]
    on_land = [name != "none" for name in continent]
    number = Counter(one for one, is_on in zip(parent, on_land, strict=True) if is_on)
    land = dict(zip(*(column.tolist() for column in land_km2(resolution)), strict=True))
    return np.array(
        [
            land.get(one, 0.0) / number[one] if is_on else 0.0
            for one, is_on in zip(parent, on_land, strict=True)
        ]
    )


def _bin(value: float, edges: tuple[float, ...]) -> str | None:
    for number, (low, high) in enumerate(pairwise(edges)):
        if low <= value < high or (number == len(edges) - 2 and value == high):
            return f"{low:g}-{high:g}"
    return None
