"""S2-100K: patches as files and in tars, the twenty real ones, and every way a copy is spoilt."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from terrasweep.infra.errors import PoolError
from terrasweep.samplers.formats.csv import BROKEN
from terrasweep.samplers.formats.geotiff import MISSING, UNREADABLE, placed
from terrasweep.samplers.formats.tar import CUT, NO_TAR
from terrasweep.samplers.intake.admit import IMPOSSIBLE, NOT_A_NUMBER, REPEATED
from terrasweep.samplers.pools.s2_100k import pool
from terrasweep.samplers.sources.image_index import UNKNOWN_MONTH
from tests.data import geotiff, webdataset
from tests.data.s2_100k import make as made
from tests.support.paths import REAL_DATA
from tests.support.pools import spec_of, taken_in, whole

REAL = REAL_DATA / "satclip/s2_example"


@pytest.mark.parametrize("packed", [False, True], ids=["files", "tars"])
def test_every_line_of_the_index_is_a_sample_with_its_own_pixels(packed: bool, tmp_path: Path):
    spec = spec_of("s2_100k", made.make(tmp_path, packed=packed))
    found, rejects = taken_in(spec)
    assert rejects == []
    assert pool.count(spec) == made.NUM
    assert found["id"].tolist() == [f"patch_{number}.tif" for number in range(made.NUM)]
    assert (found["month"] == UNKNOWN_MONTH).all()
    assert (found["image"].dtype, found["image"].shape[1:]) == (np.uint16, (12, 256, 256))
    for number in range(made.NUM):
        assert (found["lat"][number], found["lon"][number]) == made.place(number)
        inner = found["image"][number][:, 112:144, 112:144]
        np.testing.assert_array_equal(inner, made.patch(number))
        assert found["image"][number].astype(np.int64).sum() == inner.astype(np.int64).sum()


def test_files_and_tars_are_the_same_pool(tmp_path: Path):
    loose = spec_of("s2_100k", made.make(tmp_path / "loose"))
    packed = spec_of("s2_100k", made.make(tmp_path / "packed", packed=True))
    assert pool.content(loose) == pool.content(packed)
    for name, values in whole(loose).items():
        np.testing.assert_array_equal(values, whole(packed)[name])


def test_the_middle_of_a_larger_patch_is_taken(tmp_path: Path):
    spec = spec_of("s2_100k", {**made.make(tmp_path), "size_px": 20})
    np.testing.assert_array_equal(whole(spec)["image"][3], made.patch(3)[:, 6:26, 6:26])


def test_the_twenty_real_patches():
    if not REAL.is_dir():
        pytest.skip(f"no real patches at {REAL}")
    spec = spec_of("s2_100k", {"path": str(REAL)})
    found, rejects = taken_in(spec)
    assert (rejects, len(found["id"]), pool.chunks(spec)) == ([], 20, 2)
    assert found["image"].shape == (20, 12, 256, 256)
    assert set(found["id"]) == {path.name for path in (REAL / "images").iterdir()}
    # Infrared is brighter than blue wherever plants grow: the order of bands is the published one.
    means = found["image"].astype(np.float64).mean(axis=(0, 2, 3))
    assert means[7] > means[1]


def test_real_patches_lie_where_their_index_says():
    if not REAL.is_dir():
        pytest.skip(f"no real patches at {REAL}")
    found = whole(spec_of("s2_100k", {"path": str(REAL), "size_px": 1}))
    for name, lat, lon in zip(found["id"], found["lat"], found["lon"], strict=True):
        _, north, east = placed(REAL / "images" / name, num_bands=12, dtypes=("uint16",))
        assert (north, east) == pytest.approx((lat, lon), abs=0.05)


def _edit(folder: Path, change: Callable[[list[str]], list[str]]) -> None:
    lines = (folder / "index.csv").read_text().splitlines()
    (folder / "index.csv").write_text("\n".join(change(lines)) + "\n")


def _line(number: int, text: str) -> Callable[[Path], None]:
    return lambda folder: _edit(folder, lambda all_: [*all_[:number], text, *all_[number + 1 :]])


def _image(number: int, values: np.ndarray) -> Callable[[Path], None]:
    path = f"images/patch_{number}.tif"
    return lambda folder: geotiff.write(folder / path, values, lat=0, lon=0)


SOUND = made.patch(4)
SPOILT: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "a truncated patch": (
        lambda at: geotiff.cut(at / "images/patch_4.tif"),
        "patch_4.tif",
        UNREADABLE,
    ),
    "an empty patch": (
        lambda at: (at / "images/patch_4.tif").write_bytes(b""),
        "patch_4.tif",
        UNREADABLE,
    ),
    "a recipe for other files": (
        lambda at: (at / "images/patch_4.tif").write_text("<VRTDataset/>"),
        "patch_4.tif",
        UNREADABLE,
    ),
    "a missing patch": (
        lambda at: (at / "images/patch_4.tif").unlink(),
        "patch_4.tif",
        MISSING,
    ),
    "a missing band": (_image(4, SOUND[:11]), "patch_4.tif", "11 bands instead of 12"),
    "a wrong type": (
        _image(4, SOUND.astype(np.float32)),
        "patch_4.tif",
        "pixels of type float32 instead of uint16",
    ),
    "no number": (_line(5, "nan,nan,patch_4.tif"), "patch_4.tif", NOT_A_NUMBER),
    "a word for a number": (_line(5, "west,1.0,patch_4.tif"), "patch_4.tif", NOT_A_NUMBER),
    "nothing for a number": (_line(5, ",1.0,patch_4.tif"), "patch_4.tif", NOT_A_NUMBER),
    "an impossible place": (_line(5, "10,91,patch_4.tif"), "patch_4.tif", IMPOSSIBLE),
    "the axes swapped": (_line(5, "10,-170,patch_4.tif"), "patch_4.tif", IMPOSSIBLE),
    "an unknown name": (_line(5, "1,1,patch_4.tiff"), "patch_4.tiff", MISSING),
    "a line too many": (
        lambda at: _edit(at, lambda lines: [*lines, "1,1,patch_3.tif"]),
        "patch_3.tif",
        REPEATED,
    ),
    "a line cut short": (
        lambda at: _edit(at, lambda lines: [*lines, "1,1"]),
        "index.csv line 27",
        BROKEN,
    ),
    "a patch that no line names": (
        lambda at: _edit(at, lambda lines: lines[:-1]),
        "patch_24.tif",
        pool.UNNAMED,
    ),
}


@pytest.mark.parametrize("case", SPOILT)
def test_a_spoilt_row_is_rejected_with_its_reason_and_the_others_stay(case: str, tmp_path: Path):
    spoil, name, reason = SPOILT[case]
    fields = made.make(tmp_path)
    spoil(tmp_path)
    found, rejects = taken_in(spec_of("s2_100k", {**fields, "size_px": 32}))
    assert (name, reason) in rejects
    assert set(found["id"]) >= {f"patch_{number}.tif" for number in range(24) if number != 4}


def test_a_file_that_is_all_but_empty_is_rejected_as_the_authors_do(tmp_path: Path):
    fields = made.make(tmp_path)
    size = (tmp_path / "images/patch_0.tif").stat().st_size
    _image(4, np.zeros_like(SOUND))(tmp_path)
    spec = spec_of("s2_100k", {**fields, "min_bytes": size // 2, "size_px": 32})
    assert taken_in(spec)[1] == [("patch_4.tif", pool.SMALL)]


def test_of_a_truncated_tar_the_whole_patches_stay_and_the_tar_is_told(tmp_path: Path):
    fields = made.make(tmp_path, packed=True)
    geotiff.cut(tmp_path / "data/shard-001.tar")
    found, rejects = taken_in(spec_of("s2_100k", {**fields, "size_px": 32}))
    assert ("shard-001.tar", CUT) in rejects
    assert 15 <= len(found["id"]) < made.NUM
    lost = [name for name, reason in rejects if reason == MISSING]
    assert len(found["id"]) + len(lost) == made.NUM


def test_a_patch_that_lies_there_twice_is_told(tmp_path: Path):
    fields = made.make(tmp_path, packed=True)
    webdataset.write(tmp_path / "data/shard-002.tar", [("images/patch_3.tif", b"another")])
    found, rejects = taken_in(spec_of("s2_100k", {**fields, "size_px": 32}))
    assert rejects == [("shard-002.tar/patch_3.tif", pool.TWICE)]
    np.testing.assert_array_equal(found["image"][3], made.patch(3))


@pytest.mark.parametrize("size", [0, 512, 700])
def test_a_tar_that_ends_between_members_is_told_too(size: int, tmp_path: Path):
    fields = made.make(tmp_path, packed=True)
    tar = tmp_path / "data/shard-001.tar"
    tar.write_bytes(tar.read_bytes().rstrip(b"\0")[:-size] if size else b"")
    _, rejects = taken_in(spec_of("s2_100k", {**fields, "size_px": 32}))
    assert ("shard-001.tar", CUT if size else NO_TAR) in rejects


def _drop(*names: str) -> Callable[[Path], None]:
    def drop(folder: Path) -> None:
        for name in names:
            for path in sorted(folder.glob(name), reverse=True):
                path.unlink()

    return drop


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "an empty folder": (
        lambda at: [_drop("index.csv", "images/*")(at), (at / "images").rmdir()],
        "got an empty folder",
    ),
    "no index": (_drop("index.csv"), "got only images"),
    "no patches": (_drop("images/*"), "got only images, index.csv"),
    "an index without places": (
        lambda at: (at / "index.csv").write_text("fn\npatch_0.tif\n"),
        "got no lat, lon in the first line, which is fn",
    ),
    "an empty index": (lambda at: (at / "index.csv").write_text(""), "got an empty file"),
    "an index that is none": (
        lambda at: (at / "index.csv").write_bytes(bytes(range(256))),
        "Expected a CSV table with the columns lat, lon, fn",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_folder_that_is_no_pool_is_refused_in_a_sentence(case: str, tmp_path: Path):
    spoil, words = REFUSED[case]
    fields = made.make(tmp_path)
    spoil(tmp_path)
    with pytest.raises(PoolError, match=r"Expected .*, got .* Fix: ") as told:
        pool.chunks(spec_of("s2_100k", fields))
    assert words in str(told.value)


def test_a_path_that_leads_nowhere_says_where_the_pool_is_to_be_had(tmp_path: Path):
    with pytest.raises(PoolError, match=r"got no such folder.*torchgeo/s2-100k"):
        pool.chunks(spec_of("s2_100k", {"path": str(tmp_path / "none")}))


def test_a_copy_with_other_content_than_was_said_is_refused(tmp_path: Path):
    fields = made.make(tmp_path)
    content = pool.content(spec_of("s2_100k", fields))
    assert pool.count(spec_of("s2_100k", {**fields, "content": content})) == made.NUM
    _image(4, SOUND[:3])(tmp_path)
    with pytest.raises(PoolError, match=f"with content {content}"):
        pool.count(spec_of("s2_100k", {**fields, "content": content, "max_rejects": 0.5}))
