"""Features of arrays and of files: the same numbers, in order, and flat in memory."""

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch

from terrasweep.infra.errors import BadDataError, UserError
from terrasweep.infra.spec import everything
from terrasweep.models.checkpoints import encoding, npz, weights
from terrasweep.models.contract import Network
from terrasweep.models.members import ZOO
from terrasweep.models.spec import ModelSpec
from terrasweep.models.zoo.presto.layout import GROUPS, RELIEF
from terrasweep.models.zoo.presto.normalise import normalise

SMALL: dict[str, dict[str, object]] = {
    "presto": {"width": 32, "heads": 2},
    "satclip": {"capacity": 32, "width": 16, "tower": "features"},
    "satmae": {
        "image_px": 16, "width": 64, "depth": 1, "heads": 2, "channel_width": 16,
        "decoder_width": 32, "decoder_depth": 1, "decoder_heads": 2, "decoder_channel_width": 16,
    },
    "vit_mae": {},
    "tiny": {},
}  # fmt: skip


def saved(folder: Path, name: str) -> tuple[ModelSpec, Network]:
    """A checkpoint as an init step leaves it."""
    spec = ZOO.spec(name)(name=name, **SMALL[name])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = ZOO[name].build(spec)
    folder.mkdir(exist_ok=True)
    weights.write(network, folder, card={"model": everything(spec)})
    return spec, network.eval()


def series(samples: int, *, bands: int = 17, steps: int = 12) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(samples)
    return {
        "x": rng.normal(size=(samples, steps, bands)).astype(np.float32),
        "dynamic_world": rng.integers(0, 10, (samples, steps)).astype(np.uint8),
        "latlon": rng.uniform(-80, 80, (samples, 2)),
        "month": rng.integers(0, 12, samples),
    }


def arrays_of(name: str, samples: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(samples)
    if name in ("presto", "tiny"):
        return series(samples)
    if name == "satclip":
        return {"lonlat": rng.uniform(-80, 80, (samples, 2))}
    bands = 10 if name == "satmae" else 12
    return {"image": rng.integers(0, 4000, (samples, bands, 100, 100)).astype(np.uint16)}


@pytest.fixture
def presto(tmp_path: Path) -> Path:
    saved(tmp_path / "presto", "presto")
    return tmp_path / "presto"


def read(path: Path) -> np.ndarray:
    with np.load(path) as held:
        assert list(held) == ["features"]
        return held["features"]


@pytest.mark.parametrize("name", ["presto", "satclip", "satmae", "tiny"])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_file_has_the_features_of_its_arrays_in_their_order(name, save, tmp_path: Path):
    saved(tmp_path / "c", name)
    arrays = arrays_of(name, 7 if name == "satmae" else 300)
    save(tmp_path / "x.npz", **arrays)
    made = encoding.encode_file(
        encoding.load(tmp_path / "c"), tmp_path / "x.npz", tmp_path / "y.npz"
    )
    whole = encoding.encode(tmp_path / "c", arrays)
    found = read(tmp_path / "y.npz")
    assert found.dtype == np.float32
    assert found.shape == (made.samples, made.width) == whole.shape
    np.testing.assert_allclose(found, whole, atol=1e-5)
    alone = [
        encoding.encode(tmp_path / "c", {key: array[at : at + 1] for key, array in arrays.items()})
        for at in (0, len(whole) - 1)
    ]
    np.testing.assert_allclose(whole[[0, -1]], np.concatenate(alone), atol=1e-5)
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_images_of_a_plain_vit_pass_too(tmp_path: Path):
    saved(tmp_path / "c", "vit_mae")
    made = encoding.encode(tmp_path / "c", arrays_of("vit_mae", 1))
    assert made.shape[0] == 1


def test_raw_bands_are_normalised_as_in_training(presto: Path):
    raw = series(5, bands=18)
    normalised = {**raw, "x": normalise(raw["x"])}
    assert np.array_equal(
        encoding.encode(presto, raw, raw=True), encoding.encode(presto, normalised)
    )


@pytest.mark.parametrize(
    ("bands", "raw", "do"), [(18, False, "add --raw"), (17, True, "drop --raw")]
)
def test_raw_and_normalised_are_never_taken_for_each_other(bands, raw, do, presto: Path):
    with pytest.raises(UserError, match=do):
        encoding.encode(presto, series(5, bands=bands), raw=raw)


def test_coordinates_may_be_named_in_any_one_form(presto: Path):
    arrays = series(5)
    latlon = arrays.pop("latlon")
    forms = [
        {"latlon": latlon},
        {"lonlat": latlon[:, ::-1]},
        {"lat": latlon[:, 0], "lon": latlon[:, 1]},
    ]
    made = [encoding.encode(presto, {**arrays, **form}) for form in forms]
    assert np.array_equal(made[0], made[1])
    assert np.array_equal(made[0], made[2])
    with pytest.raises(UserError, match="one form of coordinates for presto"):
        encoding.encode(presto, {**arrays, **forms[0], **forms[1]})


def test_longitude_first_is_caught_where_it_can_be(presto: Path):
    arrays = {**series(5), "latlon": np.array([[120.0, 10.0]] * 5)}
    with pytest.raises(
        UserError, match=r"lat from -90 to 90, got 120.0. Fix: `latlon` is latitude"
    ):
        encoding.encode(presto, arrays)


def test_months_are_the_first_or_all_of_them(presto: Path):
    arrays = {**series(5), "month": np.array([0, 3, 6, 9, 11])}
    all_of_them = (arrays["month"][:, None] + np.arange(12)) % 12
    whole = encoding.encode(presto, arrays)
    assert np.array_equal(whole, encoding.encode(presto, {**arrays, "month": all_of_them}))
    one = {**arrays, "month": np.array(3)}
    many = {**arrays, "month": np.full(5, 3)}
    assert np.array_equal(encoding.encode(presto, one), encoding.encode(presto, many))
    all_of_them[2, 5] = 0  # steps of thirty days may skip a month or begin twice in one
    other = encoding.encode(presto, {**arrays, "month": all_of_them})
    assert np.flatnonzero((whole != other).any(axis=1)).tolist() == [2]
    with pytest.raises(BadDataError, match=r"from 0 \(January\) to 11, got values from 1 to 12"):
        encoding.encode(presto, {**arrays, "month": np.array([1, 12, 3, 4, 5])})


@pytest.mark.parametrize("name", list(GROUPS))
def test_a_masked_band_hides_its_whole_token_and_nothing_else(name: str, presto: Path):
    """Whatever lies under the mask, also in the group's other bands, features are the same."""
    arrays, bands = series(4), list(GROUPS[name])
    step = 0 if name == RELIEF else 5
    arrays["mask"] = np.zeros((4, 12, 17), dtype=bool)
    before = encoding.encode(presto, arrays)
    arrays["mask"][:, step, bands[-1]] = True
    masked = encoding.encode(presto, arrays)
    assert not np.allclose(before, masked, atol=1e-4)
    arrays["x"] = arrays["x"].copy()
    arrays["x"][:, step, bands] = 1e3
    assert np.array_equal(masked, encoding.encode(presto, arrays))
    arrays["x"][:, 0, [4 if name != "S2_RGB" else 0]] = 1e3
    assert not np.allclose(masked, encoding.encode(presto, arrays), atol=1e-4)


def test_other_lengths_of_series_are_taken(presto: Path):
    assert encoding.encode(presto, series(3, steps=24)).shape == (3, 32)
    assert encoding.encode(presto, series(3, steps=1)).shape == (3, 32)
    with pytest.raises(BadDataError, match="1 to 24 months"):
        encoding.encode(presto, series(3, steps=25))


@pytest.mark.parametrize("missing", ["x", "dynamic_world", "latlon", "month"])
def test_a_missing_array_is_named(missing: str, presto: Path):
    arrays = series(3)
    del arrays[missing]
    with pytest.raises(UserError, match=f"Expected the array {missing}"):
        encoding.encode(presto, arrays)


def write(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"month": np.zeros(2, dtype=int)}, "3 of x, 3 of dynamic_world, 2 of month, 3 of latlon"),
        ({"x": np.zeros((3, 12, 16))}, "17 normalised bands"),
        ({"dynamic_world": np.zeros((3, 11), dtype=int)}, "`dynamic_world` of shape"),
        ({"mask": np.zeros((3, 12, 18))}, "`mask` of shape"),
        ({"latlon": np.zeros((3, 3))}, "`latlon` of shape"),
        ({"x": np.full((3, 12, 17), np.nan)}, "NaN or infinity in sample 0"),
    ],
)
def test_a_bad_file_is_refused_and_nothing_is_left(change, said, presto: Path, tmp_path: Path):
    source = write(tmp_path / "x.npz", {**series(3), **change})
    with pytest.raises((UserError, BadDataError), match=said):
        encoding.encode_file(encoding.load(presto), source, tmp_path / "y.npz")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["presto", "x.npz"]


@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.95])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_file_that_is_cut_off_is_refused(keep, save, tmp_path: Path):
    save(tmp_path / "x.npz", **series(300))
    data = (tmp_path / "x.npz").read_bytes()
    (tmp_path / "x.npz").write_bytes(
        data[: keep if isinstance(keep, int) else int(keep * len(data))]
    )
    with pytest.raises(UserError, match="numpy's savez"):
        npz.headers(tmp_path / "x.npz")


def test_an_array_of_objects_is_never_unpickled(tmp_path: Path):
    np.savez(tmp_path / "x.npz", x=np.array([{"a": 1}], dtype=object))
    with pytest.raises(UserError, match="only unpickling could read"):
        npz.headers(tmp_path / "x.npz")


def test_other_orders_of_bytes_and_axes_are_read(presto: Path, tmp_path: Path):
    arrays = series(300)
    other = {**arrays, "x": np.asfortranarray(arrays["x"].astype(">f8"))}
    source = write(tmp_path / "x.npz", other)
    encoding.encode_file(encoding.load(presto), source, tmp_path / "y.npz")
    np.testing.assert_allclose(read(tmp_path / "y.npz"), encoding.encode(presto, arrays), atol=1e-5)


def peak(checkpoint: encoding.Checkpoint, source: Path, target: Path) -> int:
    tracemalloc.start()
    encoding.encode_file(checkpoint, source, target)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_memory_does_not_grow_with_the_file(save, tmp_path: Path):
    """Thirty times the samples, 26 MB of them, and not a tenth of that is held at any time."""
    saved(tmp_path / "c", "tiny")
    checkpoint, tiles = encoding.load(tmp_path / "c"), series(1000)
    peaks = []
    for times in (1, 30):
        many = {name: np.concatenate([array] * times) for name, array in tiles.items()}
        source = tmp_path / f"{times}.npz"
        save(source, **many)
        whole = sum(array.nbytes for array in many.values())
        del many
        peaks.append(peak(checkpoint, source, tmp_path / "y.npz"))
    assert whole > 25e6
    assert peaks[1] < 2.5e6
    assert peaks[1] < 1.2 * peaks[0]
    assert read(tmp_path / "y.npz").shape[0] == 30_000


@pytest.mark.parametrize(
    ("card", "said"),
    [
        (None, "no card.json in it"),
        ({"model": {"name": "nothing"}}, "a card.json that names no network"),
        ({}, "a card.json that names no network"),
        ([], "a card.json that names no network"),
    ],
)
def test_a_folder_that_is_no_checkpoint_is_refused(card, said, tmp_path: Path):
    if card is not None:
        (tmp_path / "card.json").write_text(json.dumps(card))
    with pytest.raises(UserError, match=said):
        encoding.load(tmp_path)
