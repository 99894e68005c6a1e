"""The answer in sentences, against the statistics it is made from."""

from dataclasses import replace

from terrasweep.dashboards.report.sentences import headline, verdicts
from terrasweep.dashboards.statistics.differences import differences
from terrasweep.dashboards.tables.cells import tidy
from tests.support.study import Study


def test_sentences_say_who_is_ahead_where_by_how_much_and_how_sure(tmp_path):
    study = Study(tmp_path, compositions=("uniform", "europe", "balanced"), seeds=20).write()
    plan, _ = study.ledger.plan(study.name)
    cells = tidy(plan, results=study.ledger.results(), failures=study.ledger.failures())
    rows = differences(cells, baseline="uniform").to_pylist()
    told = {row["continent"]: row for row in rows if row["composition"] == "europe"}
    home, mean = told["europe"], told["mean of continents"]

    (said,) = (v.sentences for v in verdicts(rows, baseline="uniform") if v.composition == "europe")

    assert mean["difference"] < 0 < home["difference"]
    by = f"{-mean['difference']:.3f} [{-mean['high']:.3f}, {-mean['low']:.3f}]"
    assert said[0] == (
        f"uniform beats europe by {by} F1 on average over 6 continents, 20 paired seeds."
    )
    assert said[1].startswith("uniform is ahead on 5 of 6 continents, least in ")
    by = f"{home['difference']:.3f} [{home['low']:.3f}, {home['high']:.3f}]"
    assert said[2] == f"europe is ahead in Europe by {by}."
    assert headline(rows, baseline="uniform") == (
        "Balanced beats uniform; europe falls behind uniform, on average over the continents, "
        "as far as one pretraining run of each can tell."
    )


def test_what_cannot_be_told_apart_is_said_to_be_so(tmp_path):
    study = Study(tmp_path, compositions=("uniform", "europe"), seeds=4, continents=("europe",))
    rows = [replace(row, value=0.7 + row.seed % 2 / 50) for row in study.rows()]
    rows[0] = replace(rows[0], value=0.69)
    study.plan()
    study.ledger.append(rows)
    plan, _ = study.ledger.plan(study.name)
    cells = tidy(plan, results=study.ledger.results(), failures=study.ledger.failures())
    compared = differences(cells, baseline="uniform").to_pylist()

    assert headline(compared, baseline="uniform") == (
        "Europe cannot be told apart from uniform, in Europe, "
        "as far as one pretraining run of each can tell."
    )
    (verdict,) = verdicts(compared, baseline="uniform")
    assert verdict.sentences == ("Not distinguishable in Europe.",)
