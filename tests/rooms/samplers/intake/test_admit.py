import numpy as np
import pyarrow as pa
import pytest

from terrasweep.infra.errors import PoolError
from terrasweep.samplers.formats.arrays import Arrays, to_arrays
from terrasweep.samplers.intake.admit import (
    IMPOSSIBLE,
    NOT_A_NUMBER,
    REPEATED,
    WRONG_SHAPE,
    admit,
    check_balance,
    joined,
    layout,
    rejects,
    repeated,
)


def chunk(ids: str, *, lat: list[float] | None = None, bands: int = 3) -> dict[str, np.ndarray]:
    names = ids.split()
    number = len(names)
    return {
        "id": np.array(names),
        "lat": np.array(lat or [10.0] * number),
        "lon": np.linspace(-180, 180, number),
        "month": np.zeros(number, np.uint8),
        "x": np.arange(number * 2 * bands, dtype=np.float32).reshape(number, 2, bands),
    }


def describe(columns: Arrays) -> Arrays:
    coarse = (columns["lat"] // 10).astype(np.uint64)
    return {"cell": coarse * np.uint64(2), "coarse": coarse}


EXPECTED = layout(chunk("any"))


def admitted(columns: Arrays, number: int = 0) -> tuple[pa.Table, pa.Table]:
    return admit(columns, chunk=number, expected=EXPECTED, describe=describe)


def test_rows_that_cannot_be_are_rejected_with_their_reason_and_the_rest_is_kept_whole():
    columns = chunk("a b c d", lat=[10.0, np.nan, 91.0, -90.0])
    columns["lat"][3] = 30.0
    rows, report = admitted(columns)
    assert to_arrays(rows)["id"].tolist() == ["a", "d"]
    assert np.array_equal(to_arrays(rows)["x"], columns["x"][[0, 3]])
    assert report.column("rejected").to_pylist() == [None, NOT_A_NUMBER, IMPOSSIBLE, None]
    assert report.column("id").to_pylist() == [None, "b", "c", None]


def test_a_reason_that_the_pool_gives_counts_before_any_other_and_is_no_column_of_a_sample():
    columns = chunk("a b c", lat=[10.0, np.nan, 20.0])
    columns["rejected"] = np.array(["", "torn", "torn"])
    rows, report = admitted(columns)
    assert to_arrays(rows)["id"].tolist() == ["a"]
    assert "rejected" not in rows.column_names
    assert report.column("rejected").to_pylist() == [None, "torn", "torn"]


def test_poles_and_the_date_line_are_on_earth():
    _, report = admitted(chunk("a b", lat=[90.0, 0.0]))
    assert report.column("rejected").null_count == 2


def test_a_chunk_of_other_shapes_is_rejected_row_by_row():
    rows, report = admitted(chunk("a b", bands=4))
    assert rows.num_rows == 0
    assert report.column("rejected").to_pylist() == [WRONG_SHAPE] * 2


@pytest.mark.parametrize("name", ["id", "lat", "lon", "month"])
def test_a_pool_without_a_column_that_all_need_is_refused(name: str):
    columns = {key: column for key, column in chunk("a b").items() if key != name}
    with pytest.raises(PoolError, match=f"got no {name}"):
        layout(columns)


def test_columns_of_two_lengths_are_refused():
    with pytest.raises(PoolError, match="got lengths 1, 2"):
        layout({**chunk("a b"), "x": np.zeros(1)})


def test_of_one_id_the_first_by_chunk_and_place_stays_wherever_the_others_lie():
    parts = [
        admitted(chunk("a b a", lat=[50.0, 10.0, 20.0]), 0),
        admitted(chunk("c b", lat=[10.0, 30.0]), 1),
    ]
    report = pa.concat_tables([report for _, report in parts])
    kept, again = joined([rows for rows, _ in parts], dropped=repeated(report))
    assert kept.column("id").to_pylist() == ["b", "c", "a"]
    assert kept.column("lat").to_pylist() == [10.0, 10.0, 50.0]
    assert sorted(again.column("id").to_pylist()) == ["a", "b"]


def test_a_rejected_row_does_not_use_its_id_up():
    _, report = admitted(chunk("a a", lat=[np.nan, 10.0]))
    assert repeated(report).size == 0


def test_joined_rows_do_not_tell_how_they_were_cut():
    names = " ".join(f"s{number}" for number in range(40))
    rows, _ = admitted(chunk(names, lat=[10.0 * (number % 4) for number in range(40)]))
    pieces = [rows.slice(start, 7) for start in (35, 14, 0, 28, 21, 7)]
    none = np.empty(0, dtype=np.uint64)
    assert joined(pieces, dropped=none)[0].equals(joined([rows], dropped=none)[0])


def test_rejects_are_counted_by_reason_and_named_in_order():
    table = rejects([REPEATED, IMPOSSIBLE, REPEATED], ["z", "m", "a"])
    assert table.to_pylist() == [
        {"reason": IMPOSSIBLE, "count": 1, "ids": ["m"]},
        {"reason": REPEATED, "count": 2, "ids": ["a", "z"]},
    ]


def test_a_lost_row_and_an_empty_pool_are_refused_with_the_table():
    left_out = rejects([IMPOSSIBLE], ["m"])
    check_balance(read=4, kept=3, left_out=left_out)
    with pytest.raises(PoolError, match=r"Expected 4 rows .* got 2 kept and .*off the Earth: 1"):
        check_balance(read=4, kept=2, left_out=left_out)
    with pytest.raises(PoolError, match=r"none among 1 rows .*off the Earth: 1"):
        check_balance(read=1, kept=0, left_out=left_out)


def test_more_rejects_than_a_pool_may_have_are_refused_with_the_table_and_the_first_ids():
    left_out = rejects([IMPOSSIBLE, REPEATED], ["m", "n"])
    check_balance(read=100, kept=98, left_out=left_out, most=0.02)
    with pytest.raises(PoolError, match=r"at most 1.00% .* got 2 of 100 \(.*Earth: 1.* as m, n"):
        check_balance(read=100, kept=98, left_out=left_out, most=0.01)
