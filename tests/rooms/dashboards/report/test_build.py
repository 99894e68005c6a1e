"""The report as a reader, a screen reader, a mailbox and a spreadsheet meet it."""

import csv
import re
from collections import Counter
from dataclasses import replace
from xml.etree import ElementTree

import pyarrow.parquet as pq
import pytest

from terrasweep.dashboards.report.build import build
from terrasweep.dashboards.report.sentences import headline, verdicts
from terrasweep.dashboards.statistics.differences import differences
from terrasweep.dashboards.tables.cells import tidy
from terrasweep.infra.step import Key
from terrasweep.sweeps.pages.write import atlas
from tests.support.page import read
from tests.support.study import CONTINENTS, Study

SCRIPT = re.compile(r"<script.*?</script>", re.DOTALL)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    root = tmp_path_factory.mktemp("study")
    return Study(root / "store", compositions=("uniform", "europe", "zero"), seeds=8).write()


@pytest.fixture(scope="module")
def page(study, tmp_path_factory):
    return built(study, tmp_path_factory.mktemp("report"))


def built(study, out):
    return build(study.store, study.ledger, study.name, atlas=atlas(), out=out)


def test_the_page_opens_with_the_question_and_answers_it_from_the_statistics(study, page):
    plan, meta = study.ledger.plan(study.name)
    cells = tidy(plan, results=study.ledger.results(), failures=study.ledger.failures())
    rows = differences(cells, baseline="uniform").to_pylist()
    text = read(page).text

    assert text.index(meta["question"]) < text.index("fall behind uniform")
    assert headline(rows, baseline="uniform") in text
    for verdict in verdicts(rows, baseline="uniform"):
        for sentence in verdict.sentences:
            assert sentence in text


def test_what_looks_at_nothing_is_shown_and_not_compared(tmp_path):
    study = Study(tmp_path / "store", compositions=("uniform", "europe"), seeds=4).write()
    plan, meta = study.ledger.plan(study.name)
    study.ledger.write_plan(study.name, plan, {**meta, "guessing": ["logistic"]})
    page = built(study, tmp_path / "report")
    text = read(page).text

    assert "Not compared: logistic ignores the features" in text
    assert "fall behind" not in text
    assert pq.read_table(page.with_name("differences.parquet")).num_rows == 0
    assert pq.read_table(page.with_name("summary.parquet")).num_rows > 0
    assert list(page.parent.glob("scores-*.svg"))


@pytest.mark.filterwarnings("error")
def test_differences_are_drawn_where_there_are_none(tmp_path):
    study = Study(tmp_path / "store", compositions=("uniform", "europe"), seeds=4)
    study.plan()
    study.pretrain()
    study.ledger.append([replace(row, value=0.5) for row in study.rows()])

    page = built(study, tmp_path / "report")
    assert list(page.parent.glob("differences-*.svg"))


def test_the_page_fetches_nothing(page):
    found = read(page)
    raw = SCRIPT.sub("", page.read_text(encoding="utf-8"))

    assert not {"link", "iframe", "img", "object"} & {tag for tag, _ in found.found}
    assert "default-src 'none'" in found.all("meta")[1]["content"]
    links = {link["href"] for link in found.all("a")}
    assert all(link.startswith("#") or (page.parent / link).is_file() for link in links)
    assert "@import" not in raw
    assert "url(http" not in raw
    assert not any(name == "src" for _, attributes in found.found for name in attributes)


def test_every_id_is_there_once_and_every_reference_finds_it(page):
    found = read(page)
    ids = Counter(attributes["id"] for _, attributes in found.found if attributes.get("id"))

    assert [name for name, times in ids.items() if times > 1] == []
    pointed = {link["href"][1:] for link in found.all("a") if link["href"].startswith("#")}
    for _, attributes in found.found:
        pointed |= set(attributes.get("aria-labelledby", "").split())
        pointed |= {attributes["xlink:href"][1:]} if "xlink:href" in attributes else set()
    assert pointed <= set(ids)


def test_it_reads_well_without_being_seen(page):
    found = read(page)
    headings = [int(tag[1]) for tag, _ in found.found if tag in ("h1", "h2", "h3", "h4")]

    assert found.all("html") == [{"lang": "en"}]
    assert headings.count(1) == 1
    assert {"header", "nav", "main", "footer"} <= {tag for tag, _ in found.found}
    assert len(found.all("svg")) == len(found.all("figure")) == 6
    assert all(svg["role"] == "img" and svg["aria-labelledby"] for svg in found.all("svg"))
    assert len(found.all("caption")) == len(found.all("table"))
    assert all(head["scope"] in ("row", "col") for head in found.all("th"))


def test_every_figure_lies_beside_the_page_as_svg_that_says_what_it_shows(page):
    drawings = sorted(page.parent.glob("*.svg"))

    assert [drawing.stem for drawing in drawings] == [
        "differences-presto-crops-100-logistic",
        "loss-presto",
        "map-europe",
        "map-uniform",
        "ranks-presto-100-logistic-continents",
        "scores-presto-crops-100-logistic",
    ]
    for drawing in drawings:
        root = ElementTree.parse(drawing).getroot()
        told = {child.tag.rpartition("}")[2]: child.text for child in root}
        assert told["title"]
        assert told["desc"]
        assert "SYNTHETIC DATA" in "".join(root.itertext())
        assert "#fe0" not in drawing.read_text(encoding="utf-8"), "a stand-in colour was left"


def test_the_heat_map_writes_every_mean_as_text(study, page):
    plan, _ = study.ledger.plan(study.name)
    means = {}
    for row, place in zip(study.rows(), plan.to_pylist(), strict=True):
        means.setdefault((place["composition"], place["continent"]), []).append(row.value)

    root = ElementTree.parse(page.parent / "scores-presto-crops-100-logistic.svg").getroot()
    written = Counter(text.strip() for text in root.itertext())

    for values in means.values():
        assert written[f"{sum(values) / len(values):.3f}"] >= 1


def test_every_table_lies_beside_the_page_as_csv(study, page):
    def rows(name):
        with (page.parent / f"{name}.csv").open(newline="", encoding="utf-8") as stream:
            return list(csv.DictReader(stream))

    assert len(rows("cells")) == len(study.rows()) == 144
    assert len(rows("coverage")) == len(rows("summary")) == 18
    assert len(rows("differences")) == 14
    assert {row["synthetic"] for row in rows("summary")} == {"true"}


def test_the_scores_lie_beside_the_page_as_parquet_and_latex(study, page):
    table = pq.read_table(page.parent / "summary.parquet")
    told = (page.parent / "summary.tex").read_text(encoding="utf-8")
    lines = [line for line in told.splitlines() if line.strip().endswith(r"\\")]

    assert table.num_rows == 18
    assert [line.split(" & ")[0].strip() for line in lines] == [
        "composition",
        "uniform",
        "europe",
        "zero",
    ]
    assert all(line.count(" & ") == 6 for line in lines)
    africa = next(
        row
        for row in table.to_pylist()
        if (row["composition"], row["continent"]) == ("zero", "africa")
    )
    assert rf"{africa['mean']:.3f} $\pm$ {africa['std']:.3f}" in lines[-1]
    assert "SYNTHETIC DATA" in told
    assert told.count(r"\begin{table}") == told.count(r"\end{table}") == 1


def test_synthetic_data_is_named_wherever_results_are_shown_and_nowhere_else(study, page, tmp_path):
    real = replace(study, root=tmp_path / "real", synthetic=False).write()

    found = read(page)
    assert found.text.count("SYNTHETIC DATA") == 6  # head, answer, charts, three figures
    honest = built(real, tmp_path / "out")
    assert not [path for path in honest.parent.iterdir() if b"SYNTHETIC" in path.read_bytes()]


def test_one_replicate_is_said_to_miss_the_luck_of_the_run(page, tmp_path):
    several = Study(tmp_path / "s", compositions=("uniform", "zero"), seeds=3, replicates=3).write()

    assert "not the luck of the pretraining run" in read(page).text
    text = read(built(several, tmp_path / "out")).text
    assert "not the luck of the pretraining run" not in text
    assert "3 paired pretrainings of 3 seeds each" in text


def test_holes_are_said_before_any_number_is_believed(tmp_path):
    study = Study(tmp_path / "s", compositions=("uniform", "europe"), seeds=3)
    study.plan()
    study.pretrain()
    rows = study.rows()
    study.ledger.append(rows[:-4])
    study.ledger.fail([study.failure(row) for row in rows[-3:]])

    text = read(built(study, tmp_path / "out")).text

    assert "4 of 36 planned cells have no value yet (3 failed, 1 open)" in text
    assert "32 of 36 planned cells are done." in text
    assert "failed: OutOfMemoryError (3)" in text


def test_a_step_that_failed_before_any_cell_is_named_with_its_reason(tmp_path):
    study = Study(tmp_path / "s", compositions=("uniform",), continents=("asia",), seeds=2)
    study.plan()
    plan, meta = study.ledger.plan(study.name)
    study.ledger.write_plan(study.name, plan, meta | {"steps": {"shard/00ff": "all of the pool"}})
    failure = study.failure(study.rows()[0])
    study.ledger.fail([replace(failure, key="shard/00ff"), replace(failure, key="shard/other")])

    text = read(built(study, tmp_path / "out")).text

    assert "shard/00ff" in text
    assert "all of the pool" in text
    assert "OutOfMemoryError: no memory left" in text
    assert "shard/other" not in text


def test_a_sweep_without_results_has_a_report_that_says_so(tmp_path):
    study = Study(tmp_path / "s", compositions=("uniform", "europe"), seeds=2)
    study.plan()

    text = read(built(study, tmp_path / "out")).text

    assert "No cell of the grid is finished yet." in text
    assert "0 of 24 planned cells are done." in text


def test_provenance_names_keys_versions_assumptions_and_cost(study, page):
    text = read(page).text
    plan, _ = study.ledger.plan(study.name)

    for key in {row["checkpoint"] for row in plan.to_pylist() if row["sample"]}:
        assert key in text
        assert study.store.record(Key.parse(key)).provenance.versions["numpy"] in text
    assert "guard_rings" in text
    assert "pretrain: optimiser" in text
    assert "0123456789ab" in text


def test_names_are_text_never_markup(tmp_path):
    wild = Study(tmp_path / "s", models=("<b>&presto",), compositions=("uniform", "zero"), seeds=2)
    text = built(wild.write(), tmp_path / "out").read_text(encoding="utf-8")

    assert "<b>" not in text
    assert "&lt;b&gt;&amp;presto" in text


def test_the_same_ledger_gives_the_same_report_to_the_byte(study, page, tmp_path):
    again = built(study, tmp_path)

    for path in sorted(page.parent.iterdir()):
        assert (again.parent / path.name).read_bytes() == path.read_bytes(), path.name


def test_further_questions_are_answered_where_a_sweep_asks_them(tmp_path):
    named = Study(tmp_path, compositions=("uniform", "balanced", *CONTINENTS, "zero"), seeds=4)
    told = named.write().meta()
    homes = {name: {"rule": {"kind": "only", "values": [name]}} for name in CONTINENTS}
    plan, _ = named.ledger.plan(named.name)
    named.ledger.write_plan(named.name, plan, {**told, "compositions": homes})

    text = built(named, tmp_path / "out").read_text(encoding="utf-8")

    assert "local is best. The home advantage is +0.05" in text
    assert "the 6 places agree that compositions differ" in text
    assert "Each point is a composition: 8 of them" in text
    for name in ("home", "ranks", "diversity"):
        assert (tmp_path / "out" / f"{name}.csv").exists()
    assert not (tmp_path / "out" / "labels.csv").exists()  # there is one n alone


def test_a_missing_card_is_named_and_not_taken_for_an_empty_one(tmp_path):
    study = Study(tmp_path / "s", compositions=("uniform", "europe"), seeds=2).write()
    whole = read(built(study, tmp_path / "whole")).text
    card = next((tmp_path / "s").rglob("card.json"))
    card.unlink()

    text = read(built(study, tmp_path / "out")).text

    assert "card of this draw is missing" not in whole
    assert "Missing files" not in whole
    assert text.count("the card of this draw is missing from the store") == 1
    assert card.relative_to(tmp_path / "s").as_posix() in text
