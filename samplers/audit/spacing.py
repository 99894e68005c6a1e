"""How far samples lie apart: nearest neighbours on the sphere, and whether samples cluster.

The clustering index is Clark and Evans' ratio (1954): the mean distance to the nearest other
sample, over what it is for as many points scattered evenly over the land. Below 1 samples cluster,
above 1 they keep apart. What it is for even points is measured on such points and not computed from
their density: land is so cut up by coasts that the formula for a plane is 14 % too short for 300
points, and still 4 % for 10,000.
"""

from functools import cache
from typing import Final

import numpy as np
from scipy.spatial import cKDTree

from terrasweep.infra.spec import Json
from terrasweep.samplers.audit.land_shares import points_on_land
from terrasweep.samplers.geography.sphere import EARTH_KM, unit_vectors

MEASURED: Final = 30_000
"""Even points on which the yardstick is measured, in sets as large as the samples' own."""


def spacing(lat: np.ndarray, lon: np.ndarray) -> dict[str, Json]:
    """Return what a card tells of how far samples lie apart."""
    nearest = nearest_km(lat, lon)
    return {
        "measured_on": nearest.size,
        "mean_nearest_km": float(nearest.mean()) if nearest.size else None,
        "clustering": clustering(nearest),
    }


def nearest_km(lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Return the great-circle distance of every sample to the nearest other one."""
    places = unit_vectors(lat, lon)
    if len(places) < 2:
        return np.empty(0)
    chord = cKDTree(places).query(places, k=2)[0][:, 1]
    return np.asarray(2 * EARTH_KM * np.arcsin(np.minimum(chord / 2, 1.0)))


def clustering(nearest: np.ndarray) -> float | None:
    """Return Clark and Evans' ratio from all samples' distances; a lone sample has none."""
    return float(nearest.mean() / _even_km(nearest.size)) if nearest.size else None


@cache
def _even_km(count: int) -> float:
    """Return the mean nearest distance of so many points scattered evenly over the land."""
    sets = -(-MEASURED // count)
    lat, lon = points_on_land(sets * count, purpose="spacing")
    split = zip(np.split(lat, sets), np.split(lon, sets), strict=True)
    return float(np.mean([nearest_km(*one).mean() for one in split]))
