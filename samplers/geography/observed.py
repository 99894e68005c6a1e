"""What satellites and weather models saw of the real Earth, on coarse grids that ship with us.

* `monthly`: a year of air temperature and precipitation (ERA5, means of 2000 to 2025, half a
  degree) and of the land surface's temperature by day and by night (MODIS, one degree).
* `true_colour`: the Blue Marble, a summer composite at 0.1 degree and five months at 0.18 degree.
  It is a picture for the eye, and no reflectance.
* `land_cover`: IGBP classes of MODIS, 0.1 degree; `night_lights`: brightness, 0.25 degree.

Land of the six continents alone is kept, grown by one pixel over the coast; the sea is zero.
NOTICE names every source.
"""

from functools import cache
from typing import Final

import numpy as np

from terrasweep.samplers.geography.grids import ASSETS, asset, look_up

SOUTH: Final = -60.0
"""Where the rasters end; Antarctica is no continent here."""
MONTHS_SEEN: Final = (0, 2, 4, 6, 7)
"""The months of the seasonal composites, January is 0; the others are not shipped."""
SERIES: Final = ("air_temperature", "precipitation", "surface_day", "surface_night")
"""The columns of `monthly`: degrees Celsius, millimetres a month, and twice degrees Celsius."""
LAND_COVER: Final = (
    *("water", "evergreen_needleleaf", "evergreen_broadleaf", "deciduous_needleleaf"),
    *("deciduous_broadleaf", "mixed_forest", "closed_shrubland", "open_shrubland"),
    *("woody_savanna", "savanna", "grassland", "wetland", "cropland", "urban"),
    *("cropland_mosaic", "snow_and_ice", "barren"),
)
"""IGBP's classes by their code in the raster."""

# How the rasters hold physical values in one byte each; zero means no value.
AIR_STEP, AIR_LOWEST = 0.5, -70.0
SURFACE_STEP, SURFACE_LOWEST = 1 / 3, -30.0
ROOT_STEP: Final = 1 / 6
"""Precipitation is kept as its square root, in steps of a sixth."""


def monthly(lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Return float32 (points, 12, 4), January first; the columns are those of `SERIES`."""
    air = _at("climate", "temperature", lat, lon) * AIR_STEP + AIR_LOWEST
    rain = np.square(_at("climate", "precipitation", lat, lon) * ROOT_STEP)
    surface = [
        _at("surface_temperature", name, lat, lon) * SURFACE_STEP + SURFACE_LOWEST
        for name in ("day", "night")
    ]
    return np.stack([air, rain, *surface], axis=2).astype(np.float32)


def land_cover(lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Return each point's place in `LAND_COVER`."""
    return look_up(_to_the_pole(asset("igbp")["code"]), lat=lat, lon=lon).astype(np.int64)


def night_lights(lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Return the brightness of each point's quarter degree at night, 0 to 255."""
    return _at("lights", "brightness", lat, lon)[:, 0].astype(np.float64)


@cache
def true_colour(name: str) -> np.ndarray:
    """Return a composite as uint8 (times, height, width, 3): `fine` of one time, `seasons` of five.

    Both reach from 90 degrees north to `SOUTH`.
    """
    from PIL import Image  # local: who needs no picture does without the library

    strip = np.asarray(Image.open(ASSETS / f"{name}.webp").convert("RGB"))
    times = len(MONTHS_SEEN) if name == "seasons" else 1
    return strip.reshape(times, -1, *strip.shape[1:])


def _at(name: str, key: str, lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Return float32 (points, rasters): what each raster of a stack says of each point."""
    stack = _stack(name, key)
    pixel = _pixels(stack.shape[:2], lat, lon)
    return np.take(stack.reshape(-1, stack.shape[2]), pixel, axis=0).astype(np.float32)


@cache
def _stack(name: str, key: str) -> np.ndarray:
    """Return rasters as (height, width, rasters), so that a point's values lie side by side.

    They are stored as differences from west to east, which compress well; a running sum of bytes
    undoes them, for both wrap at 256.
    """
    stored = asset(name)[key]
    rasters = np.cumsum(stored, axis=-1, dtype=np.uint8)
    rasters = rasters[None] if rasters.ndim == 2 else rasters
    return np.ascontiguousarray(_to_the_pole(rasters).transpose(1, 2, 0))


def _pixels(shape: tuple[int, ...], lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    rows, cols = shape
    row = np.clip(((90.0 - lat) * (rows / 180.0)).astype(np.int64), 0, rows - 1)
    return np.asarray(row * cols + ((lon + 180.0) * (cols / 360.0)).astype(np.int64) % cols)


def _to_the_pole(rasters: np.ndarray) -> np.ndarray:
    """Return rasters that end at 60 degrees south with nothing added down to the pole."""
    height = rasters.shape[-2] * 180 // 150
    missing = [(0, 0)] * (rasters.ndim - 2) + [(0, height - rasters.shape[-2]), (0, 0)]
    return np.pad(rasters, missing)
