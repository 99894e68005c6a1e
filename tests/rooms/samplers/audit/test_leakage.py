import numpy as np

from terrasweep.samplers.audit.leakage import leakage
from terrasweep.samplers.geography.sphere import arc_km, unit_vectors


def test_shares_of_test_samples_within_each_radius():
    """One degree of longitude on the equator is 111.2 km; 180 degrees do not stand between."""
    drawn = {"lat": np.array([0.0, 0.0]), "lon": np.array([0.0, 179.9995])}
    tests = np.array([0.0, 0.005, 0.05, 0.5, 5.0, -179.9995])
    assert leakage(**drawn, test_lat=np.zeros(6), test_lon=tests) == {
        "1": 3 / 6,
        "10": 4 / 6,
        "100": 5 / 6,
    }


def test_shares_are_those_of_all_pairs():
    words = np.random.Generator(np.random.PCG64(2))
    lat, lon, test_lat, test_lon = words.uniform(0, 10, (4, 300))
    km = arc_km(unit_vectors(test_lat, test_lon) @ unit_vectors(lat, lon).T).min(axis=1)
    found = leakage(lat, lon, test_lat=test_lat, test_lon=test_lon)
    assert found == {str(radius): float((km <= radius).mean()) for radius in (1, 10, 100)}


def test_nothing_leaks_from_nothing():
    none = np.empty(0)
    some = np.zeros(3)
    assert set(leakage(none, none, test_lat=some, test_lon=some).values()) == {0.0}
    assert set(leakage(some, some, test_lat=none, test_lon=none).values()) == {0.0}
