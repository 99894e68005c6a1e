import numpy as np
import pyarrow as pa

from terrasweep.samplers.draw.census import CENSUS, add, count, known, totals, words


def rows(continents: str) -> pa.Table:
    names = continents.split()
    return pa.table(
        {
            "coarse": pa.array([len(name) for name in names], pa.uint64()),
            "continent": pa.array(names, pa.string()),
            "biome": pa.array([10 if name == "asia" else 9 for name in names], pa.int16()),
            "climate": pa.array([0] * len(names), pa.int16()),
            "land_cover": pa.array(["trees"] * len(names), pa.string()),
            "realm": pa.array(["none"] * len(names), pa.string()),
            "ecoregion": pa.array(["none"] * len(names), pa.string()),
        }
    )


def test_the_census_of_parts_is_the_census_of_the_whole():
    whole = rows("asia europe asia none europe asia")
    parts = [count(whole.slice(4, 2)), count(whole.slice(0, 4)), CENSUS.empty_table()]
    assert add(parts).equals(count(whole))
    assert add([]).num_rows == 0


def test_totals_are_words_in_the_order_of_values():
    counts = totals(count(rows("europe asia asia none")))
    assert counts == {
        "biome": {"9": 2, "10": 2},
        "climate": {"0": 4},
        "continent": {"asia": 2, "europe": 1, "none": 1},
        "land_cover": {"trees": 4},
        "realm": {"none": 4},
        "ecoregion": {"none": 4},
    }
    assert (known(counts, "continent"), known(counts, "realm")) == ({"asia": 2, "europe": 1}, {})
    assert list(counts["biome"]) == ["9", "10"]


def test_codes_stand_for_words_whether_or_not_the_column_is_a_dictionary():
    plain = pa.chunked_array([["asia", "none"], ["asia"]])
    for column in (plain, plain.dictionary_encode(), plain.combine_chunks()):
        codes, values = words(column)
        assert np.array(values)[codes].tolist() == ["asia", "none", "asia"]
    codes, values = words(pa.chunked_array([[3, 12, 3]], pa.int16()))
    assert np.array(values)[codes].tolist() == ["3", "12", "3"]
