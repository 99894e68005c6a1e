"""Real arrays go from their files to features; they lie outside the project."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch

from terrasweep.infra.spec import everything
from terrasweep.models.checkpoints import encoding, weights
from terrasweep.models.members import ZOO
from terrasweep.models.zoo.presto.normalise import normalise
from tests.support.paths import REAL_DATA

REAL = REAL_DATA
ALGAE = REAL / "presto/algae_blooms"
TIFS = REAL / "presto/tifs"
PATCHES = REAL / "satclip/s2_example"
PER_MONTH = 17
"""Bands of a month in a raw stack; relief stands once, at its end."""
DROPPED = ("B1", "B10")


def saved(folder: Path, name: str, **fields: object) -> Path:
    spec = ZOO.spec(name)(name=name, **fields)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        weights.write(ZOO[name].build(spec), folder, card={"model": everything(spec)})
    return folder


@pytest.mark.skipif(not ALGAE.is_dir(), reason="the real series are not at hand")
def test_presto_encodes_all_real_series_from_a_file(tmp_path: Path):
    arrays = {name: np.load(ALGAE / f"{name}.npy") for name in ("dynamic_world", "latlon", "month")}
    raw = np.load(ALGAE / "s1_s2_era5_srtm.npy")
    np.savez_compressed(tmp_path / "x.npz", x=raw, **arrays)
    checkpoint = encoding.load(saved(tmp_path, "presto"))
    made = encoding.encode_file(checkpoint, tmp_path / "x.npz", tmp_path / "y.npz", raw=True)
    assert (made.samples, made.width) == (1122, 128)
    with np.load(tmp_path / "y.npz") as held:
        features = held["features"]
    assert np.isfinite(features).all()
    assert len(np.unique(features.round(5), axis=0)) > 1000
    some = {name: array[:40] for name, array in arrays.items()}
    by_hand = encoding.encode(tmp_path, {**some, "x": normalise(raw[:40])})
    np.testing.assert_allclose(features[:40], by_hand, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "months", "first"),
    [("98-togo_2019-02-06_2020-02-01.tif", 12, 1), ("honduras_2017-2018.tif", 24, 0)],
)
def test_presto_encodes_the_pixels_of_a_real_stack(name, months, first, tmp_path: Path):
    rasterio = pytest.importorskip("rasterio", reason="rasterio is not installed")
    if not (TIFS / name).exists():
        pytest.skip("the real stacks are not at hand")
    with rasterio.open(TIFS / name) as stack:
        bands, names, (lon, lat) = stack.read(), stack.descriptions[:PER_MONTH], stack.lnglat()
    pixels = np.moveaxis(bands, 0, -1).reshape(-1, len(bands))
    pixels = pixels[np.isfinite(pixels).all(axis=1)]
    assert pixels.shape[1] == PER_MONTH * months + 2
    monthly = pixels[:, :-2].reshape(len(pixels), months, PER_MONTH)
    kept = monthly[:, :, [at for at, one in enumerate(names) if one not in DROPPED]]
    relief = np.repeat(pixels[:, None, -2:], months, axis=1)
    x = np.concatenate([kept, relief, np.zeros((len(pixels), months, 1))], axis=2)
    arrays = {
        "x": x,
        "dynamic_world": np.full((len(x), months), 9),
        "latlon": np.tile([lat, lon], (len(x), 1)),
        "month": np.full(len(x), first),
    }
    normalised = normalise(x)
    assert np.abs(normalised).max() < 5
    assert np.abs(normalised[..., 16]).max() <= 1
    features = encoding.encode(saved(tmp_path, "presto"), arrays, raw=True)
    assert features.shape == (len(x), 128)
    assert np.isfinite(features).all()
    assert features.std(axis=0).max() > 0


@pytest.mark.skipif(not PATCHES.is_dir(), reason="the real patches are not at hand")
def test_satclip_encodes_the_places_of_the_real_patches(tmp_path: Path):
    with (PATCHES / "index.csv").open() as file:
        rows = list(csv.DictReader(file))
    lonlat = np.array([[float(row["lon"]), float(row["lat"])] for row in rows])
    folder = saved(tmp_path, "satclip")
    features = encoding.encode(folder, {"lonlat": lonlat})
    assert features.shape == (20, 256)
    assert torch.pdist(torch.from_numpy(features)).min() > 1e-4
    swapped = encoding.encode(folder, {"latlon": lonlat[:, ::-1]})
    assert np.array_equal(features, swapped)


@pytest.mark.skipif(not PATCHES.is_dir(), reason="the real patches are not at hand")
def test_satmae_encodes_the_real_patches_without_their_first_and_last_bands(tmp_path: Path):
    rasterio = pytest.importorskip("rasterio", reason="rasterio is not installed")
    images = []
    for path in sorted((PATCHES / "images").glob("*.tif"))[:4]:
        with rasterio.open(path) as patch:
            # 12 bands without B10; the ten that SatMAE sees are those but B1 and B9
            images.append(np.delete(patch.read(), [0, 9], axis=0))
    folder = saved(tmp_path, "satmae", width=320, depth=1, heads=5, decoder_depth=1)
    features = encoding.encode(folder, {"image": np.stack(images)})
    assert features.shape == (4, 320)
    assert torch.pdist(torch.from_numpy(features)).min() > 1e-3
