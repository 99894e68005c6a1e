"""Raw bands to network input: (x + shift) / div per band, B9 left out, NDVI computed anew.

Bands that are normalised already are told by their number, and stay as they are.
"""

from typing import Final, cast

import numpy as np

from terrasweep.infra.errors import BadDataError
from terrasweep.models.contract import Arrays
from terrasweep.models.zoo.presto.layout import MAX_STEPS, MISSING, NUM_BANDS

KEPT: Final = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16)
"""Raw bands that are scaled, in order; raw band 10 is B9, raw band 17 the stored NDVI."""
SHIFT: Final = (25.0, 25.0, *[0.0] * 10, -272.15, 0.0, 0.0, 0.0)
"""Added to each kept band; 272.15, and not 273.15, is what the published weights were made with."""
DIV: Final = (25.0, 25.0, *[1e4] * 10, 35.0, 0.03, 2000.0, 50.0)
"""What each kept band is divided by afterwards."""
RED, NEAR_INFRARED, NDVI = 4, 8, 16
RAW_BANDS: Final = 18
MONTHS: Final = 12


def prepare(arrays: Arrays) -> dict[str, np.ndarray]:
    """Return normalised bands, land cover, latitude and longitude, and the first month or all.

    Raises:
        BadDataError: If shapes or months make no sense.
    """
    latlon = np.stack([arrays["lat"], arrays["lon"]], axis=1).astype(np.float32)
    return {**series(arrays), "latlon": latlon}


def series(arrays: Arrays) -> dict[str, np.ndarray]:
    """Return all of that but the places.

    Raises:
        BadDataError: If shapes or months make no sense.
    """
    _check_shapes(arrays)
    x = arrays["x"]
    is_raw = x.shape[-1] == RAW_BANDS
    prepared = {
        "x": normalise(x) if is_raw else x.astype(np.float32),
        "dynamic_world": np.minimum(arrays["dynamic_world"].astype(np.int64), MISSING),
        "month": _months(arrays["month"], shape=x.shape[:2]),
    }
    if "mask" in arrays:
        prepared["mask"] = arrays["mask"] != 0
    return prepared


def _check_shapes(arrays: Arrays) -> None:
    shape, steps = arrays["x"].shape, arrays["dynamic_world"].shape
    expected = f"`x` of shape (samples, 1 to {MAX_STEPS} months, {NUM_BANDS} or {RAW_BANDS})"
    if len(shape) != 3 or not 0 < shape[1] <= MAX_STEPS or shape[2] not in (NUM_BANDS, RAW_BANDS):
        raise BadDataError(expected, got=f"{shape}", fix="reshape the array")
    if steps != shape[:2]:
        expected = f"`dynamic_world` of shape {shape[:2]}, one value for each month of `x`"
        raise BadDataError(expected, got=f"{steps}", fix=f"write {MISSING} where there is none")
    masked = arrays["mask"].shape if "mask" in arrays else (*shape[:2], NUM_BANDS)
    if masked != (*shape[:2], NUM_BANDS):
        expected = f"`mask` of shape {(*shape[:2], NUM_BANDS)}"
        raise BadDataError(
            expected, got=f"{masked}", fix="give one mask value for each normalised band"
        )


def _months(month: np.ndarray, *, shape: tuple[int, ...]) -> np.ndarray:
    """Return the month in which each series begins, or that of each of its steps."""
    samples, steps = shape
    if month.shape not in ((), (samples,), (samples, steps)):
        expected = f"`month` of shape ({samples},) or ({samples}, {steps})"
        raise BadDataError(
            expected,
            got=f"{month.shape}",
            fix="give the first month of each series, counted from 0",
        )
    if month.min() < 0 or month.max() >= MONTHS:
        expected = f"`month` from 0 (January) to {MONTHS - 1}"
        raise BadDataError(
            expected, got=f"values from {month.min()} to {month.max()}", fix="count from 0"
        )
    return month.astype(np.int64) if month.ndim else np.full(samples, month, dtype=np.int64)


def normalise(raw: np.ndarray) -> np.ndarray:
    """Return float32 bands of shape (..., 17) from raw bands of shape (..., 18)."""
    prepared = np.empty((*raw.shape[:-1], NUM_BANDS), dtype=np.float32)
    for band, (source, shift, div) in enumerate(zip(KEPT, SHIFT, DIV, strict=True)):
        # in float64 and band by band: a float64 copy of everything would not fit beside a big pool
        prepared[..., band] = (raw[..., source].astype(np.float64) + shift) / div
    prepared[..., NDVI] = _ndvi(near_infrared=prepared[..., NEAR_INFRARED], red=prepared[..., RED])
    return prepared


def _ndvi(*, near_infrared: np.ndarray, red: np.ndarray) -> np.ndarray:
    total = near_infrared + red
    lit = total > 0
    ratio = np.zeros_like(total)
    np.divide(near_infrared - red, total, out=ratio, where=lit)
    return cast("np.ndarray", ratio)
