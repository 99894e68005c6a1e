"""Major-TOM: places from its metadata, every row of it, and spoilt files."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from terrasweep.infra.errors import PoolError
from terrasweep.samplers.intake.admit import IMPOSSIBLE, NOT_A_NUMBER, REPEATED
from terrasweep.samplers.pools.majortom import pool
from terrasweep.samplers.sources.image_index import UNKNOWN_MONTH
from tests.data.majortom import make as made
from tests.support.pools import spec_of, taken_in


def test_every_row_is_a_place(tmp_path: Path):
    spec = spec_of("majortom", made.make(tmp_path))
    wanted = made.table()
    found, rejects = taken_in(spec)
    assert (rejects, pool.count(spec), pool.chunks(spec)) == ([], made.NUM, 3)
    assert set(found) - {"ordinal", "rank_hash", "cell", "coarse"} == {"id", "lat", "lon", "month"}
    np.testing.assert_array_equal(found["lat"], wanted["centre_lat"])
    np.testing.assert_array_equal(found["lon"], wanted["centre_lon"])
    np.testing.assert_array_equal(found["month"], np.arange(made.NUM) % 12)
    assert found["id"][0] == "0U_0R/S2B_MSIL2A_20200110T101010"


def test_the_file_itself_may_be_named_and_rows_grouped_in_any_way(tmp_path: Path):
    made.make(tmp_path)
    whole, _ = taken_in(spec_of("majortom", {"path": str(tmp_path / "metadata.parquet")}))
    made.table().to_parquet(tmp_path / "many.parquet", row_group_size=500)
    many = spec_of("majortom", {"path": str(tmp_path / "many.parquet")})
    for name, values in taken_in(many)[0].items():
        if name != "ordinal":
            np.testing.assert_array_equal(values, whole[name])


def test_time_stamps_may_be_times(tmp_path: Path):
    table = made.table()
    table["timestamp"] = pd.to_datetime(table["timestamp"])
    table.loc[5, "timestamp"] = pd.NaT
    table.to_parquet(tmp_path / "metadata.parquet")
    found, _ = taken_in(spec_of("majortom", {"path": str(tmp_path)}))
    assert found["month"][:6].tolist() == [0, 1, 2, 3, 4, UNKNOWN_MONTH]


def test_spoilt_rows_are_rejected_with_their_reasons(tmp_path: Path):
    table = made.table()
    table.loc[3, "centre_lat"] = np.nan
    table.loc[4, "centre_lon"] = None
    table.loc[5, "centre_lat"] = 95.0
    table.loc[6, "grid_cell"] = None
    table.loc[8000, ["grid_cell", "product_id"]] = table.loc[7, ["grid_cell", "product_id"]]
    table.to_parquet(tmp_path / "metadata.parquet")
    found, rejects = taken_in(spec_of("majortom", {"path": str(tmp_path)}))
    assert len(found["id"]) == made.NUM - 5
    counted = pd.Series([reason for _, reason in rejects]).value_counts().to_dict()
    assert counted == {NOT_A_NUMBER: 2, IMPOSSIBLE: 1, pool.NAMELESS: 1, REPEATED: 1}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nothing", "got an empty folder"),
        ("text", "Expected a Parquet file at"),
        ("cut", "Expected a Parquet file at"),
        ("columns", "got no centre_lat"),
        ("words", "got no numbers in centre_lat"),
        ("images", "got only part_00001.parquet. Fix: check `path`"),
    ],
)
def test_a_folder_that_is_no_pool_is_refused_in_a_sentence(name: str, words: str, tmp_path: Path):
    file = tmp_path / "metadata.parquet"
    if name == "text":
        file.write_text("grid_cell,product_id\n")
    elif name == "cut":
        made.make(tmp_path)
        file.write_bytes(file.read_bytes()[:-100])
    elif name == "columns":
        made.table().drop(columns="centre_lat").to_parquet(file)
    elif name == "words":
        made.table().astype({"centre_lat": str}).to_parquet(file)
    elif name == "images":
        made.table().to_parquet(tmp_path / "part_00001.parquet")
    with pytest.raises(PoolError) as told:
        pool.chunks(spec_of("majortom", {"path": str(tmp_path)}))
    assert words in str(told.value)
