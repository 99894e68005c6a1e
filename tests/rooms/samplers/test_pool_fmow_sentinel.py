"""fMoW-Sentinel: patches of any size on one grid, months from time stamps, and spoilt copies."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from terrasweep.infra.errors import PoolError
from terrasweep.samplers.formats.csv import BROKEN
from terrasweep.samplers.formats.geotiff import MISSING, NOT_FINITE, UNREADABLE
from terrasweep.samplers.intake.admit import IMPOSSIBLE, NOT_A_NUMBER, REPEATED
from terrasweep.samplers.pools.fmow_sentinel import pool
from terrasweep.samplers.sources.image_index import UNKNOWN_MONTH, fit
from tests.data import geotiff
from tests.data.fmow_sentinel import make as made
from tests.support.pools import spec_of, taken_in

NAMES = ["train/{}_{}_{}".format(*made.name(number)) for number in range(made.NUM)]


def test_every_line_is_a_sample_with_its_place_month_and_pixels(tmp_path: Path):
    found, rejects = taken_in(spec_of("fmow_sentinel", made.make(tmp_path)))
    assert (rejects, found["id"].tolist()) == ([], NAMES)
    assert found["month"].tolist() == list(range(12))
    assert (found["image"].dtype, found["image"].shape[1:]) == (np.float32, (13, 96, 96))
    for number in range(made.NUM):
        here = (found["lat"][number], found["lon"][number])
        assert here == pytest.approx(made.place(number))
        np.testing.assert_array_equal(found["image"][number], fit(made.patch(number), size_px=96))


def test_a_smaller_patch_lies_in_the_middle_of_zeros_and_of_a_larger_one_the_middle_is_taken():
    small, large = made.patch(0), made.patch(3)
    padded = fit(small, size_px=96)
    np.testing.assert_array_equal(padded[:, 25:70, 25:70], small)
    assert padded.sum(dtype=np.float64) == small.sum(dtype=np.float64)
    np.testing.assert_array_equal(fit(large, size_px=96), large[:, 7:103, 7:103])
    np.testing.assert_array_equal(
        fit(small[:, :, :10], size_px=11)[:, :, :10], small[:, 17:28, :10]
    )


def test_whole_numbers_are_taken_as_they_are(tmp_path: Path):
    fields = made.make(tmp_path)
    values = made.patch(2).astype(np.uint16)
    geotiff.write(tmp_path / made.path(2), values, lat=0, lon=0)
    found, _ = taken_in(spec_of("fmow_sentinel", fields))
    np.testing.assert_array_equal(found["image"][2], values.astype(np.float32))


def test_columns_that_a_user_added_are_used(tmp_path: Path):
    made.make(tmp_path)
    lines = ["category,location_id,image_id,timestamp,lat,lon,image_path"]
    lines += [f"zoo,1,{one},2018-05-01,12.5,-7.25,{made.path(one)}" for one in (1, 2)]
    (tmp_path / "val.csv").write_text("\n".join(lines))
    (tmp_path / "val").mkdir()
    found, rejects = taken_in(spec_of("fmow_sentinel", {"path": str(tmp_path), "split": "val"}))
    assert (rejects, found["lat"].tolist(), found["lon"].tolist()) == ([], [12.5] * 2, [-7.25] * 2)
    np.testing.assert_array_equal(found["image"][1], made.patch(2))


def _line(number: int, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        lines = (folder / "train.csv").read_text().splitlines()
        assert old in lines[number + 1]
        lines[number + 1] = lines[number + 1].replace(old, new)
        (folder / "train.csv").write_text("\n".join(lines))

    return change


def _image(values: np.ndarray) -> Callable[[Path], None]:
    return lambda folder: geotiff.write(folder / made.path(4), values, lat=0, lon=0)


def _with(value: float) -> np.ndarray:
    image = made.patch(4)
    image[3, 5, 7] = value
    return image


BOX = "POLYGON (("
SPOILT: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "truncated": (lambda at: geotiff.cut(at / made.path(4)), NAMES[4], UNREADABLE),
    "missing": (lambda at: (at / made.path(4)).unlink(), NAMES[4], MISSING),
    "not a number": (_image(_with(np.nan)), NAMES[4], NOT_FINITE),
    "endless": (_image(_with(np.inf)), NAMES[4], NOT_FINITE),
    "a missing band": (_image(made.patch(4)[:12]), NAMES[4], "12 bands instead of 13"),
    "a wrong type": (
        _image((made.patch(4) / 40).astype(np.uint8)),
        NAMES[4],
        "pixels of type uint8 instead of uint16 or int16 or int32 or float32 or float64",
    ),
    "no polygon": (_line(4, BOX, "POLYGIN (("), NAMES[4], NOT_A_NUMBER),
    "an empty polygon": (
        lambda at: (at / "train.csv").write_text(
            ",category,location_id,image_id,timestamp,polygon\n"
            "0,airport,0,100,2017-01-15,POLYGON EMPTY\n1,crop_field,0,101,2017-01-15,POINT (1 2)\n"
        ),
        NAMES[0],
        NOT_A_NUMBER,
    ),
    "a ring that is not closed": (_line(4, BOX, f"{BOX}9000 0, "), NAMES[4], NOT_A_NUMBER),
    "another name": (_line(4, ",104,", ",999,"), NAMES[4].replace("104", "999"), MISSING),
    "twice": (_line(9, "airport,1,109", "airport,1,106"), NAMES[6], REPEATED),
    "cut short": (
        lambda at: (at / "train.csv").write_text((at / "train.csv").read_text() + "12,zoo,3"),
        "train.csv line 14",
        BROKEN,
    ),
}


@pytest.mark.parametrize("case", SPOILT)
def test_a_spoilt_row_is_rejected_with_its_reason(case: str, tmp_path: Path):
    spoil, name, reason = SPOILT[case]
    fields = made.make(tmp_path)
    spoil(tmp_path)
    found, rejects = taken_in(spec_of("fmow_sentinel", fields))
    assert rejects == [(name, reason)]
    assert len(found["id"]) in (1, 11, 12)


def test_swapped_axes_lie_off_the_earth(tmp_path: Path):
    made.make(tmp_path)
    (tmp_path / "train.csv").write_text(
        "category,location_id,image_id,timestamp,polygon\n"
        "airport,0,100,2017-01-15,POINT (10 120)\ncrop_field,0,101,2017-13-15,POINT (1 2)\n"
    )
    found, rejects = taken_in(spec_of("fmow_sentinel", {"path": str(tmp_path)}))
    assert rejects == [(NAMES[0], IMPOSSIBLE)]
    assert found["month"].tolist() == [UNKNOWN_MONTH]  # there is no thirteenth month


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "no list": (lambda at: (at / "train.csv").unlink(), "got only train. Fix: check"),
    "another split": (
        lambda at: (at / "train").rename(at / "trial"),
        "got only train.csv, trial",
    ),
    "no places": (
        lambda at: (at / "train.csv").write_text("category,location_id,image_id,timestamp\n"),
        "got no polygon, and no lat, lon",
    ),
    "no stamps": (
        lambda at: (at / "train.csv").write_text("category,location_id,image_id,polygon\n"),
        "got no timestamp",
    ),
    "no lines": (
        lambda at: (at / "train.csv").write_text(
            "category,location_id,image_id,timestamp,polygon\n"
        ),
        "got no line in train.csv",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_folder_that_is_no_pool_is_refused_in_a_sentence(case: str, tmp_path: Path):
    spoil, words = REFUSED[case]
    fields = made.make(tmp_path)
    spoil(tmp_path)
    with pytest.raises(PoolError, match=r"Expected .*, got .* Fix: ") as told:
        pool.chunks(spec_of("fmow_sentinel", fields))
    assert words in str(told.value)


def test_a_path_that_leads_nowhere_says_where_the_pool_is_to_be_had(tmp_path: Path):
    with pytest.raises(PoolError, match=r"got no such folder.*10\.25740/vg497cb6002"):
        pool.chunks(spec_of("fmow_sentinel", {"path": str(tmp_path / "none")}))
