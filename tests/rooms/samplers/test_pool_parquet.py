"""A pool of Parquet files: chunks by row group, content by footer, values in range."""

from pathlib import Path

import geopandas
import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq
import pytest
import shapely
from pydantic import ValidationError
from shapely import Point

from terrasweep.infra.errors import PoolError
from terrasweep.samplers.formats.arrays import to_table
from terrasweep.samplers.formats.geotiff import NOT_FINITE
from terrasweep.samplers.intake.admit import IMPOSSIBLE, NOT_A_NUMBER, REPEATED
from terrasweep.samplers.pools.parquet import pool
from terrasweep.samplers.pools.parquet.spec import ParquetSpec
from terrasweep.samplers.sources.image_index import UNKNOWN_MONTH
from tests.support.pools import taken_in, whole


def rows(count: int, *, first: int = 0) -> dict[str, np.ndarray]:
    place = np.arange(first, first + count)
    return {
        "id": np.array([f"s{one}" for one in place]),
        "lat": (place % 170 - 85).astype(np.float64),
        "lon": (place % 350 - 175).astype(np.float64),
        "month": (place % 12).astype(np.uint8),
        "x": np.repeat(place, 216).reshape(count, 12, 18).astype(np.float32),
        "dynamic_world": np.repeat(place % 10, 12).reshape(count, 12).astype(np.uint8),
    }


def read_all(spec: ParquetSpec) -> dict[str, np.ndarray]:
    parts = [pool.read(spec, chunk) for chunk in range(pool.chunks(spec))]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


@pytest.mark.parametrize("group", [7, 100, 4096, 5000])
def test_all_rows_come_once_in_chunks_that_fit_in_memory(group: int, tmp_path: Path):
    wanted = rows(9000)
    pq.write_table(to_table(wanted), tmp_path / "pool.parquet", row_group_size=max(group, 500))
    spec = ParquetSpec(name="parquet", path=str(tmp_path / "pool.parquet"))
    sizes = [len(pool.read(spec, chunk)["id"]) for chunk in range(pool.chunks(spec))]
    assert max(sizes) <= 4096
    assert (sum(sizes), pool.count(spec)) == (9000, 9000)
    found = read_all(spec)
    for name, values in wanted.items():
        np.testing.assert_array_equal(found[name], values)
        assert found[name].dtype.kind == values.dtype.kind


def test_a_folder_is_all_files_in_it_in_order_of_name(tmp_path: Path):
    for part in (2, 0, 1):
        folder = tmp_path / "pool" / f"part={part}"
        folder.mkdir(parents=True)
        pq.write_table(to_table(rows(10, first=10 * part)), folder / "a.parquet")
    (tmp_path / "pool" / "README.txt").write_text("not a part")
    found = read_all(ParquetSpec(name="parquet", path=str(tmp_path / "pool")))
    np.testing.assert_array_equal(found["id"], rows(30)["id"])


def test_whole_numbers_as_ids_and_wider_floats_are_taken(tmp_path: Path):
    wanted = rows(20)
    given = {**wanted, "id": np.arange(20), "x": wanted["x"].astype(np.float64)}
    pq.write_table(to_table(given), tmp_path / "pool.parquet")
    found = read_all(ParquetSpec(name="parquet", path=str(tmp_path / "pool.parquet")))
    assert found["id"].tolist() == [str(one) for one in range(20)]
    assert found["x"].dtype == np.float32


def test_a_relative_path_starts_at_the_folder_of_the_pools(tmp_path: Path, monkeypatch):
    pq.write_table(to_table(rows(20)), tmp_path / "pool.parquet")
    monkeypatch.setenv("TERRASWEEP_POOLS", str(tmp_path))
    monkeypatch.chdir("/")
    assert pool.count(ParquetSpec(name="parquet", path="pool.parquet")) == 20


def test_content_is_of_the_files_not_of_their_place(tmp_path: Path):
    specs = []
    for place, seed in (("here", 0), ("there", 0), ("other", 1)):
        (tmp_path / place).mkdir()
        pq.write_table(to_table(rows(50, first=seed)), tmp_path / place / "a.parquet")
        specs.append(ParquetSpec(name="parquet", path=str(tmp_path / place)))
    here, there, other = (pool.content(spec) for spec in specs)
    assert here == there
    assert here != other


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("lat", 91.0, IMPOSSIBLE),
        ("lon", -181.0, IMPOSSIBLE),
        ("lat", np.nan, NOT_A_NUMBER),
        ("lon", np.inf, NOT_A_NUMBER),
        ("month", 12, pool.NO_MONTH),
        ("month", 256, pool.NO_MONTH),
        ("month", -1, pool.NO_MONTH),
        ("dynamic_world", 10, pool.NO_CLASS),
        ("dynamic_world", 256, pool.NO_CLASS),
        ("x", np.nan, NOT_FINITE),
        ("x", 1e300, NOT_FINITE),
    ],
)
def test_a_value_out_of_range_rejects_its_row_alone(
    name: str, value: float, reason: str, tmp_path: Path
):
    made = rows(20)
    column = made[name].astype(np.int64 if name in ("month", "dynamic_world") else np.float64)
    column[3, ...] = value
    pq.write_table(to_table({**made, name: column}), tmp_path / "pool.parquet")
    found, rejects = taken_in(_spec(tmp_path))
    assert (len(found["id"]), rejects) == (19, [("s3", reason)])


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("lat", NOT_A_NUMBER),
        ("lon", NOT_A_NUMBER),
        ("month", pool.NO_MONTH),
    ],
)
def test_a_missing_value_rejects_its_row_alone(name: str, reason: str, tmp_path: Path):
    table = to_table(rows(20))
    place = table.schema.get_field_index(name)
    gone = pa.array([place != 3 for place in range(20)])
    column = pa.compute.if_else(gone, table.column(name), None)
    table = table.set_column(place, table.schema.field(name), column)
    pq.write_table(table, tmp_path / "pool.parquet")
    found, rejects = taken_in(_spec(tmp_path))
    assert (len(found["id"]), rejects) == (19, [("s3", reason)])
    np.testing.assert_array_equal(found["x"], np.delete(rows(20)["x"], 3, axis=0))


def test_a_missing_array_rejects_its_row_group_and_no_other(tmp_path: Path):
    table = to_table(rows(40))
    gone = pa.array([place != 3 for place in range(40)])
    place = table.schema.get_field_index("x")
    column = pa.compute.if_else(gone, table.column(place), None)
    table = table.set_column(place, table.schema.field(place), column)
    pq.write_table(table, tmp_path / "pool.parquet", row_group_size=20)
    found, rejects = taken_in(_spec(tmp_path))
    assert [reason for _, reason in rejects] == [pool.GAP] * 20
    assert found["id"].tolist() == [f"s{number}" for number in range(20, 40)]


def test_a_value_missing_inside_an_array_rejects_its_row(tmp_path: Path):
    made = rows(20)
    flat = pa.array([*made["x"].ravel().tolist()[:-1], None], pa.float32())
    table = to_table(made)
    column = pa.FixedSizeListArray.from_arrays(flat, 216)
    table = table.set_column(table.schema.get_field_index("x"), "x", column)
    pq.write_table(table, tmp_path / "pool.parquet")
    assert taken_in(_spec(tmp_path))[1] == [("s19", pool.NO_VALUE)]


def test_a_row_without_id_is_named_by_its_place(tmp_path: Path):
    table = to_table(rows(5000))
    ids = table.column("id").to_pylist()
    table = table.set_column(0, "id", [[*ids[:4100], None, *ids[4101:]]])
    pq.write_table(table, tmp_path / "pool.parquet")
    assert taken_in(_spec(tmp_path))[1] == [("pool.parquet row group 0 row 4100", pool.NO_ID)]


def test_an_id_that_comes_twice_is_taken_once(tmp_path: Path):
    made = rows(20)
    made["id"][7] = "s2"
    pq.write_table(to_table(made), tmp_path / "pool.parquet")
    found, rejects = taken_in(_spec(tmp_path))
    assert (len(found["id"]), rejects) == (19, [("s2", REPEATED)])


def test_a_row_group_that_cannot_be_read_rejects_its_rows_and_no_others(tmp_path: Path):
    path = tmp_path / "pool.parquet"
    pq.write_table(to_table(rows(300)), path, row_group_size=100)
    column = pq.ParquetFile(path).metadata.row_group(1).column(4)
    data = bytearray(path.read_bytes())
    start = column.dictionary_page_offset or column.data_page_offset
    data[start : start + 64] = b"\xff" * 64
    path.write_bytes(bytes(data))
    found, rejects = taken_in(_spec(tmp_path))
    assert list(found["id"]) == [f"s{n}" for n in [*range(100), *range(200, 300)]]
    assert len(rejects) == 100
    assert {reason for _, reason in rejects} == {pool.TORN}
    assert rejects[0][0] == "pool.parquet row group 1 row 0"


def _spec(folder: Path, **fields: object) -> ParquetSpec:
    return ParquetSpec(name="parquet", path=str(folder / "pool.parquet"), **fields)


@pytest.mark.parametrize("dtype", ["uint16", "float32", "float64"])
def test_patches_keep_their_shape_and_type(dtype: str, tmp_path: Path):
    images = np.arange(20 * 2 * 3 * 4).reshape(20, 2, 3, 4).astype(dtype)
    made = {name: rows(20)[name] for name in ("id", "lat", "lon")}
    pq.write_table(to_table({**made, "image": images}), tmp_path / "pool.parquet")
    found = read_all(_spec(tmp_path, arrays=("image",)))
    np.testing.assert_array_equal(found["image"], images)
    assert str(found["image"].dtype) == ("float32" if dtype == "float64" else dtype)
    assert set(found["month"]) == {UNKNOWN_MONTH}


@pytest.mark.parametrize("kind", ["nested lists", "tensors"])
def test_shapes_may_be_written_in_arrow_s_own_ways(kind: str, tmp_path: Path):
    images = np.arange(5 * 2 * 3 * 4, dtype=np.float32).reshape(5, 2, 3, 4)
    if kind == "tensors":
        column = pa.FixedShapeTensorArray.from_numpy_ndarray(images)
    else:
        column = pa.array(images.ravel())
        for size in (4, 3, 2):
            column = pa.FixedSizeListArray.from_arrays(column, size)
    table = to_table({name: rows(5)[name] for name in ("id", "lat", "lon")})
    pq.write_table(table.append_column("image", column), tmp_path / "pool.parquet")
    found = read_all(_spec(tmp_path, arrays=("image",)))
    np.testing.assert_array_equal(found["image"], images)


def test_a_pool_of_mere_places_has_no_arrays(tmp_path: Path):
    pq.write_table(to_table(rows(20)), tmp_path / "pool.parquet")
    found = read_all(_spec(tmp_path, arrays=()))
    assert set(found) == {"id", "lat", "lon", "month", "rejected"}


@pytest.mark.parametrize("arrays", [("id",), ("x", "x"), ("geometry",)])
def test_what_is_no_array_is_no_array(arrays: tuple[str, ...], tmp_path: Path):
    with pytest.raises(ValidationError, match=r"no array of a sample|named twice"):
        _spec(tmp_path, arrays=arrays)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"image": np.zeros((20, 12), np.float32)}, "the shape of one image in the field's"),
        ({"image": np.zeros((20, 2, 3, 3), np.int8)}, "Expected uint16 or float32 in image"),
        ({"image": np.zeros(20)}, "got double, no fixed-size list"),
        ({}, "Expected the columns image"),
    ],
)
def test_patches_of_another_make_are_refused(columns: dict, words: str, tmp_path: Path):
    made = {name: rows(20)[name] for name in ("id", "lat", "lon")}
    pq.write_table(to_table({**made, **columns}), tmp_path / "pool.parquet")
    with pytest.raises(PoolError) as told:
        pool.chunks(_spec(tmp_path, arrays=("image",)))
    assert words in str(told.value)


def _geo(folder: Path, shapes: list[object], *, crs: object = 4326) -> ParquetSpec:
    made = {"id": [f"s{one}" for one in range(len(shapes))]}
    frame = geopandas.GeoDataFrame(made, geometry=shapes, crs=crs)
    frame.to_parquet(folder / "pool.parquet")
    return _spec(folder, arrays=())


def test_the_geometry_of_geoparquet_is_the_place(tmp_path: Path):
    square = shapely.box(10, 40, 12, 42)
    found, rejects = taken_in(_geo(tmp_path, [Point(-5, 50), square, None, Point(), Point(1, 99)]))
    assert found["lat"].tolist() == [50, 41]
    assert found["lon"].tolist() == [-5, 11]
    assert rejects == [("s2", NOT_A_NUMBER), ("s3", NOT_A_NUMBER), ("s4", IMPOSSIBLE)]


@pytest.mark.parametrize(("crs", "found"), [(3857, "EPSG:3857"), (None, "no CRS")])
def test_geometry_in_other_coordinates_is_refused(crs: object, found: str, tmp_path: Path):
    with pytest.raises(PoolError, match=rf"got {found}\. Fix: .*to_crs"):
        pool.chunks(_geo(tmp_path, [Point(1, 2)], crs=crs))


def test_longitude_first_is_what_geoparquet_means_if_it_names_no_crs(tmp_path: Path):
    spec = _geo(tmp_path, [Point(-5, 50)], crs="OGC:CRS84")
    assert whole(spec)["lat"].tolist() == [50]


def test_a_row_group_that_is_far_too_large_is_told(tmp_path: Path):
    small = rows(1)
    many = {name: np.repeat(values, 65_537, axis=0) for name, values in small.items()}
    pq.write_table(to_table(many), tmp_path / "pool.parquet")
    with pytest.raises(PoolError, match="row_group_size=4096"):
        pool.count(ParquetSpec(name="parquet", path=str(tmp_path / "pool.parquet")))
