"""Distances between samples, against every pair by hand, and what even samples look like."""

import math

import numpy as np
import pytest

from terrasweep.infra.seeds import generator
from terrasweep.samplers.audit.land_shares import points_on_land
from terrasweep.samplers.audit.spacing import clustering, nearest_km, spacing


def haversine_km(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    phi1, phi2 = math.radians(lat1), math.radians(lat2)
    half = math.sin((phi2 - phi1) / 2) ** 2
    half += math.cos(phi1) * math.cos(phi2) * math.sin(math.radians(lon2 - lon1) / 2) ** 2
    return 2 * 6371 * math.asin(math.sqrt(half))


def test_the_nearest_neighbour_is_that_of_every_pair_by_hand():
    rng = generator("spacing by hand")
    lat = np.append(np.degrees(np.arcsin(rng.uniform(-1, 1, 60))), [89.9, -89.9, 10.0, 10.0])
    lon = np.append(rng.uniform(-180, 180, 60), [0.0, 170.0, 179.99, -179.99])
    by_hand = [
        min(haversine_km(lat[i], lon[i], lat[j], lon[j]) for j in range(len(lat)) if j != i)
        for i in range(len(lat))
    ]
    assert nearest_km(lat, lon) == pytest.approx(np.array(by_hand), rel=1e-6)
    assert by_hand[-1] < 3  # over the 180th meridian


@pytest.mark.parametrize("count", [100, 1000, 20_000])
def test_even_samples_neither_cluster_nor_keep_apart(count: int):
    ratios = [
        clustering(nearest_km(*points_on_land(count, purpose=f"even {at}"))) for at in range(5)
    ]
    luck = 0.52 / math.sqrt(count) / math.sqrt(len(ratios))  # of a mean over a Poisson process
    assert abs(np.mean(ratios) - 1) < 6 * luck + 0.01


def test_samples_around_one_city_cluster_and_a_grid_keeps_apart():
    rng = generator("around a city")
    assert clustering(nearest_km(48 + rng.normal(0, 1, 400), 2 + rng.normal(0, 1, 400))) < 0.1
    lat, lon = np.meshgrid(np.arange(-50, 70, 5.0), np.arange(-175, 180, 5.0))
    flat = np.abs(lat.ravel()) < 30
    assert clustering(nearest_km(lat.ravel()[flat], lon.ravel()[flat])) > 1.4


def test_a_lone_sample_has_no_neighbour():
    told = spacing(np.array([1.0]), np.array([2.0]))
    assert told == {"measured_on": 0, "mean_nearest_km": None, "clustering": None}
