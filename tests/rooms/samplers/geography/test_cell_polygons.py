"""Cells as polygons of a map: together they are the whole map, each is sound, none runs around."""

import h3
import numpy as np
import pytest
import shapely

from terrasweep.samplers.geography.cell_polygons import polygons, rings
from terrasweep.samplers.geography.cells import cells_of, parse


def every_cell(resolution: int) -> np.ndarray:
    texts = [c for base in h3.get_res0_cells() for c in h3.cell_to_children(base, resolution)]
    return parse(texts)


@pytest.mark.parametrize("resolution", [0, 1, 2])
def test_all_cells_tile_the_map_without_gap_or_overlap(resolution: int):
    made = polygons(every_cell(resolution))
    assert shapely.is_valid(made).all()
    assert shapely.area(made).sum() == pytest.approx(360 * 180)
    assert shapely.union_all(made).area == pytest.approx(360 * 180, rel=1e-4)
    west, south, east, north = shapely.total_bounds(made)
    assert (west, south, east, north) == (-180, -90, 180, 90)


def test_a_cell_over_the_180th_meridian_is_two_narrow_polygons():
    (cell,) = polygons(cells_of(np.array([10.0]), np.array([179.99]), resolution=3))
    parts = rings(cell)
    assert len(parts) == 2
    assert all(np.ptp(part[:, 0]) < 3 for part in parts)
    assert cell.contains(shapely.Point(179.99, 10.0))


@pytest.mark.parametrize("pole", [90.0, -90.0])
def test_the_cell_of_a_pole_reaches_it_at_every_longitude(pole: float):
    (cell,) = polygons(cells_of(np.array([pole]), np.array([0.0]), resolution=1))
    at = shapely.points(np.arange(-175, 180, 10.0), pole * 0.999)
    assert shapely.contains(cell, at).all()


def test_a_cell_holds_the_points_that_it_is_the_cell_of():
    rng = np.random.default_rng(5)
    lat, lon = np.degrees(np.arcsin(rng.uniform(-0.99, 0.99, 300))), rng.uniform(-180, 180, 300)
    made = polygons(cells_of(lat, lon, resolution=4))
    near = shapely.buffer(made, 0.05)  # edges of cells are great circles, those of a map are not
    assert shapely.contains(near, shapely.points(lon, lat)).all()
