"""Draws against facts: shares of area by continent and biome, what clusters and forests hold."""

import io
import struct
from functools import cache

import numpy as np
import pyarrow as pa
import pytest

from terrasweep.infra.seeds import generator
from terrasweep.samplers.draw.index import INDEX
from terrasweep.samplers.draw.ranks import hashes
from terrasweep.samplers.draw.scan import DrawRequest
from terrasweep.samplers.geography import biomes, cities, climate, continents
from terrasweep.samplers.geography.cells import cells_of, parents
from terrasweep.samplers.spec.composition import CompositionSpec
from terrasweep.samplers.spec.places import Cities, NaturalForest, PerSample
from terrasweep.samplers.spec.rules import Rule, Stratified, Uniform
from tests.support.drawing import facts_of, selected
from tests.support.paths import REAL_DATA

DATA = REAL_DATA
SIZE = 4_000
AREAS = {  # of the six continents without Antarctica
    "africa": 0.223,
    "asia": 0.232,
    "europe": 0.170,
    "north_america": 0.180,
    "oceania": 0.063,
    "south_america": 0.132,
}


@cache
def pool(spread: str) -> pa.Table:
    """The index of a pool on land: area-true, even by degrees, or mostly European."""
    words = generator("earth", spread)
    lat = words.uniform(-90, 90, 400_000)
    if spread != "degrees":
        lat = np.degrees(np.arcsin(words.uniform(-1, 1, 400_000)))
    lon = words.uniform(-180, 180, 400_000)
    kept = continents.is_land(lat, lon)
    if spread == "european":
        european = continents.names(lat, lon, russia="europe") == "europe"
        kept &= european | (words.random(400_000) < 0.3)
    return _index(lat[kept], lon[kept])


def _index(lat: np.ndarray, lon: np.ndarray) -> pa.Table:
    ids = [f"s{number}" for number in range(len(lat))]
    cell = cells_of(lat, lon, resolution=5)
    columns = {
        "id": ids,
        "rank_hash": hashes(ids),
        "coarse": parents(cell, resolution=1),
        "cell": cell,
        "continent": continents.names(lat, lon, russia="europe"),
        "biome": biomes.proxy(lat, lon),
        "climate": climate.codes(lat, lon),
        **{name: np.full(len(lat), "none") for name in ("land_cover", "realm", "ecoregion")},
        "lat": lat,
        "lon": lon,
        "entropy": np.full(len(lat), np.nan),
        "city_km": cities.distance_km(lat, lon),
    }
    arrays = [pa.array(columns[field.name], field.type) for field in INDEX]
    return pa.Table.from_arrays(arrays, schema=INDEX)


@cache
def drawn(spread: str, rule: Rule, size: int = SIZE) -> pa.Table:
    request = DrawRequest(CompositionSpec(rule=rule, size=size), replicate=0, guard="none")
    return selected([pool(spread)], request, facts=facts_of(pool(spread)))[0]


def off(rows: pa.Table, column: str, wanted: dict[object, float]) -> float:
    """How many standard errors the worst share is off."""
    values = np.asarray(rows.column(column))
    errors = [
        abs(np.mean(values == value) - share) / np.sqrt(share * (1 - share) / len(values))
        for value, share in wanted.items()
    ]
    return max(errors)


def areas(values: np.ndarray) -> dict[object, float]:
    """Shares of area of each value above zero of a raster of a tenth of a degree."""
    lat = 90 - 0.1 * (np.arange(1800) + 0.5)
    km2 = np.repeat(np.cos(np.deg2rad(lat))[:, None], 3600, axis=1)
    summed = np.bincount(values.ravel(), weights=km2.ravel())
    return {n: summed[n] / summed[1:].sum() for n in range(1, len(summed)) if summed[n] > 0}


def grid() -> tuple[np.ndarray, np.ndarray]:
    lat, lon = 90 - 0.1 * (np.arange(1800) + 0.5), -180 + 0.1 * (np.arange(3600) + 0.5)
    return np.repeat(lat, 3600), np.tile(lon, 1800)


def test_an_area_true_pool_and_an_area_true_draw_have_the_areas_of_the_continents():
    assert off(drawn("area", PerSample()), "continent", AREAS) < 3
    assert off(drawn("area", Uniform()), "continent", AREAS) < 3


def test_a_pool_even_by_degrees_is_not_area_true_but_a_uniform_draw_from_it_is():
    by_degrees = drawn("degrees", PerSample())
    assert off(by_degrees, "continent", {"europe": 0.243, "africa": 0.166}) < 4
    assert off(by_degrees, "continent", AREAS) > 10
    for resolution in (0, 1, 2):
        assert off(drawn("degrees", Uniform(resolution=resolution)), "continent", AREAS) < 3


def test_a_uniform_draw_is_area_true_from_a_european_pool():
    assert off(drawn("european", PerSample()), "continent", AREAS) > 10
    assert off(drawn("european", Uniform(), 1_000), "continent", AREAS) < 3


def test_an_area_true_draw_has_the_areas_of_the_proxy_biomes():
    lat, lon = grid()
    on_land = continents.is_land(lat, lon)
    shares = areas(np.where(on_land, biomes.proxy(lat, lon), 0).reshape(1800, 3600))
    rows = drawn("area", Uniform())
    rows = rows.filter(np.asarray(rows.column("biome")) > 0)
    assert off(rows, "biome", shares) < 3


def test_an_area_true_draw_has_the_areas_of_the_biomes_of_resolve():
    biome, realm = _resolve("biome"), _resolve("realm")
    biome[(biome == 11) & (realm == 0)] = 0  # rock and ice
    lat, lon = grid()
    biome[~continents.is_land(lat, lon).reshape(1800, 3600)] = 0
    rows = drawn("area", Uniform())
    row = ((90 - np.asarray(rows.column("lat"))) * 10).astype(int)
    column = ((np.asarray(rows.column("lon")) + 180) * 10).astype(int)
    found = biome[row, column]
    assert off(pa.table({"biome": found[found > 0]}), "biome", areas(biome)) < 3


def test_equal_shares_have_the_entropy_that_the_study_prints():
    rows = drawn("area", Stratified())
    shares = np.unique(np.asarray(rows.column("continent")), return_counts=True)[1] / SIZE
    assert round(float(-(shares * np.log(shares)).sum()), 2) == 1.79  # ln 6


def test_city_clusters_are_near_cities_and_mostly_in_asia():
    rows = drawn("area", Cities(radius_km=100.0))
    km = cities.distance_km(np.asarray(rows.column("lat")), np.asarray(rows.column("lon")))
    assert km.max() <= 400
    assert np.mean(np.asarray(rows.column("continent")) == "asia") > 0.4


def test_natural_forest_is_forest_far_from_cities():
    rows = drawn("area", NaturalForest())
    assert set(np.unique(np.asarray(rows.column("biome")))) <= {1, 2, 3, 4, 5, 6, 14}
    km = cities.distance_km(np.asarray(rows.column("lat")), np.asarray(rows.column("lon")))
    assert km.min() >= 99.9


def _resolve(name: str) -> np.ndarray:
    """Read a RESOLVE raster: rows of float64, which Pillow reads only as eight bytes each."""
    path = DATA / "resolve2017" / f"Ecoregions2017_{name}.tif"
    if not path.exists():
        pytest.skip(f"{path.parent} is absent")
    image = pytest.importorskip("PIL.Image", reason="pillow is not installed")
    data = bytearray(path.read_bytes())
    (start,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, start)
    instead = {256: 3600 * 8, 258: 8, 339: 1}  # width, bits and format of a sample
    for at in range(start + 2, start + 2 + 12 * entries, 12):
        (tag,) = struct.unpack_from("<H", data, at)
        if tag in instead:
            struct.pack_into("<H", data, at + 8, instead[tag])
    return np.asarray(image.open(io.BytesIO(bytes(data)))).view("<f8").astype(np.int64)
