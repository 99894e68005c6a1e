"""SSL4EO-S12: bands of three resolutions on one grid, granule by granule, and spoilt copies."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from terrasweep.infra.errors import PoolError
from terrasweep.samplers.formats.geotiff import NOWHERE, UNREADABLE
from terrasweep.samplers.pools.ssl4eo_s12 import pool
from tests.data import geotiff
from tests.data.ssl4eo_s12 import make as made
from tests.support.pools import spec_of, taken_in

FIRST = made.granules(0, split="s2c")[0]
AT = Path("s2c/0000000") / FIRST
NAME = f"0000000/{FIRST}"


@pytest.mark.parametrize(
    ("split", "bands", "dtype"),
    [("s2c", 13, "uint16"), ("s2a", 12, "uint16"), ("s1", 2, "float32")],
)
def test_every_granule_is_a_sample_with_its_own_bands(
    split: str, bands: int, dtype: str, tmp_path: Path
):
    spec = spec_of("ssl4eo_s12", made.make(tmp_path, split=split))
    found, rejects = taken_in(spec)
    assert (rejects, pool.count(spec)) == ([], 12)
    assert (str(found["image"].dtype), found["image"].shape[1:]) == (dtype, (bands, 24, 24))
    assert found["month"].tolist() == [1, 5, 8, 10] * 3
    rows = [(number, name) for number in range(3) for name in made.granules(number, split=split)]
    for row, (number, granule) in enumerate(rows):
        assert found["id"][row] == f"{number:07d}/{granule}"
        here = (found["lat"][row], found["lon"][row])
        assert here == pytest.approx(made.place(number), abs=1e-6)
        for place, name in enumerate(made.BANDS[split]):
            own = made.band(number, granule, name, split=split)[0]
            times = 24 // own.shape[0]
            wanted = np.kron(own, np.ones((times, times), dtype=own.dtype))
            np.testing.assert_array_equal(found["image"][row, place], wanted)


def test_many_locations_make_many_chunks(tmp_path: Path):
    spec = spec_of("ssl4eo_s12", {**made.make(tmp_path), "size_px": 264})
    assert pool.chunks(spec) == 2
    found, _ = taken_in(spec)
    assert len(found["id"]) == 12
    with pytest.raises(IndexError):
        pool.read(spec, 2)


def _band(name: str, values: np.ndarray, **where: float) -> Callable[[Path], object]:
    place = {"lat": 0.0, "lon": 0.0, **where}
    return lambda folder: geotiff.write(folder / AT / f"{name}.tif", values, **place)


SOUND = made.band(0, FIRST, "B2", split="s2c")
SPOILT: dict[str, tuple[Callable[[Path], object], str]] = {
    "a missing band": (lambda at: (at / AT / "B10.tif").unlink(), "band B10 is missing"),
    "no reference": (lambda at: (at / AT / "B2.tif").unlink(), "band B2 is missing"),
    "a truncated band": (lambda at: geotiff.cut(at / AT / "B3.tif"), UNREADABLE),
    "a truncated reference": (lambda at: geotiff.cut(at / AT / "B2.tif"), UNREADABLE),
    "an empty band": (lambda at: (at / AT / "B3.tif").write_bytes(b""), UNREADABLE),
    "two bands in one": (_band("B3", SOUND.repeat(2, axis=0)), "2 bands instead of 1"),
    "a wrong type": (
        _band("B3", SOUND.astype(np.float32)),
        "pixels of type float32 instead of uint16",
    ),
    "a wrong size": (
        _band("B3", SOUND[:, :23, :]),
        "band B3 of 23 x 24 pixels does not fit the grid of 10 m",
    ),
    "no place": (
        lambda at: (at / AT / "B2.tif").write_bytes(geotiff.encoded(SOUND)),
        NOWHERE,
    ),
}


@pytest.mark.parametrize("case", SPOILT)
def test_a_spoilt_granule_is_rejected_with_its_reason_and_the_others_stay(
    case: str, tmp_path: Path
):
    spoil, reason = SPOILT[case]
    fields = made.make(tmp_path)
    spoil(tmp_path)
    found, rejects = taken_in(spec_of("ssl4eo_s12", fields))
    assert rejects == [(NAME, reason)]
    assert len(found["id"]) == 11


def test_a_location_without_granules_is_told(tmp_path: Path):
    fields = made.make(tmp_path)
    shutil.rmtree(tmp_path / "s2c/0000001")
    (tmp_path / "s2c/0000001").mkdir()
    found, rejects = taken_in(spec_of("ssl4eo_s12", fields))
    assert (len(found["id"]), rejects) == (8, [("0000001", pool.EMPTY)])


def test_a_folder_that_is_no_pool_says_what_it_holds_and_where_the_pool_is(tmp_path: Path):
    fields = made.make(tmp_path, split="s1")
    with pytest.raises(PoolError, match=r"Expected s2a/.*got only s1.*SSL4EO-S12 on Hugging Face"):
        pool.chunks(spec_of("ssl4eo_s12", {**fields, "split": "s2a"}))
    shutil.rmtree(tmp_path / "s1")
    with pytest.raises(PoolError, match="got an empty folder"):
        pool.chunks(spec_of("ssl4eo_s12", fields))


def test_another_copy_than_was_said_is_refused(tmp_path: Path):
    fields = made.make(tmp_path, split="s1")
    content = pool.content(spec_of("ssl4eo_s12", fields))
    (tmp_path / "s1/0000007").mkdir()
    with pytest.raises(PoolError, match=f"with content {content}"):
        pool.chunks(spec_of("ssl4eo_s12", {**fields, "content": content}))
