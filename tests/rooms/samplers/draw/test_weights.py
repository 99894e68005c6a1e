"""What each rule gives a sample, by hand."""

import numpy as np
import pyarrow as pa
import pytest

from terrasweep.samplers.draw.kernels import CROWDED, GaussianKernel
from terrasweep.samplers.draw.view import IndexView
from terrasweep.samplers.draw.weights import (
    AllOf,
    AnyOf,
    ByCell,
    EntropyFrom,
    EntropyTilt,
    Everything,
    FarFromCities,
    InBox,
    InPolygons,
    InStrata,
    Weighting,
    Without,
    possible,
)
from terrasweep.samplers.geography import cities
from terrasweep.samplers.geography.cells import cells_of
from terrasweep.samplers.geography.sphere import arc_km, unit_vectors


def view(**columns: object) -> IndexView:
    return IndexView(pa.table({name: np.asarray(column) for name, column in columns.items()}))


def weigh(weighting: Weighting, here: IndexView) -> np.ndarray:
    """Return all weights, after a look at what goes with them."""
    weights = weighting.weights(here, np.arange(len(here)))
    assert np.array_equal(weighting.support(here), weights > 0)
    assert weights.max(initial=0.0) <= weighting.upper_bound(here)
    return weights


def places(number: int = 3000) -> IndexView:
    words = np.random.Generator(np.random.PCG64(3))
    lat, lon = np.degrees(np.arcsin(words.uniform(-1, 1, number))), words.uniform(-180, 180, number)
    km = cities.distance_km(lat, lon).astype(np.float32)
    return view(lat=lat, lon=lon, city_km=km)


@pytest.mark.parametrize("radius", [20.0, 300.0, 1000.0])
def test_a_kernel_falls_off_with_the_distance_to_the_nearest_point(radius: float):
    lat, lon = np.array([52.5, -33.9, 0.0]), np.array([13.4, 151.2, 179.9])
    here = places()
    points, ours = unit_vectors(lat, lon), unit_vectors(here.column("lat"), here.column("lon"))
    km = arc_km(ours @ points.T).min(axis=1)
    expected = np.where(km <= 4 * radius, np.exp(-0.5 * (km / radius) ** 2), 0)
    np.testing.assert_allclose(
        weigh(GaussianKernel(lat, lon, radius), here), expected, rtol=1e-5, atol=1e-9
    )


def test_a_kernel_is_one_on_its_point_and_crosses_the_date_line():
    near = GaussianKernel(np.array([0.0]), np.array([179.9]), 50.0)
    weights = weigh(near, view(lat=[0.0, 0.0, 0.0], lon=[179.9, -179.9, 0.0]))
    assert weights[0] == 1.0
    assert weights[1] == pytest.approx(np.exp(-0.5 * (0.2 * 111.195 / 50) ** 2), rel=1e-3)
    assert weights[2] == 0.0


@pytest.mark.parametrize("radius", [0.5, 20.0, 150.0, 1000.0])
def test_squares_answer_for_what_lies_in_them_as_every_row_would(radius: float):
    top, here = cities.top(1000), places(20_000)
    near = GaussianKernel(top.lat, top.lon, radius)
    on_them = view(lat=np.minimum(top.lat + radius / 30, 90.0), lon=top.lon)
    for some in (here, on_them, view(lat=[90.0, -90.0, 0.0], lon=[180.0, -180.0, 180.0])):
        assert np.array_equal(near.support(some), near.weights(some, np.arange(len(some))) > 0)
    assert weigh(near, on_them).any()


@pytest.mark.parametrize(("number", "radius"), [(1, 50.0), (5_000, 60.0), (50_000, 3.0)])
def test_squares_answer_right_where_points_are_few_crowded_or_more_than_can_be_told(
    number: int, radius: float
):
    words = np.random.Generator(np.random.PCG64(4))
    lat = np.degrees(np.arcsin(words.uniform(-1, 1, number)))
    near, here = GaussianKernel(lat, words.uniform(-180, 180, number), radius), places(20_000)
    assert np.array_equal(near.support(here), near.weights(here, np.arange(20_000)) > 0)
    assert (near.grid.squares == CROWDED).any() == (number > 1)


def test_a_weight_does_not_see_the_rows_beside_it():
    top, here = cities.top(1000), places()
    one = GaussianKernel(top.lat, top.lon, 150.0)
    alone = [weigh(one, IndexView(here.table.slice(row, 1)))[0] for row in range(0, 3000, 50)]
    assert alone == weigh(one, here)[::50].tolist()


def test_boxes_hold_their_edges_and_may_cross_the_date_line():
    points = view(lat=[0.0, 10.0, 11.0, 5.0, 5.0], lon=[20.0, 30.0, 25.0, 179.0, -179.0])
    plain = InBox(south=0, north=10, west=20, east=30)
    assert weigh(plain, points).tolist() == [1, 1, 0, 0, 0]
    across = InBox(south=-90, north=90, west=178, east=-178)
    assert weigh(across, points).tolist() == [0, 0, 0, 1, 1]


def test_polygons_hold_what_lies_in_them_and_leave_out_their_holes():
    import shapely

    ring = shapely.Polygon([(0, 0), (10, 0), (10, 10), (0, 10)], [[(4, 4), (6, 4), (6, 6), (4, 6)]])
    far = shapely.box(20, 20, 30, 30)
    inside = InPolygons((ring.wkb, far.wkb))
    points = view(lat=[1.0, 5.0, 0.0, 25.0, 15.0], lon=[1.0, 5.0, 5.0, 25.0, 15.0])
    assert weigh(inside, points).tolist() == [1, 0, 1, 1, 0]


def test_entropies_are_compared_by_bin_and_tilted_by_temperature():
    some = view(entropy=np.array([0.5, 1.234, 1.239, 2.0, np.nan], np.float32))
    assert weigh(EntropyFrom(123), some).tolist() == [0, 1, 1, 1, 0]
    weights = weigh(EntropyTilt(0.5), some)
    assert weights[3] / weights[0] == pytest.approx(np.exp(1.5 / 0.5))
    assert weights[4] == 0.0


def test_cells_that_are_not_named_weigh_nothing():
    lat, lon = np.array([0.0, 40.0, -30.0]), np.array([10.0, 100.0, -60.0])
    named = np.sort(cells_of(lat[:2], lon[:2], resolution=1))
    weighting = ByCell(1, named, np.array([2.0, 3.0]))
    weights = weigh(weighting, view(cell=cells_of(lat, lon, resolution=5)))
    assert sorted(weights[:2].tolist()) == [2.0, 3.0]
    assert weights[2] == 0.0


def test_weighers_combine():
    here = view(
        lat=[5.0, 50.0, 5.0], city_km=np.array([10, 200, 300], np.float32), lon=[1.0, 1.0, 1.0]
    )
    south, far = InBox(south=0, north=10, west=-180, east=180), FarFromCities(150.0)
    assert weigh(AllOf((south, far)), here).tolist() == [0, 0, 1]
    assert weigh(AnyOf((south, far)), here).tolist() == [1, 1, 1]
    assert weigh(Without(Everything(), far), here).tolist() == [1, 0, 0]
    tilted = AllOf((Everything(), GaussianKernel(np.array([5.0]), np.array([1.0]), 100.0)))
    assert weigh(tilted, here).tolist() == [1, 0, 1]


def test_a_census_says_what_cannot_be():
    counted = view(continent=["asia", "europe", "asia"], biome=[1, 1, 2])
    asia, first = (
        InStrata({"continent": frozenset({"asia"})}),
        InStrata({"biome": frozenset({"1"})}),
    )
    box = InBox(south=0, north=1, west=0, east=1)
    assert possible(asia, counted).tolist() == [True, False, True]
    assert possible(AllOf((asia, first, box)), counted).tolist() == [True, False, False]
    assert possible(AnyOf((asia, first)), counted).tolist() == [True, True, True]
    assert possible(AnyOf((asia, box)), counted).tolist() == [True, True, True]
    assert possible(Without(asia, first), counted).tolist() == [True, False, True]
