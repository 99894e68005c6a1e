"""The real Earth as a pool and as tasks: the same points for the same spec, all of them on land."""

import numpy as np
import pytest

from terrasweep.infra.errors import TaskError
from terrasweep.models.zoo.series_mae.model import prepare
from terrasweep.samplers.geography import continents, observed
from terrasweep.samplers.members import POOLS, TASKS
from terrasweep.samplers.pools.earth import pool
from terrasweep.samplers.pools.earth.spec import EarthSpec


def test_a_larger_pool_begins_with_the_samples_of_a_smaller_one():
    small = pool.read(EarthSpec(name="earth", size=300), 0)
    large = pool.read(EarthSpec(name="earth", size=9000), 0)
    for name, array in small.items():
        np.testing.assert_array_equal(array, large[name][:300], err_msg=name)


def test_points_are_on_land_and_even_by_area():
    spec = EarthSpec(name="earth", size=40_960, arrays=("series",))
    parts = [pool.read(spec, chunk) for chunk in range(pool.chunks(spec))]
    lat, lon = (np.concatenate([part[name] for part in parts]) for name in ("lat", "lon"))
    assert continents.is_land(lat, lon).all()
    shares = {name: (continents.names(lat, lon, russia="asia") == name).mean() for name in AREA}
    total = sum(AREA.values())
    for name, area in AREA.items():
        assert shares[name] == pytest.approx(area / total, abs=0.012), name


AREA = {
    "africa": 30.0,
    "asia": 48.5,
    "europe": 6.0,
    "north_america": 24.3,
    "oceania": 8.5,
    "south_america": 17.8,
}
"""In millions of square kilometres, with all of Russia in Asia."""


def test_another_seed_is_another_set_of_points():
    one, other = (pool.read(EarthSpec(name="earth", size=50, seed=seed), 0) for seed in (0, 1))
    assert not (one["lat"] == other["lat"]).any()
    assert not set(one["id"]) & set(other["id"])


def test_no_array_is_given_that_was_not_asked_for():
    spec = EarthSpec(name="earth", size=20, arrays=("patches",), size_px=8)
    given = pool.read(spec, 0)
    assert set(given) == {"id", "lat", "lon", "month", "image"}
    assert given["image"].shape == (20, 18, 8, 8)


@pytest.mark.parametrize("name", [name for name in TASKS.names if name.startswith("earth_")])
def test_a_task_has_as_many_points_on_every_continent_and_none_of_the_pool(name):
    spec = TASKS.spec(name)(name=name, per_continent=100)
    read = TASKS[name].read(spec)
    _, counts = np.unique(read["continent"], return_counts=True)
    assert counts.tolist() == [100] * 6
    own = pool.read(EarthSpec(name="earth", size=4096, arrays=("series",)), 0)
    assert not set(zip(read["lat"], read["lon"], strict=True)) & set(
        zip(own["lat"], own["lon"], strict=True)
    )


def test_labels_are_what_the_rasters_say():
    spec = TASKS.spec("earth_land_cover")(name="earth_land_cover", per_continent=50)
    read, names = TASKS["earth_land_cover"].read(spec), TASKS["earth_land_cover"].classes(spec)
    told = [observed.LAND_COVER[code] for code in observed.land_cover(read["lat"], read["lon"])]
    assert [names[label] for label in read["label"]] == told
    assert "water" not in told


def test_the_pool_is_real_and_no_reflectance():
    spec = POOLS.spec("earth")(name="earth")
    assert not spec.synthetic
    assert not spec.in_reflectance


def test_series_mae_scales_by_the_mean_and_deviation_over_land():
    series = pool.read(EarthSpec(name="earth", size=4096, arrays=("series",)), 0)
    scaled = prepare(series)["series"]
    np.testing.assert_allclose(scaled.mean(axis=(0, 1)), 0, atol=0.05)
    np.testing.assert_allclose(scaled.std(axis=(0, 1)), 1, atol=0.05)


def test_more_points_than_there_are_is_a_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(observed, "land_cover", lambda lat, lon: np.zeros(len(lat), np.int64))
    spec = TASKS.spec("earth_land_cover")(name="earth_land_cover", per_continent=50)
    with pytest.raises(TaskError, match=r"Expected 50 labelled points .* got 0\. Fix: lower"):
        TASKS["earth_land_cover"].read(spec)
