"""What ships of the real Earth agrees with what others say of it."""

import hashlib

import numpy as np
import pandas as pd
import pytest

from terrasweep.infra.seeds import generator
from terrasweep.samplers.geography import climate, continents, observed, patches, relief
from tests.support.paths import REAL_DATA

DECODED = {
    "fine": "6f9e9ed6c066a9ce",
    "seasons": "4359de5bbabbdc7c",
}
"""The first digits of the sha256 of each picture's pixels."""


@pytest.fixture(scope="module")
def land() -> tuple[np.ndarray, np.ndarray]:
    rng = generator("test of observed")
    lat = np.rad2deg(np.arcsin(rng.uniform(-0.86, 0.99, 40_000)))
    lon = rng.uniform(-180, 180, 40_000)
    there = continents.is_land(lat, lon)
    return lat[there], lon[there]


def real(path: str):
    file = REAL_DATA / path
    if not file.exists():
        pytest.skip(f"{file} is absent")
    return pd.read_parquet(file) if file.suffix == ".parquet" else pd.read_csv(file)


def test_main_climates_follow_from_temperature_and_rain(land):
    """The Koppen classes of one source, from ERA5's climatology by Koppen's own rules."""
    lat, lon = land
    series = observed.monthly(lat, lon)
    air, rain = series[:, :, 0], series[:, :, 1]
    april_to_september = np.isin(np.arange(12), range(3, 9))
    in_summer = np.where((lat >= 0)[:, None], april_to_september, ~april_to_september)
    total = rain.sum(axis=1)
    share = (rain * in_summer).sum(axis=1) / np.maximum(total, 1)
    dry_below = 20 * air.mean(axis=1) + np.select([share >= 0.7, share <= 0.3], [280, 0], 140)
    coldest, warmest = air.min(axis=1), air.max(axis=1)
    own = np.select(
        [warmest < 10, total < dry_below, coldest >= 18, coldest > -3],
        ["E", "B", "A", "C"],
        "D",
    )
    theirs = np.array([name[:1] for name in climate.NAMES])[climate.codes(lat, lon)]
    known = np.isin(theirs, list("ABCDE"))
    assert known.mean() > 0.95
    assert (own == theirs)[known].mean() > 0.88


def test_the_land_surface_is_warmer_by_day_and_near_the_air(land):
    series = observed.monthly(*land)
    air, day, night = (series[:, :, column] for column in (0, 2, 3))
    assert (day >= night).mean() > 0.98
    assert np.corrcoef(air.ravel(), ((day + night) / 2).ravel())[0, 1] > 0.96


def test_land_cover_agrees_with_what_people_saw():
    """Geo-Wiki's experts looked at 1,800 places: is there cropland?"""
    seen = real("geowiki/geowiki_con_tagged.csv")
    cover = observed.land_cover(seen.lat.to_numpy(), seen.lon.to_numpy())
    names = np.array(observed.LAND_COVER)[cover]
    is_crop = np.isin(names, ["cropland", "cropland_mosaic"])
    on_land = names != "water"
    assert (is_crop == (seen.is_crop > 0))[on_land].mean() > 0.81


def test_forests_hold_trees_and_deserts_none():
    trees = real("mosaiks/forest_cover.parquet")
    cover = observed.land_cover(trees.lat.to_numpy(), trees.lon.to_numpy())
    names = np.array(observed.LAND_COVER)[cover]
    mean = trees.labels.groupby(names).mean()
    assert mean["evergreen_broadleaf"] > 3.5
    assert mean["barren"] < 0.1


def test_altitude_agrees_with_a_finer_model():
    heights = real("mosaiks/elevation.parquet")
    own = relief.altitude_m(heights.lat.to_numpy(), heights.lon.to_numpy())
    assert np.corrcoef(own, heights.labels)[0, 1] > 0.97
    assert np.median(np.abs(own - heights.labels)) < 35


def test_cities_are_bright_and_deserts_dark():
    lat = np.array([52.52, 35.68, 6.52, 23.0, -25.0])
    lon = np.array([13.40, 139.69, 3.38, 12.0, 125.0])
    bright = observed.night_lights(lat, lon)
    assert bright[:3].min() > 100
    assert bright[3:].max() < 60


@pytest.mark.parametrize("name", ["fine", "seasons"])
def test_a_picture_has_the_same_pixels_whatever_decodes_it(name):
    """Results follow from pixels, so another decoder must not change one."""
    pixels = observed.true_colour(name).tobytes()
    assert hashlib.sha256(pixels).hexdigest().startswith(DECODED[name])


def test_pictures_and_series_know_the_seasons():
    """Moscow is white in January and green in July; its air is coldest in winter."""
    lat, lon = np.array([55.75]), np.array([38.6])
    (patch,) = patches.patches(lat, lon, size_px=8, pixel_km=10.0)
    january, july = patch[3:6].mean(axis=(1, 2)), patch[12:15].mean(axis=(1, 2))
    assert january.min() > 120
    assert july[1] > july[2]
    assert july.mean() < 90
    (series,) = observed.monthly(lat, lon)
    assert series[:, 0].argmin() in (0, 1)
    assert series[:, 0].argmax() in (6, 7)


def test_a_patch_has_its_point_in_the_middle_and_the_north_up():
    """Around Gibraltar: land in the north, the strait, land in the south; the sea is black."""
    lat, lon = np.array([35.95]), np.array([-5.6])
    (patch,) = patches.patches(lat, lon, size_px=16, pixel_km=10.0)
    bright = patch[:3].mean(axis=(0, 2))
    assert bright[:4].mean() > 2 * bright[6:9].mean()
    assert bright[-4:].mean() > 2 * bright[6:9].mean()


def test_statistics_sum_up_their_patch(land):
    lat, lon = (one[:50] for one in land)
    scaled = patches.statistics(lat, lon, size_px=16, pixel_km=10.0)
    images = patches.patches(lat, lon, size_px=16, pixel_km=10.0) / 255
    scale = patches.asset("patch_statistics")
    raw = scaled * scale["deviation"] + scale["mean"]
    np.testing.assert_allclose(raw[:, :18], images.mean(axis=(2, 3)), atol=1e-5)
    np.testing.assert_allclose(raw[:, 18:36], np.sqrt(images.std(axis=(2, 3))), atol=1e-4)


def test_statistics_over_land_are_about_standard(land):
    scaled = patches.statistics(*land, size_px=16, pixel_km=10.0)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=0.06)
    np.testing.assert_allclose(scaled.std(axis=0), 1, atol=0.06)
