"""Raw bands to network input: (x + shift) / div per band, B9 left out, NDVI made anew."""

from typing import Final, cast

import numpy as np

from models.contract import Arrays
from models.zoo.presto.layout import MISSING, NUM_BANDS

KEPT: Final = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16)
"""Raw bands that are scaled, in order; raw band 10 is B9, raw band 17 the stored NDVI."""
SHIFT: Final = (25.0, 25.0, *[0.0] * 10, -272.15, 0.0, 0.0, 0.0)
"""Added to each kept band; 272.15, and not 273.15, is what the published weights were made with."""
DIV: Final = (25.0, 25.0, *[1e4] * 10, 35.0, 0.03, 2000.0, 50.0)
"""What each kept band is divided by afterwards."""
RED, NEAR_INFRARED, NDVI = 4, 8, 16


def prepare(arrays: Arrays) -> dict[str, np.ndarray]:
    """Return normalised bands, land cover, latitude and longitude, and the first month."""
    return {
        "x": normalise(arrays["x"]),
        "dynamic_world": np.minimum(arrays["dynamic_world"].astype(np.int64), MISSING),
        "latlon": np.stack([arrays["lat"], arrays["lon"]], axis=1).astype(np.float32),
        "month": arrays["month"].astype(np.int64),
    }


def normalise(raw: np.ndarray) -> np.ndarray:
    """Return float32 bands of shape (..., 17) from raw bands of shape (..., 18)."""
    made = np.empty((*raw.shape[:-1], NUM_BANDS), dtype=np.float32)
    for band, (source, shift, div) in enumerate(zip(KEPT, SHIFT, DIV, strict=True)):
        # in float64 and band by band: a float64 copy of everything would not fit beside a big pool
        made[..., band] = (raw[..., source].astype(np.float64) + shift) / div
    made[..., NDVI] = _ndvi(near_infrared=made[..., NEAR_INFRARED], red=made[..., RED])
    return made


def _ndvi(*, near_infrared: np.ndarray, red: np.ndarray) -> np.ndarray:
    total = near_infrared + red
    lit = total > 0
    ratio = np.zeros_like(total)
    np.divide(near_infrared - red, total, out=ratio, where=lit)
    return cast("np.ndarray", ratio)
