"""Land cover from a user's own raster of classes, in words that compositions can name."""

import numpy as np

from terrasweep.infra.errors import PoolError
from terrasweep.samplers.formats import geotiff
from terrasweep.samplers.formats.faults import RejectedRow
from terrasweep.samplers.geography.spec import LandCoverMap, Legend
from terrasweep.samplers.geography.strata import LAND_COVERS, UNKNOWN
from terrasweep.samplers.maps.files import Map, find

WORLDCOVER = {
    **{10: "trees", 20: "shrub_and_scrub", 30: "grass", 40: "crops", 50: "built", 60: "bare"},
    **{70: "snow_and_ice", 80: "water", 90: "flooded_vegetation", 95: "mangroves"},
    100: "moss_and_lichen",
}
"""ESA's classes by number; where Dynamic World has the same class, by the same word."""


def at(spec: LandCoverMap, *, lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Return the class of each point by name; ``"none"`` where the raster says nothing.

    Raises:
        PoolError: If the map is not there, cannot be read, or has a class without a name.
    """
    one = find(spec.content, what="a land-cover raster")
    names = named(spec.legend)
    values = _values(one, lat=lat, lon=lon)
    classes = np.full(len(lat), UNKNOWN["land_cover"], object)
    for number in np.unique(values[np.isfinite(values)]).tolist():
        if number == 0 and 0 not in names:
            continue  # no data, wherever classes are counted from one
        if number not in names:
            known = ", ".join(map(str, names))
            raise PoolError(
                f"land-cover classes in {one.path}",
                got=f"class {number:g} (the legend names {known})",
                fix="name it in `legend` of `land_cover`",
            )
        classes[values == number] = names[number]
    return classes.astype(str)


def named(legend: Legend) -> dict[int, str]:
    """Return the name of each class."""
    if legend == "worldcover":
        return WORLDCOVER
    return dict(enumerate(LAND_COVERS)) if legend == "dynamic_world" else dict(legend)


def _values(one: Map, *, lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Return the values of whichever tile each point lies in; NaN where it lies in none."""
    geotiff.check_installed()
    if not one.rasters:
        fix = "give a GeoTIFF, or a folder of them"
        raise PoolError(f"a land-cover raster in {one.path}", got="a layer of shapes", fix=fix)
    values = np.full(len(lat), np.nan)
    for path in one.rasters:
        try:
            left = np.flatnonzero(np.isnan(values) & geotiff.around(path, lat=lat, lon=lon))
            values[left] = geotiff.at(path, lat=lat[left], lon=lon[left])
        except RejectedRow as fault:
            fix = "restore the file, or write the GeoTIFF again with its position on Earth"
            raise PoolError(f"land cover in {path}", got=f"an error: {fault}", fix=fix) from None
    return values
