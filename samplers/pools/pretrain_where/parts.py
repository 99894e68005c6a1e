"""The parts of a sample whose make-up is not published: what they are, as far as one can tell.

Nothing is guessed: an image is one if it is the only array with the right number of bands, a place
is one if its names say so.
"""

import json
from collections.abc import Iterator, Mapping

import numpy as np

from terrasweep.samplers.formats import geotiff, npy
from terrasweep.samplers.formats.faults import RejectedRow
from terrasweep.samplers.formats.tar import Sample
from terrasweep.samplers.sources.image_index import LoadedImage

NO_IMAGE = "no part of the sample is an image of {} bands"
TWO_IMAGES = "more than one part of the sample could be the image"
NO_PLACE = "no part of the sample says where it lies"

LAT = ("lat", "latitude", "centre_lat", "center_lat")
LON = ("lon", "lng", "longitude", "centre_lon", "center_lon")
PAIRS = {"latlon": (0, 1), "lat_lon": (0, 1), "lonlat": (1, 0), "lon_lat": (1, 0)}
DTYPES = ("uint8", "int16", "uint16", "int32", "float32", "float64")

Values = Mapping[str, np.ndarray]


def loaded(sample: Sample, *, num_bands: int) -> LoadedImage:
    """Return a sample's image, bands first, and its place.

    Raises:
        RejectedRow: If either cannot be identified without doubt.
    """
    values = dict(_values(sample, num_bands=num_bands))
    images = [_bands_first(value, num_bands=num_bands) for value in values.values()]
    fitting = [image for image in images if image is not None]
    if not fitting:
        raise RejectedRow(NO_IMAGE.format(num_bands))
    if len(fitting) > 1:
        raise RejectedRow(TWO_IMAGES)
    image = fitting[0].astype(np.float32)
    if not np.isfinite(image).all():
        raise RejectedRow(geotiff.NOT_FINITE)
    return LoadedImage(image, *_place(values))


def describe(sample: Sample, *, num_bands: int) -> str:
    """Return what the parts of a sample are, in words."""
    values = dict(_values(sample, num_bands=num_bands))
    arrays = [f"{name} ({one.dtype} {one.shape})" for name, one in sorted(values.items())]
    parts = [f".{part} ({span.size:,} bytes)" for part, span in sorted(sample.parts.items())]
    return f"samples of {', '.join(parts)}; in them {', '.join(arrays) or 'nothing that is known'}"


def _values(sample: Sample, *, num_bands: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yield every array and every number of a sample that can be read, by its name."""
    for part, span in sample.parts.items():
        name, _, kind = part.rpartition(".")
        if kind == "npy" and (one := npy.array_of(span.read())) is not None:
            yield name or "npy", one
        elif kind == "npz":
            yield from npy.arrays_of(span.read()).items()
        elif kind == "json":
            yield from _numbers(span.read())
        elif kind in ("tif", "tiff"):
            yield from _raster(name or kind, span.read(), num_bands=num_bands)


def _raster(name: str, data: bytes, *, num_bands: int) -> Iterator[tuple[str, np.ndarray]]:
    try:
        image, lat, lon = geotiff.placed(data, num_bands=num_bands, dtypes=DTYPES)
    except RejectedRow as fault:
        if str(fault) != geotiff.NOWHERE:
            return
        yield name, geotiff.pixels(data, num_bands=num_bands, dtypes=DTYPES)
        return
    yield name, image
    yield "latlon", np.array([lat, lon])


def _numbers(data: bytes) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the numbers, and lists of numbers, of a JSON object of one level."""
    try:
        record = json.loads(data)
    except (UnicodeDecodeError, ValueError):
        return
    for name, value in record.items() if isinstance(record, dict) else ():
        values = value if isinstance(value, list) else [value]
        if all(isinstance(one, int | float) and not isinstance(one, bool) for one in values):
            yield name, np.array(value, dtype=np.float64)


def _bands_first(value: np.ndarray, *, num_bands: int) -> np.ndarray | None:
    if value.ndim != 3:
        return None
    if value.shape[0] == num_bands:
        return value
    return np.moveaxis(value, 2, 0) if value.shape[2] == num_bands else None


def _place(values: Values) -> tuple[float, float]:
    named = {name.lower(): value.ravel() for name, value in values.items()}
    for name, (lat, lon) in PAIRS.items():
        if name in named and named[name].size == 2:
            return float(named[name][lat]), float(named[name][lon])
    lats = [named[name] for name in LAT if name in named and named[name].size == 1]
    lons = [named[name] for name in LON if name in named and named[name].size == 1]
    if len(lats) != 1 or len(lons) != 1:
        raise RejectedRow(NO_PLACE)
    return float(lats[0][0]), float(lons[0][0])
