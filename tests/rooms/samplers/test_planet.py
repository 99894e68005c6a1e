"""The synthetic planet: real geography, invented satellites, and an answer planted by places."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from terrasweep.infra.seeds import generator
from terrasweep.samplers.geography import continents
from terrasweep.samplers.geography.strata import Continent
from terrasweep.samplers.intake.spectral_entropy import of_series
from terrasweep.samplers.pools.planet import places, points, pool
from terrasweep.samplers.pools.planet.series import (
    BANDS,
    ELEVATION,
    MISSING,
    NDVI,
    NIR,
    RED,
    TEMPERATURE,
)
from terrasweep.samplers.pools.planet.spec import PlanetSpec
from terrasweep.samplers.pools.planet.worlds import KNOBS
from terrasweep.samplers.tasks.planet_biome import task as biome_task
from terrasweep.samplers.tasks.planet_biome.spec import PlanetBiomeSpec
from terrasweep.samplers.tasks.planet_crop import task as crop_task
from terrasweep.samplers.tasks.planet_crop.spec import PlanetCropSpec

SHARES = {
    "africa": 0.223,
    "asia": 0.232,
    "europe": 0.170,
    "north_america": 0.180,
    "oceania": 0.063,
    "south_america": 0.132,
}
"""Of the land without Antarctica, by Natural Earth 1:50m."""

WORLDS = pytest.mark.parametrize("world", KNOBS)


def _read(chunks: int = 1, **fields: object) -> dict[str, np.ndarray]:
    spec = PlanetSpec.model_validate({"name": "planet", "size": chunks * 4096, **fields})
    parts = [pool.read(spec, chunk) for chunk in range(chunks)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def test_points_are_uniform_in_area():
    """Shares of continents within three standard errors of the areas."""
    count = 60_000
    lat, lon = points.draw(generator("test points"), count, land=points.earth())
    assert continents.is_land(lat, lon).all()
    names = continents.names(lat, lon, russia="europe")
    for continent, share in SHARES.items():
        error = np.sqrt(share * (1 - share) / count)
        assert (names == continent).mean() == pytest.approx(share, abs=3 * error + 0.0005)


def test_uniform_in_degrees_would_be_another_earth():
    """Europe and North America would swell to a quarter each, Africa would shrink to a sixth."""
    rng = generator("test degrees")
    lat, lon = rng.uniform(-60, 90, 400_000), rng.uniform(-180, 180, 400_000)
    land = continents.is_land(lat, lon)
    names = continents.names(lat[land], lon[land], russia="europe")
    found = [(names == name).mean() for name in ("europe", "north_america", "africa")]
    assert found == pytest.approx([0.243, 0.241, 0.166], abs=0.005)


@pytest.mark.parametrize("russia", ["europe", "split_60e", "asia"])
def test_points_of_a_continent_lie_on_it(russia):
    for continent in Continent:
        land = points.continent(continent, russia=russia)
        lat, lon = points.draw(generator("test", continent), 500, land=land)
        found = continents.names(lat, lon, russia=russia)
        assert (found == continent).mean() > 0.98  # the cell that 60 E cuts lies on both sides


def test_fields_are_smooth_and_do_not_depend_on_the_other_points():
    rng = generator("test fields")
    at = rng.normal(size=(2000, 3))
    at /= np.linalg.norm(at, axis=1, keepdims=True)
    whole = places.smooth(at, name="test", seed=1, count=3, scale_km=2500)
    assert np.allclose(
        places.smooth(at[5:9], name="test", seed=1, count=3, scale_km=2500), whole[5:9], atol=1e-5
    )
    near = places.smooth(at + 1e-3, name="test", seed=1, count=3, scale_km=2500)
    assert np.abs(near - whole).max() < 0.05
    assert np.abs(whole.std(axis=0) - 1).max() < 0.35
    assert not np.allclose(places.smooth(at, name="test", seed=2, count=3, scale_km=2500), whole)


@WORLDS
def test_series_are_in_the_raw_units_of_presto(world):
    seen = _read(world=world)
    x = seen["x"]
    assert len(BANDS) == x.shape[2] == 18
    optical, missing = x[..., 2:13], (x[..., 2:13] == 0).all(axis=2)
    assert (x[..., :2] > -50).all()
    assert (x[..., :2] < 5).all()
    assert ((optical >= 1) | missing[..., None]).all()
    assert optical.max() <= 20_000
    assert missing.mean() == pytest.approx(0.076, abs=0.02)
    assert (seen["dynamic_world"][missing] == MISSING).all()
    assert 220 < x[..., TEMPERATURE].min() < x[..., TEMPERATURE].max() < 320
    assert 0 <= x[..., ELEVATION].min() < x[..., ELEVATION].max() < 7000
    ndvi = (x[..., NIR] - x[..., RED]) / np.maximum(x[..., NIR] + x[..., RED], 1)
    assert np.allclose(x[..., NDVI], ndvi)


def test_the_year_turns_with_the_hemisphere():
    """Where a series begins in January, the north is coldest then and the south warmest."""
    seen = _read(world="coverage")
    january = seen["month"] == 0
    north, south = january & (seen["lat"] > 40), january & (seen["lat"] < -25)
    celsius = seen["x"][..., TEMPERATURE]
    assert celsius[north].mean(axis=0).argmin() in (0, 11, 1)
    assert celsius[south].mean(axis=0).argmax() in (0, 11, 1)


def test_a_larger_pool_begins_with_the_smaller_one():
    small, large = _read(size=500), _read(chunks=2)
    for name, array in small.items():
        assert (array == large[name][:500]).all(), name


def test_planets_differ_by_seed_and_by_world_but_not_in_where_points_lie():
    one, other = _read(size=300, seed=0), _read(size=300, seed=1)
    assert not (one["lat"] == other["lat"]).any()
    worlds = [_read(size=300, world=world) for world in KNOBS]
    assert all((seen["lat"] == worlds[0]["lat"]).all() for seen in worlds)
    assert not (worlds[0]["x"] == worlds[1]["x"]).all()
    ids = np.concatenate([seen["id"] for seen in (*worlds, other)])
    assert len(np.unique(ids)) == len(ids)


def _logits(columns: np.ndarray) -> np.ndarray:
    flat = columns.reshape(len(columns), -1)
    return (flat - flat.mean(axis=0)) / (flat.std(axis=0) + 1e-6)


def test_in_the_null_world_no_series_tells_its_continent():
    """A classifier of continents is no better than always naming the largest one."""
    seen = _read(chunks=2, world="null")
    names = continents.names(seen["lat"], seen["lon"], russia="europe")
    flat, half = _logits(seen["x"]), 4096
    fitted = LogisticRegression(C=1e-3, max_iter=200).fit(flat[:half], names[:half])
    right = (fitted.predict(flat[half:]) == names[half:]).mean()
    largest = max((names[half:] == name).mean() for name in SHARES)
    assert right < largest + 0.03


def test_in_the_local_world_series_tell_their_continent():
    """The same classifier, of the same points, where places look like themselves."""
    seen = _read(chunks=2, world="local")
    names = continents.names(seen["lat"], seen["lon"], russia="europe")
    flat, half = _logits(seen["x"]), 4096
    fitted = LogisticRegression(C=1e-3, max_iter=200).fit(flat[:half], names[:half])
    assert (fitted.predict(flat[half:]) == names[half:]).mean() > 0.5


def test_entropy_and_continents_are_independent_in_the_entropy_world():
    """So a composition by entropy and one by continent do not draw the same samples."""
    seen = _read(chunks=2, world="entropy")
    entropy = of_series(seen["x"])
    names = continents.names(seen["lat"], seen["lon"], russia="europe")
    means = np.array([entropy[names == name].mean() for name in SHARES])
    assert np.ptp(means) < 0.25 * entropy.std()


@WORLDS
def test_crops_can_be_learned_but_not_at_a_glance(world):
    """Logistic regression on the flattened series, trained and judged within each continent."""
    data = crop_task.read(PlanetCropSpec(name="planet_crop", per_continent=600, world=world))
    flat, scores = _logits(data["x"]), []
    for continent in Continent:
        x, y = flat[data["continent"] == continent], data["label"][data["continent"] == continent]
        assert 0.08 < y.mean() < 0.6
        fitted = LogisticRegression(C=0.01, max_iter=500).fit(x[:400], y[:400])
        chance = 2 * y.mean() / (1 + 2 * y.mean())  # of naming all with even odds
        scores.append(f1_score(y[400:], fitted.predict(x[400:])) - chance)
    assert np.mean(scores) > 0.12
    assert np.ptp(scores) > 0.02


def test_labels_never_lie_on_points_of_the_pool():
    seen = _read(chunks=2)
    crop = crop_task.read(PlanetCropSpec(name="planet_crop", per_continent=200))
    biome = biome_task.read(PlanetBiomeSpec(name="planet_biome", per_continent=200))
    places = [set(zip(one["lat"], one["lon"], strict=True)) for one in (seen, crop, biome)]
    assert sum(map(len, places)) == len(set.union(*places))


def test_tasks_hide_the_land_cover_map_which_would_name_the_label():
    crop = crop_task.read(PlanetCropSpec(name="planet_crop", per_continent=20))
    assert (crop["dynamic_world"] == MISSING).all()
