"""GeoTIFF files: what is read, what is not followed, and life without rasterio."""

import sys
from pathlib import Path

import numpy as np
import pytest
from rasterio.warp import transform

from terrasweep.infra.errors import PoolError
from terrasweep.samplers.formats.faults import RejectedRow
from terrasweep.samplers.formats.geotiff import MISSING, NOWHERE, UNREADABLE, pixels, placed
from terrasweep.samplers.members import POOLS
from tests.data import geotiff
from tests.data.fmow_sentinel import make as fmow_sentinel
from tests.data.s2_100k import make as s2_100k
from tests.data.ssl4eo_s12 import make as ssl4eo_s12
from tests.support.paths import REAL_DATA
from tests.support.pools import spec_of

IMAGE = geotiff.image("rasters", bands=3, size_px=20)
REAL = REAL_DATA / "resolve2017/Ecoregions2017_biome.tif"


def test_the_middle_of_a_file_is_its_place(tmp_path: Path):
    path = tmp_path / "a.tif"
    geotiff.write(path, IMAGE, lat=-33.25, lon=151.5)
    values, lat, lon = placed(path, num_bands=3, dtypes=("uint16",))
    np.testing.assert_array_equal(values, IMAGE)
    assert (lat, lon) == pytest.approx((-33.25, 151.5))
    assert placed(path.read_bytes(), num_bands=3, dtypes=("uint16",))[1:] == (lat, lon)


def test_places_in_metres_become_degrees():
    data = geotiff.encoded(IMAGE, lat=0.0, lon=0.0)
    from rasterio.io import MemoryFile

    with MemoryFile(data) as memory, memory.open() as file:
        profile = {**file.profile, "crs": "EPSG:32756"}
        (east,), (north,) = transform("EPSG:4326", "EPSG:32756", [151.5], [-33.25])[:2]
        grid = file.transform
    profile["transform"] = type(grid)(10, 0, east - 100, 0, -10, north + 100)
    with MemoryFile() as memory:
        with memory.open(**profile) as file:
            file.write(IMAGE)
        _, lat, lon = placed(bytes(memory.read()), num_bands=3, dtypes=("uint16",))
    assert (lat, lon) == pytest.approx((-33.25, 151.5), abs=1e-9)


def test_a_real_raster_of_the_whole_earth_has_its_middle_at_zero():
    if not REAL.is_file():
        pytest.skip(f"no real raster at {REAL}")
    values, lat, lon = placed(REAL, num_bands=1, dtypes=("float64",))
    assert (values.shape, lat, lon) == ((1, 1800, 3600), pytest.approx(0), pytest.approx(0))


def test_a_recipe_that_names_another_file_is_not_followed(tmp_path: Path):
    geotiff.write(tmp_path / "secret.tif", IMAGE[:1], lat=0, lon=0)
    (tmp_path / "a.tif").write_text(
        '<VRTDataset rasterXSize="20" rasterYSize="20"><VRTRasterBand dataType="UInt16" band="1">'
        f"<SimpleSource><SourceFilename>{tmp_path}/secret.tif</SourceFilename></SimpleSource>"
        "</VRTRasterBand></VRTDataset>"
    )
    with pytest.raises(RejectedRow, match=UNREADABLE):
        pixels(tmp_path / "a.tif", num_bands=1, dtypes=("uint16",))


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.66, 0.99])
def test_a_file_cut_anywhere_is_told(share: float):
    data = geotiff.encoded(IMAGE, lat=1, lon=1)
    with pytest.raises(RejectedRow, match=UNREADABLE):
        pixels(data[: int(len(data) * share)], num_bands=3, dtypes=("uint16",))


def test_a_missing_file_and_one_without_a_place_are_told(tmp_path: Path):
    with pytest.raises(RejectedRow, match=MISSING):
        pixels(tmp_path / "none.tif", num_bands=3, dtypes=("uint16",))
    with pytest.raises(RejectedRow, match=NOWHERE):
        placed(geotiff.encoded(IMAGE), num_bands=3, dtypes=("uint16",))


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("s2_100k", s2_100k.make),
        ("fmow_sentinel", fmow_sentinel.make),
        ("ssl4eo_s12", ssl4eo_s12.make),
    ],
)
def test_without_rasterio_the_extra_is_named(
    name: str, make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    spec = spec_of(name, make(tmp_path))
    monkeypatch.setitem(sys.modules, "rasterio", None)
    with pytest.raises(
        PoolError, match=r"Expected the package rasterio.*pip install 'terrasweep\[imagery\]'"
    ):
        POOLS[name].chunks(spec)
