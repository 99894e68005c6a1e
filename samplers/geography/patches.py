"""True-colour patches around points, and the statistics that sum them up.

A patch has 18 bands: red, green and blue of the fine composite, then of the five months of
`observed.MONTHS_SEEN`. Its pixels are the nearest ones of the composites, on a grid that is even
in kilometres at the middle of the patch.

Shapes: N patches, P pixels a side, C bands.
"""

from functools import cache
from typing import Final

import numpy as np

from terrasweep.samplers.geography import observed
from terrasweep.samplers.geography.grids import asset

KM_PER_DEGREE: Final = 111.2
NEAREST_POLE: Final = 89.9
NUM_BANDS: Final = 18
STATISTICS: Final = ("mean", "spread", "texture", "middle")
AT_ONCE: Final = 512
"""Patches that are made together: few enough to stay in a processor's cache."""


def patches(lat: np.ndarray, lon: np.ndarray, *, size_px: int, pixel_km: float) -> np.ndarray:
    """Return uint8 (N, C, P, P), the north up."""
    chunks = parts(lat, lon, size_px=size_px, pixel_km=pixel_km)
    return np.concatenate([part_NPPC.transpose(0, 3, 1, 2) for part_NPPC in chunks])


def statistics(lat: np.ndarray, lon: np.ndarray, *, size_px: int, pixel_km: float) -> np.ndarray:
    """Return float32 (N, 4 C): of every band its mean, spread, texture and middle.

    Each is scaled by its mean and its deviation over the land, so that all count alike.
    """
    chunks = parts(lat, lon, size_px=size_px, pixel_km=pixel_km)
    scale = asset("patch_statistics")
    return np.asarray((np.concatenate([*map(raw, chunks)]) - scale["mean"]) / scale["deviation"])


def raw(patches_NPPC: np.ndarray) -> np.ndarray:
    """Return the statistics as they are, of values from 0 to 1.

    Spread and texture are roots, for they are small for most places and large for a few.
    """
    x = patches_NPPC.astype(np.float32) / 255
    low, high = x.shape[1] // 2 - 1, x.shape[1] // 2 + 1
    texture = np.abs(np.diff(x, axis=2)).mean(axis=(1, 2))
    middle = x[:, low:high, low:high].mean(axis=(1, 2))
    return np.concatenate(
        [x.mean(axis=(1, 2)), np.sqrt(x.std(axis=(1, 2))), np.sqrt(texture), middle], axis=1
    )


def parts(lat: np.ndarray, lon: np.ndarray, *, size_px: int, pixel_km: float) -> list[np.ndarray]:
    """Return patches (N, P, P, C), a few hundred at a time."""
    away = (np.arange(size_px) - (size_px - 1) / 2) * (pixel_km / KM_PER_DEGREE)
    chunks = []
    for start in range(0, len(lat), AT_ONCE):
        y, x = lat[start : start + AT_ONCE], lon[start : start + AT_ONCE]
        north = np.clip(y[:, None] - away, -NEAREST_POLE, NEAREST_POLE)
        east = x[:, None] + away / np.cos(np.deg2rad(y))[:, None]
        bands = [_seen(name, north, east) for name in ("fine", "seasons")]
        chunks.append(np.concatenate(bands, axis=3))
    return chunks


def _seen(name: str, north: np.ndarray, east: np.ndarray) -> np.ndarray:
    """Return the pixels of a composite (N, P, P, its bands) at latitudes and longitudes (N, P)."""
    pixels, (height, width), bands = _composite(name)
    rows = ((90.0 - north) * (height / 180.0)).astype(np.int32)
    cols = ((east + 180.0) * (width / 360.0)).astype(np.int32) % width
    rows = np.minimum(rows, len(pixels) // width - 1)  # what lies farther south is black
    values = pixels.take(rows[:, :, None] * width + cols[:, None, :])
    return values.view(np.uint8).reshape(*values.shape, -1)[..., :bands]


@cache
def _composite(name: str) -> tuple[np.ndarray, tuple[int, int], int]:
    """Return a composite with all bands of a pixel in one number, which one look-up takes.

    Also the height and width that it would have from pole to pole, and how many bands it has. A
    black row is added in the south.
    """
    times = observed.true_colour(name)
    _, height, width, _ = times.shape
    whole = width // 2
    bands = times.transpose(1, 2, 0, 3).reshape(height, width, -1)
    kind = np.dtype(np.uint32) if bands.shape[2] <= 4 else np.dtype(np.complex128)
    padded = np.zeros((height + 1, width, kind.itemsize), np.uint8)
    padded[:height, :, : bands.shape[2]] = bands
    return padded.view(kind).reshape(-1), (whole, width), bands.shape[2]
