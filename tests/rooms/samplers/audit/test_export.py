"""Exports as geopandas reads them back, and as a GeoParquet reader finds them described."""

import json
from pathlib import Path

import geopandas as gpd
import h3
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from terrasweep.infra.errors import SpecError
from terrasweep.samplers.audit.export import write_cells, write_samples
from terrasweep.samplers.geography.cells import cells_of
from terrasweep.samplers.geography.strata import STRATA

LAT = np.array([10.0, 10.0, 10.001, -89.0, 52.0])
LON = np.array([179.99, -179.99, 179.99, 40.0, 5.0])


@pytest.fixture
def manifest() -> pa.Table:
    strata = {over: pa.array(["3"] * len(LAT)) for over in STRATA}
    ids = pa.array([f"s{place}" for place in range(len(LAT))])
    cell = pa.array(cells_of(LAT, LON, resolution=3), pa.uint64())
    return pa.table({"id": ids, "cell": cell, **strata, "lat": LAT, "lon": LON})


def described(path: Path) -> dict:
    """What the file's metadata says, as the GeoParquet standard has it."""
    return json.loads(pq.read_schema(path).metadata[b"geo"])


def test_samples_are_points_in_degrees_with_all_that_the_manifest_says(manifest, tmp_path: Path):
    path = tmp_path / "new" / "samples.parquet"
    assert write_samples(manifest, to=path) == len(LAT)
    found = gpd.read_parquet(path)
    assert found.crs.equals("EPSG:4326")
    assert found["id"].tolist() == manifest.column("id").to_pylist()
    assert (found.geometry.x.to_numpy() == LON).all()
    assert (found.geometry.y.to_numpy() == LAT).all()
    assert found["cell"].tolist() == [
        h3.latlng_to_cell(lat, lon, 3) for lat, lon in zip(LAT, LON, strict=True)
    ]
    geo = described(path)
    assert geo["primary_column"] == "geometry"
    assert geo["columns"]["geometry"]["geometry_types"] == ["Point"]


def test_cells_are_sound_polygons_with_their_counts(manifest, tmp_path: Path):
    path = tmp_path / "cells.parquet"
    number = write_cells(manifest, to=path, resolution=None)
    found = gpd.read_parquet(path)
    assert (len(found), found["samples"].sum()) == (number, len(LAT))
    assert found.crs.equals("EPSG:4326")
    assert found.is_valid.all()
    assert (found.total_bounds[[0, 2]] == [-180, 180]).all()
    for row in found.itertuples():
        assert row.km2 == pytest.approx(h3.cell_area(row.cell, unit="km^2"))
        inside = found.loc[[row.Index]].sindex.query(
            gpd.points_from_xy(LON, LAT), predicate="intersects"
        )
        assert inside.shape[1] == row.samples
    widest = found.geometry.bounds.eval("maxx - minx")[found.geometry.geom_type == "Polygon"]
    assert (widest < 180).all()  # none is drawn all around the map


def test_cells_may_be_coarser_than_the_pool_has_them_but_not_finer(manifest, tmp_path: Path):
    path = tmp_path / "cells.parquet"
    base = {h3.latlng_to_cell(lat, lon, 0) for lat, lon in zip(LAT, LON, strict=True)}
    assert write_cells(manifest, to=path, resolution=0) == len(base)
    with pytest.raises(SpecError, match=r"got 4\. Fix: name one from 0 to 3"):
        write_cells(manifest, to=path, resolution=4)


def test_a_file_that_cannot_be_written_is_told(manifest, tmp_path: Path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(
        SpecError, match=r"Expected to write .*, got .*\. Fix: name another file with --to"
    ):
        write_samples(manifest, to=tmp_path / "taken" / "x.parquet")
