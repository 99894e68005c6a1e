"""Presto's shards: pixels of tiles as 12 of 24 months, and tars in which something is amiss."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from terrasweep.infra.errors import PoolError
from terrasweep.samplers.formats.geotiff import NOT_FINITE
from terrasweep.samplers.formats.tar import CUT
from terrasweep.samplers.intake.admit import IMPOSSIBLE, NOT_A_NUMBER, REPEATED
from terrasweep.samplers.pools.presto_shards import pool
from tests.data import geotiff, webdataset
from tests.data.presto_shards import make as made
from tests.support.pools import spec_of, taken_in

PIXELS = sum(made.TILES)
COVER, PLACE = "dynamicworld2020_2021.npy", "latlon.npy"


@pytest.mark.parametrize("first", [0, 5, 12])
def test_every_pixel_is_a_sample_of_twelve_months(first: int, tmp_path: Path):
    spec = spec_of("presto_shards", {**made.make(tmp_path), "first_month": first})
    found, rejects = taken_in(spec)
    assert (rejects, pool.count(spec), len(found["id"])) == ([], PIXELS, PIXELS)
    assert (found["x"].dtype, found["dynamic_world"].dtype) == (np.float32, np.uint8)
    assert set(found["month"]) == {first % 12}
    start = 0
    for tile, size in enumerate(made.TILES):
        arrays, here = made.arrays(tile), slice(start, start + size)
        window = slice(first, first + 12)
        np.testing.assert_array_equal(
            found["x"][here], arrays[made.END][:, window].astype(np.float32)
        )
        np.testing.assert_array_equal(found["dynamic_world"][here], arrays[COVER][:, window])
        np.testing.assert_array_equal(
            np.stack([found["lat"][here], found["lon"][here]], axis=1), arrays[PLACE]
        )
        assert found["id"][start] == f"{made.key(tile)}/0"
        start += size


def test_left_to_itself_a_tile_draws_one_first_month_for_all_its_pixels(tmp_path: Path):
    found, _ = taken_in(spec_of("presto_shards", made.make(tmp_path)))
    tiles = [name.rpartition("/")[0] for name in found["id"]]
    drawn = set(zip(tiles, found["month"].tolist(), strict=True))
    assert len(drawn) == len(made.TILES)
    assert {month for _, month in drawn} <= set(range(12))


def test_first_months_are_drawn_evenly():
    spec = spec_of("presto_shards", {"path": "any"})
    drawn = Counter(pool._first_month(f"tile {tile}", spec=spec) for tile in range(6000))
    assert set(drawn) == set(range(12))
    assert max(abs(count - 500) for count in drawn.values()) < 5 * (6000 / 12 * 11 / 12) ** 0.5


def test_chunks_hold_whole_tiles_and_not_too_many():
    sizes = [625] * 13 + [5000, 1]
    assert [sum(sizes[tile] for tile in run) for run in pool._chunks(sizes)] == [
        3750,
        3750,
        625,
        5000,
        1,
    ]


def test_one_tar_may_be_named(tmp_path: Path):
    made.make(tmp_path)
    spec = spec_of("presto_shards", {"path": str(tmp_path / "dw_144_shard_1.tar")})
    assert pool.count(spec) == sum(made.TILES[2:])


def _shard(folder: Path, tile: int, **arrays: np.ndarray | bytes | None) -> dict[str, object]:
    """Three sound tiles and one of which some arrays are others, or none."""
    fields = made.make(folder)
    ends = {"series": made.END, "cover": COVER, "place": PLACE}
    inside = {end: webdataset.npy(values) for end, values in made.arrays(tile).items()}
    for name, values in arrays.items():
        if values is None:
            del inside[ends[name]]
        else:
            data = values if isinstance(values, bytes) else webdataset.npy(values)
            inside[ends[name]] = data
    spoilt = [(f"{made.key(tile)}.{end}", data) for end, data in inside.items()]
    webdataset.write(folder / "dw_144_shard_0.tar", [*made.members(0), *spoilt])
    return fields


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"series": None}, pool.LACKS.format(made.END)),
        ({"cover": None}, pool.LACKS.format(COVER)),
        ({"place": None}, pool.LACKS.format(PLACE)),
        ({"series": np.zeros((625, 12, 18))}, pool.STRANGE.format(made.END, "625 x 12 x 18")),
        ({"series": np.zeros((625, 24, 17))}, pool.STRANGE.format(made.END, "625 x 24 x 17")),
        ({"series": np.zeros((0, 24, 18))}, pool.STRANGE.format(made.END, "0 x 24 x 18")),
        ({"cover": np.zeros((624, 24))}, pool.STRANGE.format(COVER, "624 x 24")),
        ({"place": np.zeros((625, 3))}, pool.STRANGE.format(PLACE, "625 x 3")),
        ({"series": b"no array"}, pool.UNREADABLE.format(made.END)),
        ({"series": np.array(["a"] * 625)}, pool.UNREADABLE.format(made.END)),
        ({"place": b""}, pool.UNREADABLE.format(PLACE)),
    ],
)
def test_a_tile_that_is_not_whole_is_one_reject(arrays: dict, reason: str, tmp_path: Path):
    found, rejects = taken_in(spec_of("presto_shards", _shard(tmp_path, 1, **arrays)))
    assert rejects == [(made.key(1), reason)]
    assert len(found["id"]) == PIXELS - 625


def test_a_tile_whose_values_are_cut_short_rejects_all_its_pixels(tmp_path: Path):
    data = webdataset.npy(made.arrays(1)[made.END])
    found, rejects = taken_in(spec_of("presto_shards", _shard(tmp_path, 1, series=data[:-8])))
    assert {reason for _, reason in rejects} == {pool.UNREADABLE.format(made.END)}
    assert (len(rejects), len(found["id"])) == (625, PIXELS - 625)


def test_objects_are_not_unpickled(tmp_path: Path):
    pickled = webdataset.npy(np.array([{"an": "object"}] * 625, dtype=object))
    _, rejects = taken_in(spec_of("presto_shards", _shard(tmp_path, 1, cover=pickled)))
    assert rejects == [(made.key(1), pool.UNREADABLE.format(COVER))]


def test_spoilt_pixels_are_rejected_and_their_neighbours_stay(tmp_path: Path):
    arrays = made.arrays(1)
    series, cover, place = (arrays[name] for name in (made.END, COVER, PLACE))
    series[0, 3, 5], series[1, 14, 5] = np.nan, np.inf
    cover[2, 4], cover[3, 20] = 10, -1
    place[4, 0], place[5, 1] = np.nan, 181
    fields = _shard(tmp_path, 1, series=series, cover=cover, place=place)
    found, rejects = taken_in(spec_of("presto_shards", {**fields, "first_month": 0}))
    key = made.key(1)
    assert rejects == [
        (f"{key}/0", NOT_FINITE),
        (f"{key}/2", pool.UNCLASSED),
        (f"{key}/4", NOT_A_NUMBER),
        (f"{key}/5", IMPOSSIBLE),
    ]  # what is amiss in pixels 1 and 3 lies after the twelve months that are read
    assert len(found["id"]) == PIXELS - 4


def test_a_tile_that_comes_twice_is_taken_once(tmp_path: Path):
    fields = made.make(tmp_path)
    webdataset.write(tmp_path / "dw_144_shard_9.tar", made.members(2))
    found, rejects = taken_in(spec_of("presto_shards", fields))
    assert Counter(reason for _, reason in rejects) == {REPEATED: 100}
    assert len(found["id"]) == PIXELS


def test_of_a_truncated_tar_whole_tiles_stay_and_the_tar_is_told(tmp_path: Path):
    fields = made.make(tmp_path)
    geotiff.cut(tmp_path / "dw_144_shard_0.tar")
    found, rejects = taken_in(spec_of("presto_shards", fields))
    assert ("dw_144_shard_0.tar", CUT) in rejects
    assert len(found["id"]) == PIXELS - 625


def test_a_folder_that_is_no_pool_is_refused_in_a_sentence(tmp_path: Path):
    spec = spec_of("presto_shards", {"path": str(tmp_path)})
    with pytest.raises(PoolError, match=r"got an empty folder.*lem-assets2"):
        pool.chunks(spec)
    webdataset.write(tmp_path / "other.tar", [("a.jpg", b"no series")])
    with pytest.raises(PoolError, match=r"members that end in .*got only other\.tar"):
        pool.chunks(spec)
    (tmp_path / "other.tar").write_text("no tar at all")
    with pytest.raises(PoolError, match=r"got only other\.tar"):
        pool.chunks(spec)
