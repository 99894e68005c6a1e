"""Signs of failure, each from rows that show it and from rows that do not."""

import pyarrow as pa
import pytest

from terrasweep.dashboards.statistics.failure_signs import (
    describe_place,
    signatures,
    summarise_signs,
    zero_arms,
)
from terrasweep.dashboards.tables.rows import CellRow, schema_of

LIMITS = {"spread": 0.03, "near_random": 0.05}
PLACE = {
    "model": "presto",
    "task": "crop",
    "continent": "africa",
    "tested": "same",
    "n": 100,
    "protocol": "linear",
    "metric": "f1",
    "status": "done",
    "replicate": 0,
}


def table(values: dict[str, list[float]], **more: object) -> pa.Table:
    rows = [
        {
            **PLACE,
            "key": f"{name}{seed}",
            "composition": name,
            "seed": seed,
            "value": value,
            "skill": 0.5,
            "notes": "",
            **more,
        }
        for name, own in values.items()
        for seed, value in enumerate(own)
    ]
    return pa.Table.from_pylist(rows, schema=schema_of(CellRow))


def signs(cells: pa.Table, zero: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    found = signatures(cells, limits=LIMITS, zero=zero).to_pylist()
    return [(row["composition"], row["sign"]) for row in found]


def test_a_spread_above_the_limit_is_a_sign():
    assert signs(table({"calm": [0.70, 0.72, 0.71], "wild": [0.6, 0.7, 0.8]})) == [
        ("wild", "spread")
    ]


def test_a_skill_near_zero_is_a_sign():
    assert signs(table({"a": [0.5, 0.5]}, skill=0.02)) == [("a", "near random")]
    assert signs(table({"a": [0.5, 0.5]}, skill=None)) == []


def test_falling_below_the_zero_arm_is_a_sign():
    cells = table({"none": [0.6, 0.6], "good": [0.7, 0.7], "bad": [0.55, 0.55]})
    assert signs(cells, zero=("none",)) == [("bad", "below zero pretraining")]


def test_a_gap_to_the_zero_arm_that_seeds_explain_is_no_sign():
    cells = table({"none": [0.60, 0.61, 0.60, 0.61], "same": [0.59, 0.62, 0.61, 0.595]})
    assert signs(cells, zero=("none",)) == []


def test_a_protocol_that_guesses_shows_nothing():
    cells = table({"a": [0.5, 0.5]}, skill=0.0)
    assert signatures(cells, limits=LIMITS, zero=(), guessing=("linear",)).num_rows == 0


@pytest.mark.parametrize(
    ("note", "sign"),
    [("not converged after 9 epochs", "not converged"), ("not in the draw: crop", "class missing")],
)
def test_what_rows_note_is_a_sign(note: str, sign: str):
    assert signs(table({"a": [0.7, 0.7]}, notes=note)) == [("a", sign)]


def test_cells_without_a_value_show_nothing():
    assert signs(table({"a": [None, None]}, notes="not converged")) == []


def test_a_place_is_told_in_words():
    (row,) = signatures(table({"a": [0.5, 0.5]}, skill=0.0), limits=LIMITS, zero=()).to_pylist()
    assert describe_place(row) == "a · presto on crop · Africa · n = 100 · linear"
    assert "0.00 better than guessing" in row["told"]


def test_the_zero_arms_are_those_that_draw_nothing():
    meta = {
        "compositions": {"zero": {"rule": {"kind": "zero"}}, "all": {"rule": {"kind": "uniform"}}}
    }
    assert zero_arms(meta) == {"zero"}


def test_signs_are_counted_and_the_worst_places_named_first():
    wild = table({"a": [0.6, 0.7], "b": [0.4, 0.9], "c": [0.5, 0.6]})
    guessed = table({"d": [0.5, 0.5]}, skill=0.01), table({"e": [0.5, 0.5]}, skill=-0.2)
    cells = pa.concat_tables([wild, *guessed])
    rows = signatures(cells, limits=LIMITS, zero=()).to_pylist()
    spread, random = summarise_signs(rows, worst=2)
    assert (spread.name, spread.num_places) == ("spread", 3)
    assert [row["composition"] for row in spread.worst] == ["b", "a"]
    assert (random.name, [row["composition"] for row in random.worst]) == (
        "near random",
        ["e", "d"],
    )
