"""What SatCLIP reads: coordinates as (longitude, latitude), and images or features if there are.

Images stay as they are, for the network scales a crop at a time; nothing is known of their mean.
"""

import numpy as np

from terrasweep.models.contract import Arrays
from terrasweep.models.layers.imagery import BANDS, image_of


def prepare(arrays: Arrays) -> dict[str, np.ndarray]:
    """Return coordinates in float64; longitude comes first here, as nowhere else in the house."""
    prepared = {"lonlat": _lonlat(arrays)}
    if "features" in arrays:
        prepared["features"] = arrays["features"].astype(np.float32)
    elif "image" in arrays:
        prepared["image"] = image_of(arrays, bands=(BANDS - 1, BANDS))
    return prepared


def _lonlat(arrays: Arrays) -> np.ndarray:
    if "lonlat" in arrays:
        return np.asarray(arrays["lonlat"], dtype=np.float64)
    return np.stack([arrays["lon"], arrays["lat"]], axis=1).astype(np.float64)
