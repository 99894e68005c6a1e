"""Images of the synthetic planet: of the same places as its series, as patchy as the land is."""

import numpy as np
import pytest

from terrasweep.infra.seeds import generator
from terrasweep.samplers.geography import continents
from terrasweep.samplers.pools.planet import pool
from terrasweep.samplers.pools.planet.ground import Ground, ground
from terrasweep.samplers.pools.planet.observe import look, positions
from terrasweep.samplers.pools.planet.patches import patches
from terrasweep.samplers.pools.planet.points import earth
from terrasweep.samplers.pools.planet.series import TEMPERATURE
from terrasweep.samplers.pools.planet.spec import PlanetSpec
from terrasweep.samplers.pools.planet.worlds import KNOBS
from terrasweep.samplers.tasks.planet_crop import task as crop_task
from terrasweep.samplers.tasks.planet_crop.spec import PlanetCropSpec

SIZE = 24
REAL = (0.57, 7.2)
"""Mean entropy of a band in bits, from the most even to the most varied of 20 real patches."""


def planet(**fields: object) -> PlanetSpec:
    return PlanetSpec.model_validate({"name": "planet", "size": 5000, "size_px": SIZE, **fields})


def land(count: int, *, world: str = "coverage") -> tuple[Ground, np.ndarray]:
    """Some land, and where it lies."""
    rng = generator("test patches", count)
    where = positions(count, land=earth(), reach=0.0, rng=rng)
    knobs = KNOBS[world]
    at = look(where, seed=0, rng=rng)
    under = ground(at, knobs=knobs, redundancy=knobs.redundancy, seed=0, rng=rng)
    return under, continents.names(where.lat, where.lon, russia="europe")


def bits(images: np.ndarray) -> np.ndarray:
    """Entropy in bits of each patch, 256 bins over 0 to 10,000, on average over its bands."""
    each = np.empty(images.shape[:2])
    for place in np.ndindex(each.shape):
        counts = np.histogram(images[place], bins=256, range=(0, 10_000))[0]
        share = counts[counts > 0] / counts.sum()
        each[place] = -(share * np.log2(share)).sum()
    return np.asarray(each.mean(axis=1))


def test_series_stay_as_they_were_and_images_are_of_the_same_places():
    series, images, both = (
        pool.read(planet(arrays=arrays), 0) for arrays in ("series", "patches", "both")
    )
    assert "image" not in series
    assert "x" not in images
    count = len(images["id"])
    assert images["image"].shape == (count, 13, SIZE, SIZE)
    assert images["image"].dtype == np.uint16
    for name in ("id", "lat", "lon", "month"):
        assert (series[name][:count] == images[name]).all(), name
    assert (both["image"] == images["image"]).all()
    assert (both["x"] == series["x"][:count]).all()
    assert (both["dynamic_world"] == series["dynamic_world"][:count]).all()


def test_chunks_of_images_make_up_the_pool():
    spec = planet(arrays="patches", size=5000)
    parts = [pool.read(spec, chunk) for chunk in range(pool.chunks(spec))]
    whole = np.concatenate([part["id"] for part in parts])
    series = planet(size=5000)
    ids = [pool.read(series, chunk)["id"] for chunk in range(pool.chunks(series))]
    assert whole.tolist() == np.concatenate(ids).tolist()


def test_large_images_come_in_small_chunks_and_a_smaller_pool_is_its_beginning():
    large = pool.read(planet(arrays="patches", size_px=96, size=300), 1)
    assert large["image"].nbytes <= 32 << 20
    cut = pool.read(planet(arrays="patches", size_px=96, size=len(large["id"]) + 7), 1)
    assert len(cut["id"]) == 7
    for name, array in cut.items():
        assert (array == large[name][:7]).all(), name


def test_entropy_spans_what_real_patches_have_and_follows_from_the_pattern_of_the_land():
    under, continent = land(1500)
    month = np.zeros(1500, np.int64)
    found = bits(patches(under, month=month, size_px=32, rng=generator("test")))
    assert found.min() < REAL[0]
    assert found.max() > REAL[1] - 0.2  # 32 pixels hold a quarter bit less than 64
    assert 3 < np.median(found) < 5.5
    assert np.corrcoef(found, under.at.heterogeneity)[0, 1] > 0.9
    for name in set(continent) - {"none"}:  # every continent has land of either kind
        low, high = np.quantile(found[continent == name], [0.2, 0.8])
        assert low < 3.5 < 4.5 < high, name


def test_the_most_varied_patches_of_full_size_reach_the_most_varied_real_one():
    under, _ = land(4000)
    patchiest = np.argsort(under.at.heterogeneity)[-60:]
    month = np.zeros(60, np.int64)
    images = patches(under.rows(patchiest), month=month, size_px=64, rng=generator("test"))
    assert bits(images).max() > REAL[1]


def test_bands_are_in_the_order_of_top_of_atmosphere_products():
    """Forests: dark and blue-ish in the visible, bright beyond the red edge, nothing in B10."""
    under, _ = land(2000)
    trees = (under.cover.main == 0) & (under.at.biome == 1) & (under.at.heterogeneity < 0.5)
    images = patches(
        under.rows(np.flatnonzero(trees)),
        month=np.zeros(int(trees.sum()), np.int64),
        size_px=16,
        rng=generator("test"),
    )
    b1, b2, b3, b4, b5, b6, b7, b8, b8a, b9, b10, b11, b12 = np.median(images, axis=(0, 2, 3))
    assert b1 > b4
    assert b2 > b4
    assert b3 > b4
    assert b4 < b5 < b6 < b7
    assert min(b8, b8a, b9) > 4 * b4
    assert b12 < b11 < b8
    assert b10 < 50
    assert images.min() >= 1


def test_in_the_entropy_world_uniform_land_looks_like_one_bare_plain():
    plain, _ = land(800, world="entropy")
    usual, _ = land(800, world="null")
    uniform = np.flatnonzero(plain.at.heterogeneity < 0.2)
    month = np.zeros(len(uniform), np.int64)
    looks = [
        patches(one.rows(uniform), month=month, size_px=16, rng=generator("test"))
        for one in (plain, usual)
    ]
    near_infrared = [np.median(one[:, 7], axis=(1, 2)).std() for one in looks]
    assert near_infrared[0] < 0.3 * near_infrared[1]


@pytest.mark.parametrize("arrays", ["patches", "both"])
def test_a_task_can_be_seen_in_images(arrays: str):
    fields = {"name": "planet_crop", "per_continent": 30, "size_px": SIZE}
    series = crop_task.read(PlanetCropSpec.model_validate(fields))
    seen = crop_task.read(PlanetCropSpec.model_validate({**fields, "arrays": arrays}))
    assert seen["image"].shape == (180, 13, SIZE, SIZE)
    assert ("x" in seen) == (arrays == "both")
    assert (seen["label"] == series["label"]).all()
    assert (seen["lat"] == series["lat"]).all()


def test_two_years_are_two_years_of_one_place():
    one, two = pool.read(planet(), 0), pool.read(planet(months=24), 0)
    assert two["x"].shape == (4096, 24, 18)
    assert two["dynamic_world"].shape == (4096, 24)
    first = two["x"][:, :12][one["month"] == 0]
    assert (first == one["x"][one["month"] == 0]).all()
    celsius = two["x"][..., TEMPERATURE]
    assert np.abs(celsius[:, :12] - celsius[:, 12:]).mean() < 2
    assert not (two["x"][:, :12] == two["x"][:, 12:]).all(axis=(1, 2)).any()
