"""A user's own maps: found by content, read in every form, and refused in a sentence."""

import shutil
from pathlib import Path

import geopandas
import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from affine import Affine

from terrasweep.infra.errors import PoolError
from terrasweep.infra.step import Step
from terrasweep.pipelines.sharding.work import ShardWork
from terrasweep.pipelines.spec import ShardSpec
from terrasweep.samplers.geography.spec import GeographySpec, LandCoverMap
from terrasweep.samplers.intake.describe import mapped
from terrasweep.samplers.maps import ecoregions, files, land_cover

# Three ecoregions side by side, each ten degrees wide: steppe, ice, and desert with a hole in it.
LAT, LON = np.array([5.0, 5.0, 5.0, 2.0, 50.0]), np.array([5.0, 15.0, 25.0, 22.0, 5.0])
BIOME = [8, 0, 13, 0, 0]
REALM = ["palearctic", "none", "indomalayan", "none", "none"]
ECOREGION = ["Test steppe", "none", "Test desert", "none", "none"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of maps."""
    monkeypatch.setenv("TERRASWEEP_POOLS", str(tmp_path))
    (tmp_path / "maps").mkdir()
    return tmp_path / "maps"


def regions(**other: object) -> geopandas.GeoDataFrame:
    hole = shapely.box(21, 1, 23, 3)
    columns = {
        "ECO_NAME": ["Test steppe", "Rock and Ice", "Test desert"],
        "BIOME_NUM": [8.0, 11.0, 13.0],
        "BIOME_NAME": ["Temperate Grasslands", "N/A", "Deserts"],
        "REALM": ["Palearctic", "N/A", "Indomalaya"],
        "ECO_ID": [7, 0, 9],
        **other,
    }
    boxes = [shapely.box(west, 0, west + 10, 10) for west in (0, 10, 20)]
    boxes[2] = boxes[2].difference(hole)
    return geopandas.GeoDataFrame(columns, geometry=boxes, crs=4326)


def raster(
    path: Path, values: np.ndarray, *, west: float = 0, crs: str | None = "EPSG:4326"
) -> None:
    """A GeoTIFF of one-degree pixels from 10 N down."""
    path.parent.mkdir(exist_ok=True)
    at = Affine(1, 0, west, 0, -1, 10)
    tall, wide = values.shape
    about = {"dtype": values.dtype, "count": 1, "height": tall, "width": wide}
    with rasterio.open(path, "w", driver="GTiff", crs=crs, transform=at, **about) as file:
        file.write(values, 1)


def rasters(folder: Path) -> None:
    biome, realm, number = (np.zeros((10, 30), np.float64) for _ in range(3))
    biome[:, :10], biome[:, 10:20], biome[:, 20:] = 8, 11, 13
    realm[:, :10], realm[:, 20:] = 8, 4
    number[:, :10], number[:, 20:] = 7, 9
    for one in (biome, realm, number):
        one[7:9, 21:23] = 0
    for name, values in (("biome", biome), ("realm", realm), ("ecoregion", number)):
        raster(folder / f"Ecoregions2017_{name}.tif", values)
    table = regions().drop(columns="geometry")
    pyogrio.write_dataframe(table, folder / "Ecoregions2017.dbf", driver="ESRI Shapefile")


def only_map() -> files.Map:
    (one,) = files.present()
    return one


@pytest.mark.parametrize("form", ["resolve.shp", "resolve.gpkg", "resolve.parquet", "rasters"])
def test_every_form_of_resolve_says_the_same(form: str, home: Path):
    match form.rpartition(".")[2]:
        case "rasters":
            rasters(home / form)
        case "parquet":
            regions().to_crs(3857).to_parquet(home / form)
        case _:
            regions().to_file(home / form)
    spec = GeographySpec(ecoregions=only_map().content)
    found = mapped({"lat": LAT, "lon": LON}, geography=spec)
    assert found["biome"].tolist() == BIOME
    assert found["biome"].dtype == np.int16
    assert found["realm"].tolist() == REALM
    assert found["ecoregion"].tolist() == ECOREGION


def test_a_map_is_known_by_its_content_wherever_it_lies(home: Path, monkeypatch):
    """Law 3: the key hears of the bytes, and not of the name, the folder or the machine."""
    regions().to_file(home / "resolve.gpkg")
    one = only_map().content
    elsewhere = home.parent / "elsewhere"
    shutil.copytree(home, elsewhere / "maps")
    (elsewhere / "maps" / "resolve.gpkg").rename(elsewhere / "maps" / "other name.gpkg")
    monkeypatch.setenv("TERRASWEEP_POOLS", str(elsewhere))
    assert only_map().content == one
    regions(ECO_NAME=["A", "B", "C"]).to_file(elsewhere / "maps" / "other name.gpkg")
    assert only_map().content != one


def test_the_maps_are_heard_of_in_the_key_and_the_embedded_ones_are_not():
    pool = {"name": "planet", "size": 10}
    plain = Step("shard", ShardSpec.model_validate({"pool": pool}))
    told = Step("shard", ShardSpec.model_validate({"pool": pool, "geography": {}}))
    other = [{"ecoregions": "0" * 16}, {"ecoregions": "1" * 16}, {"russia": "asia"}]
    steps = [
        Step("shard", ShardSpec.model_validate({"pool": pool, "geography": one})) for one in other
    ]
    assert told.key == plain.key
    assert len({plain.key, *(step.key for step in steps)}) == 4


def test_files_too_large_to_hash_are_known_by_blocks(home: Path, monkeypatch):
    monkeypatch.setattr(files, "WHOLE", 1000)
    monkeypatch.setattr(files, "BLOCK", 10)
    data = bytearray(np.arange(5000, dtype=np.uint16).tobytes())
    (home / "a.tif").write_bytes(data)
    one = only_map().content
    data[-1] ^= 255
    (home / "b.tif").write_bytes(data)
    assert [found.content == one for found in files.present()] == [True, False]


def land(folder: Path, **legend: object) -> LandCoverMap:
    return LandCoverMap.model_validate({"content": files.content(folder), **legend})


def test_land_cover_comes_from_tiles_and_knows_where_there_is_none(home: Path):
    """Two tiles of WorldCover: trees and crops in the west, no data and water in the east."""
    west, east = np.full((10, 10), 10, np.uint8), np.zeros((10, 10), np.uint8)
    west[:, 5:] = 40
    east[:, 5:] = 80
    raster(home / "tiles" / "west.tif", west)
    raster(home / "tiles" / "east.tif", east, west=10)
    lon = np.array([2.0, 7.0, 12.0, 17.0, 25.0])
    found = land_cover.at(land(home / "tiles"), lat=np.full(5, 5.0), lon=lon)
    assert found.tolist() == ["trees", "crops", "none", "water", "none"]


def test_a_legend_of_ones_own_may_count_from_zero(home: Path):
    values = np.zeros((10, 10), np.uint8)
    values[:, 5:] = 2
    raster(home / "own.tif", values)
    spec = land(home / "own.tif", legend={"0": "paddy", "2": "tea"})
    found = land_cover.at(spec, lat=np.full(2, 5.0), lon=np.array([2.0, 7.0]))
    assert found.tolist() == ["paddy", "tea"]
    dynamic = land(home / "own.tif", legend="dynamic_world")
    found = land_cover.at(dynamic, lat=np.full(2, 5.0), lon=np.array([2.0, 7.0]))
    assert found.tolist() == ["water", "grass"]


def test_a_raster_in_metres_is_looked_up_in_metres(home: Path):
    values = np.full((40, 40), 10, np.uint8)
    values[:20] = 40  # the northern half
    place = Affine(1000, 0, 480_000, 0, -1000, 5_500_000)
    about = {"dtype": "uint8", "count": 1, "height": 40, "width": 40, "crs": "EPSG:32632"}
    with rasterio.open(home / "utm.tif", "w", driver="GTiff", transform=place, **about) as file:
        file.write(values, 1)
    lat, lon = np.array([49.6, 49.35, 49.6]), np.array([9.0, 9.0, 12.0])
    found = land_cover.at(land(home / "utm.tif"), lat=lat, lon=lon)
    assert found.tolist() == ["crops", "trees", "none"]


def test_the_shard_step_files_samples_under_the_users_maps(home: Path, tmp_path: Path):
    regions().to_file(home / "resolve.gpkg")
    raster(home / "cover.tif", np.full((10, 30), 40, np.uint8))
    by_name = {one.path.name: one.content for one in files.present()}
    geography = {
        "ecoregions": by_name["resolve.gpkg"],
        "land_cover": {"content": by_name["cover.tif"]},
        "russia": "asia",
    }
    pool = {"name": "planet", "size": 10}
    spec = ShardSpec.model_validate({"pool": pool, "geography": geography})
    work = ShardWork(store=None, spec=spec, folder="", num_chunks=1)  # type: ignore[arg-type]
    lat, lon = np.append(LAT, 62.0), np.append(LON, 129.7)  # and Yakutsk
    columns = {
        "id": np.array(list("abcdef")),
        "lat": lat,
        "lon": lon,
        "dynamic_world": np.full((6, 12), 7, np.uint8),
    }
    found = work.describe(columns)
    assert found["biome"].tolist() == [*BIOME, 0]
    assert found["ecoregion"].tolist() == [*ECOREGION, "none"]
    assert found["land_cover"].tolist() == ["crops"] * 4 + ["none"] * 2
    assert found["continent"][-1] == "asia"


def _no_map(home: Path) -> None:
    return


def _no_columns(home: Path) -> None:
    regions().drop(columns=["BIOME_NUM", "REALM"]).to_file(home / "a.gpkg")


def _points(home: Path) -> None:
    shapes = regions()
    shapes.geometry = shapes.geometry.representative_point()
    shapes.to_file(home / "a.gpkg")


def _biome_15(home: Path) -> None:
    regions(BIOME_NUM=[15.0, 11.0, 13.0]).to_file(home / "a.gpkg")


def _no_layer(home: Path) -> None:
    (home / "a.gpkg").write_bytes(b"this is no layer")


def _no_realm(home: Path) -> None:
    raster(home / "a" / "x_biome.tif", np.ones((10, 10)))


def _class_20(home: Path) -> None:
    rasters(home / "a")
    raster(home / "a" / "Ecoregions2017_biome.tif", np.full((10, 30), 20.0))


def _cut_short(home: Path) -> None:
    rasters(home / "a")
    data = bytearray((home / "a" / "Ecoregions2017_realm.tif").read_bytes())
    (home / "a" / "Ecoregions2017_realm.tif").write_bytes(data[: len(data) // 3])


def _no_names(home: Path) -> None:
    rasters(home / "a")
    (home / "a" / "Ecoregions2017.dbf").unlink()


BAD = {
    _no_map: "with content 0{16} in the folder .*maps, got no map at all. Fix: put the map there",
    _no_columns: "RESOLVE Ecoregions 2017 in .*a.gpkg, got no BIOME_NUM, REALM among ECO_NAME",
    _points: "got shapes other than polygons. Fix: give RESOLVE's",
    _biome_15: "got biome 15 in BIOME_NUM, which has 1 to 14",
    _no_layer: "RESOLVE Ecoregions 2017 in .*a.gpkg, got .*. Fix: give RESOLVE's",
    _no_realm: "got no GeoTIFF that ends in _realm among x_biome.tif",
    _class_20: "Ecoregions2017_biome.tif, got class 20",
    _cut_short: "_realm.tif, got an error: the file cannot be read as GeoTIFF",
    _no_names: "got a raster of ecoregions without Ecoregions2017.dbf beside it",
}


@pytest.mark.parametrize("spoil", BAD, ids=lambda spoil: spoil.__name__)
def test_what_is_no_resolve_gets_a_sentence(spoil, home: Path):
    spoil(home)
    content = files.present()[0].content if files.present() else "0" * 16
    with pytest.raises(PoolError, match=BAD[spoil]):
        ecoregions.read(content).at(LAT, LON)


def test_what_is_no_land_cover_gets_a_sentence(home: Path):
    regions().to_file(home / "a.gpkg")
    raster(home / "b.tif", np.full((10, 30), 33, np.uint8))
    (home / "c.tif").write_bytes(b"no raster")
    wanted = {
        "a.gpkg": "land-cover raster in .*a.gpkg, got a layer of shapes. Fix: give a GeoTIFF",
        "b.tif": r"got class 33 \(the legend names 10, 20, .*\)\. Fix: name it in `legend`",
        "c.tif": "c.tif, got an error: the file cannot be read as GeoTIFF. Fix: restore",
    }
    for name, sentence in wanted.items():
        with pytest.raises(PoolError, match=sentence):
            land_cover.at(land(home / name), lat=LAT, lon=LON)


@pytest.mark.parametrize(
    ("legend", "sentence"),
    [
        ({}, "got no class"),
        ({"1": " "}, "class 1 without a name"),
        ({"1": "none"}, "a class called .none."),
    ],
)
def test_a_legend_that_names_nothing_is_refused(legend: dict[str, str], sentence: str):
    with pytest.raises(ValueError, match=sentence):
        LandCoverMap.model_validate({"content": "0" * 16, "legend": legend})
