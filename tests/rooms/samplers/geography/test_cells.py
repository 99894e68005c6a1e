"""The only door to H3 says the same as H3, with and without the fast library."""

import h3.api.numpy_int as h3
import numpy as np
import pytest

from terrasweep.infra.errors import PoolError
from terrasweep.infra.seeds import generator
from terrasweep.samplers.geography import cells

RNG = generator("test cells")
LAT, LON = RNG.uniform(-90, 90, 300), RNG.uniform(-180, 180, 300)


@pytest.fixture(params=[True, False], ids=["h3ronpy", "h3-py"])
def vectorised(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param and not cells.VECTORISED:
        pytest.skip("h3ronpy is not installed")
    monkeypatch.setattr(cells, "VECTORISED", request.param)


@pytest.mark.usefixtures("vectorised")
def test_points_fall_into_the_cells_that_h3_says():
    found = cells.cells_of(LAT, LON, resolution=5)
    assert found.dtype == np.uint64
    assert found.tolist() == [
        int(h3.latlng_to_cell(y, x, 5)) for y, x in zip(LAT, LON, strict=True)
    ]


@pytest.mark.usefixtures("vectorised")
@pytest.mark.parametrize("place", [(90, 0), (-90, 0), (0, 180), (0, -180), (65.1, -179.9)])
def test_poles_and_the_date_line_have_cells(place):
    lat, lon = place
    (cell,) = cells.cells_of(np.array([lat]), np.array([lon]), resolution=5)
    assert cell == h3.latlng_to_cell(lat, lon, 5)


@pytest.mark.usefixtures("vectorised")
@pytest.mark.parametrize(("lat", "lon"), [(np.nan, 0), (0, np.inf), (90.1, 0), (0, -180.5)])
def test_a_place_that_is_not_on_earth_is_refused_with_its_row(lat, lon):
    with pytest.raises(PoolError, match="row 1"):
        cells.cells_of(np.array([0, lat]), np.array([0, lon]), resolution=5)


def test_no_points_have_no_cells():
    assert cells.cells_of(np.array([]), np.array([]), resolution=5).size == 0
    assert cells.disk(np.array([], np.uint64), rings=2).size == 0


@pytest.mark.parametrize("resolution", [0, 1, 3, 5])
def test_parents_are_the_parents_that_h3_says(resolution):
    fine = cells.cells_of(LAT, LON, resolution=5)
    parents = cells.parents(fine, resolution=resolution)
    assert parents.tolist() == [int(h3.cell_to_parent(cell, resolution)) for cell in fine]
    assert set(cells.resolutions(parents)) == {resolution}


def test_a_coarse_cell_has_no_finer_parent():
    with pytest.raises(ValueError, match="no parent"):
        cells.parents(cells.cells_of(LAT, LON, resolution=3), resolution=5)


@pytest.mark.usefixtures("vectorised")
def test_a_disk_is_the_union_of_the_disks():
    some = cells.cells_of(LAT[:5], LON[:5], resolution=5)
    wanted = set().union(*({int(c) for c in h3.grid_disk(cell, 2)} for cell in some))
    assert cells.disk(np.concatenate([some, some]), rings=2).tolist() == sorted(wanted)
    assert cells.disk(some, rings=0).tolist() == sorted(set(some.tolist()))


@pytest.mark.usefixtures("vectorised")
def test_the_coarsest_cells_cover_the_earth():
    everywhere = cells.cells_of(
        RNG.uniform(-90, 90, 20_000), RNG.uniform(-180, 180, 20_000), resolution=0
    )
    whole = np.unique(everywhere)
    assert len(whole) == 122
    assert cells.areas_km2(whole).sum() == pytest.approx(510.07e6, rel=1e-3)


def test_a_cell_lies_around_its_centre():
    fine = cells.cells_of(LAT, LON, resolution=5)
    lat, lon = cells.centres(fine)
    assert (cells.cells_of(lat, lon, resolution=5) == fine).all()
    corners = cells.boundaries(fine[:3])
    assert [len(ring) for ring in corners] == [6, 6, 6]
    assert corners[0][:, 0].min() < lat[0] < corners[0][:, 0].max()


def test_names_are_read_back():
    fine = cells.cells_of(LAT, LON, resolution=5)
    assert cells.names(fine)[0] == h3.int_to_str(fine[0])
    assert (cells.parse(cells.names(fine)) == fine).all()
