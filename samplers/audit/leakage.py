"""How near a draw comes to the test samples of a task: what a guard would have kept away."""

from typing import Final

import numpy as np
from scipy.spatial import cKDTree

from terrasweep.samplers.geography.sphere import EARTH_KM, unit_vectors

RADII_KM: Final = (1, 10, 100)


def leakage(
    lat: np.ndarray, lon: np.ndarray, *, test_lat: np.ndarray, test_lon: np.ndarray
) -> dict[str, float]:
    """Return, for each radius in km, the share of test samples with a drawn sample within it."""
    if not len(lat) or not len(test_lat):
        return dict.fromkeys(map(str, RADII_KM), 0.0)
    tree = cKDTree(unit_vectors(lat, lon))
    chords = {km: 2 * np.sin(km / (2 * EARTH_KM)) for km in RADII_KM}
    reach = max(chords.values()) * (1 + 1e-9)  # the bound itself would be left out
    apart, _ = tree.query(unit_vectors(test_lat, test_lon), distance_upper_bound=reach)
    return {str(km): float(np.mean(apart <= chord)) for km, chord in chords.items()}
