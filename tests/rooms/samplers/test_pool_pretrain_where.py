"""pretrain-where: shards of unpublished make-up are read where they are plain, else described."""

import json
from pathlib import Path

import numpy as np
import pytest

from terrasweep.infra.errors import PoolError
from terrasweep.samplers.formats.geotiff import NOT_FINITE
from terrasweep.samplers.formats.tar import CUT, NO_TAR
from terrasweep.samplers.intake.admit import IMPOSSIBLE
from terrasweep.samplers.pools.pretrain_where import parts, pool
from terrasweep.samplers.sources.image_index import UNKNOWN_MONTH
from tests.data import geotiff, webdataset
from tests.data.pretrain_where import make as made
from tests.support.pools import spec_of, taken_in

FIRST = "af/train_shards/shard-00000.tar"


@pytest.mark.parametrize("guess", made.GUESSES)
def test_samples_are_read_in_every_make_up_that_leaves_no_doubt(guess: str, tmp_path: Path):
    spec = spec_of("pretrain_where", made.make(tmp_path, guess=guess))
    found, rejects = taken_in(spec)
    assert (rejects, pool.count(spec), len(found["id"])) == ([], made.NUM, made.NUM)
    assert found["id"][3] == "af/shard-00001/000003"
    assert (found["image"].dtype, set(found["month"])) == (np.float32, {UNKNOWN_MONTH})
    for number in range(made.NUM):
        np.testing.assert_array_equal(found["image"][number], made.image(number))
        here = (found["lat"][number], found["lon"][number])
        assert here == pytest.approx(made.place(number), abs=1e-9)


def test_numpy_archives_are_read_too(tmp_path: Path):
    data = tmp_path / "one.npz"
    np.savez(data, image=made.image(0), latitude=np.float64(3.5), longitude=np.float64(-7.0))
    webdataset.write(tmp_path / FIRST, [("a.npz", data.read_bytes())])
    fields = {"path": str(tmp_path), "region": "af", "size_px": made.SIZE_PX}
    found, _ = taken_in(spec_of("pretrain_where", fields))
    np.testing.assert_array_equal(found["image"][0], made.image(0))
    assert (found["lat"][0], found["lon"][0]) == (3.5, -7.0)


def _sample(*members: tuple[str, bytes]) -> list[tuple[str, bytes]]:
    return [(f"x.{part}", data) for part, data in members]


IMAGE = ("npy", webdataset.npy(made.image(9)))
PLACE = ("json", b'{"lat": 1.0, "lon": 2.0}')
STRANGE: dict[str, tuple[list[tuple[str, bytes]], str]] = {
    "pixels alone": (_sample(IMAGE), parts.NO_PLACE),
    "another sensor": (
        _sample(("npy", webdataset.npy(made.image(1, bands=10))), PLACE),
        parts.NO_IMAGE.format(13),
    ),
    "two images": (_sample(IMAGE, ("after.npy", IMAGE[1]), PLACE), parts.TWO_IMAGES),
    "a pickle": (_sample(("pkl", b"\x80\x04."), PLACE), parts.NO_IMAGE.format(13)),
    "pickled arrays": (
        _sample(("npy", webdataset.npy(np.array([{}], dtype=object))), PLACE),
        parts.NO_IMAGE.format(13),
    ),
    "an array cut short": (_sample(("npy", IMAGE[1][:-9]), PLACE), parts.NO_IMAGE.format(13)),
    "not a number": (
        _sample(("npy", webdataset.npy(np.full((13, 4, 4), np.nan))), PLACE),
        NOT_FINITE,
    ),
    "half a place": (_sample(IMAGE, ("json", b'{"lat": 1.0, "x": 2.0}')), parts.NO_PLACE),
    "a place in words": (_sample(IMAGE, ("json", b'{"lat": "1N", "lon": true}')), parts.NO_PLACE),
    "two places": (
        _sample(IMAGE, ("json", b'{"lat": 1, "latitude": 2, "lon": 3}')),
        parts.NO_PLACE,
    ),
    "broken JSON": (_sample(IMAGE, ("json", b'{"lat": 1.0, ')), parts.NO_PLACE),
    "a raster that is none": (_sample(("tif", b"II*\0 and no more"), PLACE), "no part of the"),
    "off the Earth": (_sample(IMAGE, ("json", b'{"lat": 100, "lon": 2}')), IMPOSSIBLE),
}


@pytest.mark.parametrize("case", STRANGE)
def test_a_sample_among_others_that_is_not_understood_is_rejected(case: str, tmp_path: Path):
    members, reason = STRANGE[case]
    fields = made.make(tmp_path)
    webdataset.write(tmp_path / "af/train_shards/shard-00009.tar", members)
    found, rejects = taken_in(spec_of("pretrain_where", fields))
    ((name, told),) = rejects
    assert (name, len(found["id"])) == ("af/shard-00009/x", made.NUM)
    assert reason in told


@pytest.mark.parametrize("case", [case for case in STRANGE if case != "off the Earth"])
def test_shards_of_which_none_is_understood_are_described(case: str, tmp_path: Path):
    members, reason = STRANGE[case]
    webdataset.write(tmp_path / FIRST, members)
    with pytest.raises(PoolError) as told:
        pool.chunks(spec_of("pretrain_where", {"path": str(tmp_path), "region": "af"}))
    assert reason in str(told.value)
    for part, data in members:
        assert f".{part.partition('.')[2]} ({len(data):,} bytes)" in str(told.value)


def test_the_description_names_what_could_be_read(tmp_path: Path):
    about = {"city": "Accra", "cloud": 0.2, "bbox": [1, 2, 3, 4]}
    members = _sample(IMAGE, ("json", json.dumps(about).encode()))
    webdataset.write(tmp_path / FIRST, members)
    with pytest.raises(PoolError) as told:
        pool.chunks(spec_of("pretrain_where", {"path": str(tmp_path), "region": "af"}))
    for words in ("npy (float32 (13, 16, 16))", "cloud (float64 ())", "bbox (float64 (4,))"):
        assert words in str(told.value)


def test_torn_tars_are_told(tmp_path: Path):
    fields = made.make(tmp_path)
    geotiff.cut(tmp_path / FIRST)
    (tmp_path / "af/train_shards/shard-00009.tar").write_bytes(b"an error page, not a tar")
    found, rejects = taken_in(spec_of("pretrain_where", fields))
    assert {("shard-00000.tar", CUT), ("shard-00009.tar", NO_TAR)} <= set(rejects)
    assert made.NUM // 2 < len(found["id"]) < made.NUM


def test_a_sample_that_comes_twice_in_a_tar_is_taken_once(tmp_path: Path):
    members = [*made.numpy_and_json(0), *made.numpy_and_json(1), *made.numpy_and_json(0)]
    webdataset.write(tmp_path / FIRST, members)
    found, rejects = taken_in(
        spec_of("pretrain_where", {"path": str(tmp_path), "region": "af", "size_px": 16})
    )
    assert (len(found["id"]), [name for name, _ in rejects]) == (2, ["af/shard-00000/000000"])


def test_a_region_or_a_split_that_is_not_there_is_told_with_those_that_are(tmp_path: Path):
    fields = made.make(tmp_path)
    for other in ({"region": "eu"}, {"split": "val"}):
        with pytest.raises(PoolError, match="got only the shards af/train_shards"):
            pool.chunks(spec_of("pretrain_where", {**fields, **other}))


def test_shards_of_another_kind_are_told_by_name(tmp_path: Path):
    (tmp_path / "af/train_shards").mkdir(parents=True)
    (tmp_path / "af/train_shards/0.parquet").touch()
    with pytest.raises(
        PoolError, match=r"Expected af/train_shards/\*\.tar .*no tar among 0\.parquet"
    ):
        pool.chunks(spec_of("pretrain_where", {"path": str(tmp_path), "region": "af"}))


def test_an_empty_folder_says_where_the_sets_are_to_be_had(tmp_path: Path):
    with pytest.raises(PoolError, match=r"got an empty folder.*pretrain-where-pretraining"):
        pool.chunks(spec_of("pretrain_where", {"path": str(tmp_path)}))
