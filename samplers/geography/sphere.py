"""Points on the sphere: unit vectors, and how far two of them are apart."""

import numpy as np

EARTH_KM = 6371.0


def unit_vectors(lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Return each point as a row (x, y, z) of length one."""
    phi, lam = np.deg2rad(lat), np.deg2rad(lon)
    flat = np.cos(phi)
    return np.stack([flat * np.cos(lam), flat * np.sin(lam), np.sin(phi)], axis=-1)


def arc_km(cosine: np.ndarray) -> np.ndarray:
    """Return the great-circle distance of two points from the product of their unit vectors."""
    return np.asarray(EARTH_KM * np.arccos(np.clip(cosine, -1.0, 1.0)))
