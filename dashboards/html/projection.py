"""The Equal Earth projection (Savric, Patterson and Jenny 2018): a world map of equal areas."""

import numpy as np

A1, A2, A3, A4 = 1.340264, -0.081106, 0.000893, 0.003796
ROOT3 = 3**0.5
WIDTH = 2 * 2.7066299836  # of the equator, on a sphere of radius 1
HEIGHT = 2 * 1.3173627592  # from pole to pole


def equal_earth(*, lat: np.ndarray, lon: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Project degrees to x and y on a sphere of radius 1."""
    angle = np.arcsin(ROOT3 / 2 * np.sin(np.radians(lat)))
    sixth = angle**6
    slope = 9 * A4 * angle**2 * sixth + 7 * A3 * sixth + 3 * A2 * angle**2 + A1
    x = 2 * ROOT3 * np.radians(lon) * np.cos(angle) / (3 * slope)
    y = angle * (A4 * angle**2 * sixth + A3 * sixth + A2 * angle**2 + A1)
    return x, y
