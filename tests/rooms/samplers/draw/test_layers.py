"""A user's own points and polygons: what is read, and what is said of what cannot be."""

import json
from pathlib import Path

import geopandas
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from terrasweep.infra.errors import PoolError
from terrasweep.samplers.draw import layers
from terrasweep.samplers.spec.places import Points, Polygons

LAT, LON = [52.5, -33.9], [13.4, 151.2]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TERRASWEEP_POOLS", str(tmp_path))
    return tmp_path


def points(path: str, content: str | None = None) -> layers.PointLayer:
    return layers.points(Points(path=path, radius_km=10, content=content))


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.geojson", "a.gpkg", "a.geoparquet"])
def test_points_are_read_from_tables_and_from_layers(name: str, home: Path):
    table = pa.table({"lat": LAT, "lon": LON, "name": ["Berlin", "Sydney"]})
    shapes = geopandas.GeoDataFrame(geometry=geopandas.points_from_xy(LON, LAT), crs=4326)
    match name.partition(".")[2]:
        case "csv":
            table.to_pandas().to_csv(home / name, index=False)
        case "parquet":
            pq.write_table(table, home / name)
        case "geoparquet":
            shapes.to_crs(3857).to_parquet(home / name)
        case _:
            shapes.to_file(home / name)
    layer = points(name)
    np.testing.assert_allclose(layer.lat, LAT, atol=1e-6)
    np.testing.assert_allclose(layer.lon, LON, atol=1e-6)
    assert len(layer.content) == 16


def test_a_file_with_another_content_is_refused(home: Path):
    (home / "a.csv").write_text("lat,lon\n1,2\n")
    content = points("a.csv").content
    assert points("a.csv", content).content == content
    (home / "a.csv").write_text("lat,lon\n1,3\n")
    with pytest.raises(PoolError, match=f"with content {content}, got content .*. Fix: restore"):
        points("a.csv", content)


BAD = {
    "a file that is not there": (None, "no such file. Fix: check `path` of the rule points"),
    "no columns": ("x,y\n1,2\n", "Expected the columns lat and lon in .*, got only x, y"),
    "one column": ("lat,y\n1,2\n", "Expected the columns lon in"),
    "no rows": ("lat,lon\n", "got none"),
    "places off the Earth": ("lat,lon\n1,2\n91,2\n", "got 1 of 2 off the Earth"),
    "places that are missing": ("lat,lon\n1,2\n,2\n", "got 1 of 2 off the Earth"),
    "places in words": ("lat,lon\nnorth,2\n", "Expected a layer in"),
    "ragged lines": ("lat,lon\n1,2,3\n", "Expected a layer in"),
    "nothing": ("", "Expected a layer in"),
}


@pytest.mark.parametrize("case", BAD)
def test_points_that_make_no_sense_are_one_sentence(case: str, home: Path):
    text, says = BAD[case]
    if text is not None:
        (home / "a.csv").write_text(text)
    with pytest.raises(PoolError, match=says) as caught:
        points("a.csv")
    assert "\n" not in str(caught.value)


def test_polygons_are_read_in_degrees_and_mended(home: Path):
    bow = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])  # it crosses itself
    shapes = geopandas.GeoDataFrame(geometry=[bow, shapely.box(10, 10, 11, 11)], crs=4326)
    shapes.to_crs(3857).to_file(home / "a.gpkg")
    layer = layers.polygons(Polygons(path="a.gpkg"))
    mended = [shapely.from_wkb(one) for one in layer.wkb]
    assert all(shape.is_valid for shape in mended)
    np.testing.assert_allclose(mended[1].bounds, (10, 10, 11, 11), atol=1e-6)


def test_a_layer_that_holds_no_polygons_is_refused(home: Path):
    point = {"type": "Point", "coordinates": [1, 2]}
    (home / "a.geojson").write_text(json.dumps(point))
    with pytest.raises(PoolError, match=r"Expected polygons in .*, got Point. Fix: name a layer"):
        layers.polygons(Polygons(path="a.geojson"))
    (home / "b.geojson").write_text("no layer at all")
    with pytest.raises(PoolError, match="Expected a layer in"):
        layers.polygons(Polygons(path="b.geojson"))
    with pytest.raises(PoolError, match="got a folder"):
        layers.polygons(Polygons(path="."))
