"""Digital numbers to 8 bits: two standard deviations around each band's mean, cut off.

The values are truncated, not rounded, and the network sees them divided by 255: what it learns
from has 256 levels. They are kept as bytes, which is also a quarter of the memory.
"""

from typing import Final

import numpy as np

from terrasweep.models.contract import Arrays
from terrasweep.models.layers.imagery import BANDS, image_of

OFFICIALLY_DROPPED: Final = (0, 9, 10)
"""Bands that are missing where an image has only ten."""
MEAN: Final = (
    1370.19151926, 1184.3824625, 1120.77120066, 1136.26026392, 1263.73947144, 1645.40315151,
    1846.87040806, 1762.59530783, 1972.62420416, 582.72633433, 14.77112979, 1732.16362238,
    1247.91870117,
)  # fmt: skip
"""Mean of each of the 13 bands."""
STD: Final = (
    633.15169573, 650.2842772, 712.12507725, 965.23119807, 948.9819932, 1108.06650639,
    1258.36394548, 1233.1492281, 1364.38688993, 472.37967789, 14.3114637, 1310.36996126,
    1087.6020813,
)  # fmt: skip
"""Standard deviation of each of the 13 bands."""


def prepare(arrays: Arrays) -> dict[str, np.ndarray]:
    """Return images as bytes, with as many bands as they have: 13, or the official ten."""
    image = image_of(arrays, bands=(BANDS, BANDS - len(OFFICIALLY_DROPPED)))
    return {"image": normalise(image)}


def normalise(raw: np.ndarray) -> np.ndarray:
    """Return uint8 images of the same shape, (N, 13 or 10, H, W)."""
    kept = [
        band for band in range(BANDS) if raw.shape[1] == BANDS or band not in OFFICIALLY_DROPPED
    ]
    byte_images = np.empty(raw.shape, dtype=np.uint8)
    for place, band in enumerate(kept):
        low, spread = MEAN[band] - 2 * STD[band], 4 * STD[band]
        scaled = (raw[:, place].astype(np.float64) - low) / spread * 255
        byte_images[:, place] = np.clip(scaled, 0, 255)  # into bytes by truncation
    return byte_images
