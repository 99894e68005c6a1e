"""A pool of Parquet files: chunks by row group, content by footer, values in range."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from infra.errors import PoolError
from samplers.pools.parquet import pool
from samplers.pools.parquet.spec import ParquetSpec
from samplers.table import to_table


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
    ("name", "value", "words"),
    [
        ("lat", 91.0, "lat between -90 and 90"),
        ("lon", -181.0, "lon between -180 and 180"),
        ("lat", np.nan, "lat between -90 and 90"),
        ("month", 12, "month between 0 and 11"),
        ("month", 256, "month between 0 and 11"),
        ("dynamic_world", 10, "dynamic_world between 0 and 9"),
    ],
)
def test_a_value_out_of_range_is_told(name: str, value: float, words: str, tmp_path: Path):
    made = rows(20)
    column = made[name].astype(np.int64 if name in ("month", "dynamic_world") else np.float64)
    column[3] = value
    pq.write_table(to_table({**made, name: column}), tmp_path / "pool.parquet")
    with pytest.raises(PoolError, match=words):
        pool.read(ParquetSpec(name="parquet", path=str(tmp_path / "pool.parquet")), 0)


def test_a_missing_value_is_told(tmp_path: Path):
    table = to_table(rows(20))
    ids = table.column("id").to_pylist()
    table = table.set_column(0, "id", [[None, *ids[1:]]])
    pq.write_table(table, tmp_path / "pool.parquet")
    with pytest.raises(PoolError, match="a value in every row of id"):
        pool.read(ParquetSpec(name="parquet", path=str(tmp_path / "pool.parquet")), 0)


def test_a_row_group_that_is_far_too_large_is_told(tmp_path: Path):
    small = rows(1)
    many = {name: np.repeat(values, 65_537, axis=0) for name, values in small.items()}
    pq.write_table(to_table(many), tmp_path / "pool.parquet")
    with pytest.raises(PoolError, match="row_group_size=4096"):
        pool.count(ParquetSpec(name="parquet", path=str(tmp_path / "pool.parquet")))
