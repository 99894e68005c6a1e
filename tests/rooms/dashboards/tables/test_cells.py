"""Tables against rows counted and averaged by hand."""

import csv
import io
from dataclasses import replace
from statistics import mean, stdev

import pytest

from terrasweep.dashboards.tables.cells import Holes, HolesError, coverage, summary, tidy, to_csv
from tests.support.study import Study


@pytest.fixture
def study(tmp_path):
    made = Study(tmp_path, compositions=("uniform", "zero"), continents=("africa", "asia"), seeds=3)
    made.plan()
    return made


def cells(study):
    plan, _ = study.ledger.plan(study.name)
    return tidy(plan, results=study.ledger.results(), failures=study.ledger.failures())


def place(row):
    return row["composition"], row["continent"]


def test_every_cell_of_the_plan_is_one_row_whatever_became_of_it(study):
    rows = study.rows()
    study.ledger.append([*rows[:8], replace(rows[8], value=None, excluded="two samples only")])
    study.ledger.fail([study.failure(rows[10])])

    told = {row["key"]: row for row in cells(study).to_pylist()}

    assert len(told) == len(rows) == 12
    assert [told[row.key]["status"] for row in rows[7:]] == [
        "done",
        "excluded",
        "open",
        "failed",
        "open",
    ]
    assert told[rows[0].key]["value"] == rows[0].value
    assert told[rows[8].key]["why"] == "two samples only"
    assert told[rows[10].key]["why"] == "OutOfMemoryError"


def test_coverage_counts_each_fate_and_says_why(study):
    rows = study.rows()
    study.ledger.append(rows[:4])
    study.ledger.fail([study.failure(rows[4]), study.failure(rows[5])])

    told = {place(row): row for row in coverage(cells(study)).to_pylist()}

    asia = told["uniform", "asia"]
    assert (asia["planned"], asia["done"], asia["failed"], asia["open"]) == (3, 1, 2, 0)
    assert asia["why"] == "failed: OutOfMemoryError (2)"
    assert told["zero", "africa"]["open"] == 3
    assert told["uniform", "africa"]["done"] == 3


def test_cells_whose_pretraining_failed_have_failed_and_name_the_stage(study):
    rows, plan = study.rows(), study.ledger.plan(study.name)[0].to_pylist()
    study.ledger.append(rows[:1])
    study.ledger.fail([replace(study.failure(rows[0]), key=plan[0]["checkpoint"])])

    told = cells(study).to_pylist()

    assert [row["status"] for row in told] == ["done", *["failed"] * 5, *["open"] * 6]
    assert {row["why"] for row in told if row["status"] == "failed"} == {
        "pretrain: OutOfMemoryError"
    }


def test_cells_that_the_plan_excludes_are_not_planned(study):
    plan, meta = study.ledger.plan(study.name)
    rows = plan.to_pylist()
    for row in rows:
        row["excluded"] = "no crops there" if row["continent"] == "asia" else None
    study.ledger.write_plan(study.name, plan.from_pylist(rows, schema=plan.schema), meta)
    study.ledger.append([row for row in study.rows() if row.continent == "africa"])

    told = {place(row): row for row in coverage(cells(study)).to_pylist()}

    assert (told["zero", "asia"]["planned"], told["zero", "asia"]["excluded"]) == (0, 3)
    assert told["zero", "asia"]["why"] == "excluded: no crops there (3)"
    assert {place(row) for row in summary(cells(study)).to_pylist()} == {
        ("uniform", "africa"),
        ("zero", "africa"),
    }


def test_a_summary_is_mean_and_sample_std_over_the_seeds(study):
    study.ledger.append(study.rows())

    told = {place(row): row for row in summary(cells(study)).to_pylist()}

    values = [row.value for row in study.rows()[3:6]]
    asia = told["uniform", "asia"]
    assert asia["mean"] == pytest.approx(mean(values))
    assert asia["std"] == pytest.approx(stdev(values))
    assert asia["low"] < min(values) < asia["mean"] < max(values) < asia["high"]
    assert (asia["num_seeds"], asia["num_values"], asia["num_holes"]) == (3, 3, 0)


def test_with_one_replicate_the_interval_is_said_to_miss_the_luck_of_the_run(tmp_path):
    one = Study(tmp_path / "one", seeds=3, continents=("asia",)).write()
    two = Study(tmp_path / "two", seeds=3, continents=("asia",), replicates=2).write()

    assert {row["interval"] for row in summary(cells(one)).to_pylist()} == {
        "without the luck of the pretraining run"
    }
    assert {row["interval"] for row in summary(cells(two)).to_pylist()} == {"over pretraining runs"}


def test_a_summary_refuses_holes_and_names_the_first(study):
    study.ledger.append(study.rows()[:-1])

    with pytest.raises(HolesError, match=r"1 open.*zero.*asia.*seed 2"):
        summary(cells(study))


def test_a_summary_that_may_have_holes_counts_them(study):
    study.ledger.append(study.rows()[:-1])

    told = {place(row): row for row in summary(cells(study), holes=Holes.COUNT).to_pylist()}

    assert (told["zero", "asia"]["num_values"], told["zero", "asia"]["num_holes"]) == (2, 1)
    assert told["uniform", "asia"]["num_holes"] == 0


def test_csv_holds_every_row_under_a_header(study):
    study.ledger.append(study.rows())
    table = summary(cells(study))

    read = list(csv.DictReader(io.StringIO(to_csv(table).decode())))

    assert len(read) == table.num_rows == 4
    assert float(read[0]["mean"]) == table["mean"][0].as_py()
    assert list(read[0]) == table.column_names
