"""The mirror, against a real SQLite store."""

import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev

import pytest
from mlflow import MlflowClient

from terrasweep.infra.tracking.mirror import Mirror
from terrasweep.infra.tracking.sqlite import Tables, experiments
from terrasweep.infra.tracking.uri import default_uri, server_command, ui_command
from tests.support.mirrored import by_key, mirrored, runs
from tests.support.paths import REPOSITORY
from tests.support.study import Study


def test_a_sweep_is_shown_with_all_its_runs(study, uri):
    report = mirrored(study, uri)

    kinds = Counter(run.data.tags["kind"] for run in runs(study, uri))
    assert kinds == {"sweep": 1, "pretrain": 1, "summary": 2, "cell": 12}
    assert (report.created, report.updated, report.lag) == (16, 0, 0)
    assert {run.info.status for run in runs(study, uri)} == {"FINISHED"}


def test_a_leaf_says_where_it_lies_on_the_grid_and_what_came_of_it(study, uri):
    mirrored(study, uri)

    row = study.rows()[4]
    leaf = by_key(study, uri)[row.key]
    assert leaf.data.params == {
        "composition": "uniform",
        "model": "presto",
        "task": "crops",
        "continent": "europe",
        "seed": "1",
        "n": "100",
        "protocol": "logistic",
        "replicate": "0",
    }
    assert leaf.data.metrics["f1"] == row.value
    assert leaf.data.metrics["accuracy"] == row.metrics["accuracy"]
    assert leaf.data.metrics["n_test"] == row.n_test
    assert leaf.info.end_time - leaf.info.start_time == 250
    assert leaf.data.tags["sweep"] == study.name


def test_leaves_hang_under_their_summary_and_that_under_the_sweep(study, uri):
    mirrored(study, uri)

    by_id = {run.info.run_id: run for run in runs(study, uri)}
    above = {"cell": "summary", "summary": "sweep", "pretrain": "sweep", "sweep": None}
    kinds = Counter(run.data.tags["kind"] for run in by_id.values())
    assert set(kinds) == set(above)
    assert kinds["cell"] == len(study.rows())
    for run in by_id.values():
        parent = by_id.get(run.data.tags.get("mlflow.parentRunId"))
        kind = run.data.tags["kind"]
        assert (parent.data.tags["kind"] if parent else None) == above[kind]
        if kind == "cell":
            assert parent.data.params["composition"] == run.data.params["composition"]


def test_a_summary_holds_mean_and_std_and_interval_per_continent(study, uri):
    mirrored(study, uri)

    (summary,) = runs(study, uri, "tags.kind = 'summary' and params.composition = 'uniform'")
    values = [row.value for row in study.rows()[:3]]
    told = summary.data.metrics
    assert told["mean/africa"] == pytest.approx(mean(values))
    assert told["std/africa"] == pytest.approx(stdev(values))
    half = 4.302652729911275 * stdev(values) / 3**0.5  # Student's t, 2 degrees of freedom
    assert told["low/africa"] == pytest.approx(mean(values) - half)
    assert told["high/africa"] == pytest.approx(mean(values) + half)
    assert {name for name in told if name.startswith("mean/")} == {"mean/africa", "mean/europe"}


def test_a_pretraining_shows_its_curve_its_manifest_and_its_checkpoint(study, uri):
    mirrored(study, uri)

    (run,) = runs(study, uri, "tags.kind = 'pretrain'")
    curve = MlflowClient(tracking_uri=uri).get_metric_history(run.info.run_id, "loss")
    assert 100 < len(curve) <= 201
    assert max(point.step for point in curve) == 600
    assert {"loss", "lr", "samples_per_s", "mfu", "peak_mb"} <= set(run.data.metrics)
    assert Path(run.data.tags["checkpoint"]).read_bytes() == b"weights"
    (given,) = run.inputs.dataset_inputs
    assert given.dataset.name == "uniform"
    assert "manifest.parquet" in given.dataset.source
    assert run.data.tags["recipe"] == "1"


def test_a_mirror_that_is_up_to_date_changes_nothing(study, uri):
    mirrored(study, uri)
    before = {run.info.run_id: run.to_dictionary() for run in runs(study, uri)}

    again = mirrored(study, uri)

    assert (again.created, again.updated, again.unchanged) == (0, 0, 16)
    assert {run.info.run_id: run.to_dictionary() for run in runs(study, uri)} == before


def test_what_comes_later_is_added_and_summaries_follow(tmp_path, uri):
    study = Study(tmp_path / "other", compositions=("uniform",), continents=("asia",), seeds=4)
    study.plan()
    study.pretrain()
    rows = study.rows()
    mirror = Mirror(uri)

    study.ledger.append(rows[:3])
    mirror.bring_up_to_date(study.store, study.ledger, study.name)
    (half_way,) = runs(study, uri, "tags.kind = 'summary'")
    assert half_way.info.status == "RUNNING"
    assert half_way.data.metrics["num_values/asia"] == 3

    study.ledger.append(rows[3:])
    mirror.bring_up_to_date(study.store, study.ledger, study.name)
    (whole,) = runs(study, uri, "tags.kind = 'summary'")
    assert whole.info.run_id == half_way.info.run_id
    assert whole.info.status == "FINISHED"
    assert whole.data.metrics["mean/asia"] == pytest.approx(mean(row.value for row in rows))


def test_a_failed_cell_is_shown_and_mended_once_it_is_done(study, uri, tmp_path):
    other = replace(study, root=tmp_path / "other")
    other.plan()
    other.pretrain()
    row = other.rows()[0]
    other.ledger.fail([other.failure(row)])

    mirrored(other, uri)
    failed = by_key(other, uri)[row.key]
    assert failed.info.status == "FAILED"
    assert failed.data.tags["failure"] == "OutOfMemoryError"

    other.ledger.append([row])
    mirrored(other, uri)
    mended = by_key(other, uri)[row.key]
    assert (mended.info.run_id, mended.info.status) == (failed.info.run_id, "FINISHED")
    assert mended.data.metrics["f1"] == row.value


def test_one_cell_may_belong_to_two_sweeps(study, uri):
    mirrored(study, uri)
    table, meta = study.ledger.plan(study.name)
    study.ledger.write_plan("second", table, meta)

    Mirror(uri).bring_up_to_date(study.store, study.ledger, "second")

    second = Study(study.root, name="second")
    assert len(runs(study, uri)) == len(runs(second, uri)) == 16


def test_it_follows_the_environment_else_lies_in_the_store(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert default_uri("store") == f"sqlite:///{tmp_path}/store/mlflow.db"
    assert default_uri(f"file://{tmp_path}/a%20b") == f"sqlite:///{tmp_path}/a b/mlflow.db"
    assert default_uri("s3://bucket/prefix") == f"sqlite:///{tmp_path}/terrasweep-mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking:5000")
    assert default_uri("store") == "http://tracking:5000"


def test_the_line_that_opens_mlflow_can_be_pasted():
    uri = "sqlite:////a b/mlflow.db"
    line = server_command(uri, port=5001)
    assert line.endswith(f"mlflow ui --workers 1 --backend-store-uri '{uri}' --port 5001")
    assert ui_command(uri) == f"terrasweep ui --tracking '{uri}'"
    assert ui_command("http://tracking:5000") == "http://tracking:5000"


def test_the_sweeps_of_a_database_are_named_and_those_of_a_server_are_not(study, uri, tmp_path):
    assert experiments(f"sqlite:///{tmp_path / 'nothing.db'}") == {}
    (tmp_path / "empty.db").touch()
    assert experiments(f"sqlite:///{tmp_path / 'empty.db'}") == {}
    assert experiments("http://tracking:5000") == {}
    mirrored(study, uri)
    place = MlflowClient(tracking_uri=uri).get_experiment_by_name(study.name).experiment_id
    assert experiments(uri) == {study.name: place}


def test_naming_the_tracking_database_does_not_import_mlflow():
    code = "import sys, terrasweep.infra.tracking.mirror, terrasweep.infra.tracking.uri as t;"
    code += "t.default_uri('x'); "
    code += "sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=False).returncode == 0


def without_ids(study: Study, uri: str) -> dict[str, dict]:
    """What MLflow tells of each run, but for what differs in any two stores."""
    told = {}
    names = {run.info.run_id: run.data.tags["key"] for run in runs(study, uri)}
    for run in runs(study, uri):
        said = run.to_dictionary()
        own = said["info"].pop("run_id")
        assert said["info"].pop("artifact_uri").endswith(f"/{own}/artifacts")
        for item in ("run_uuid", "experiment_id"):
            said["info"].pop(item, None)
        tags = said["data"]["tags"]
        if "mlflow.parentRunId" in tags:
            tags["mlflow.parentRunId"] = names[tags["mlflow.parentRunId"]]
        for run_id, key in names.items():  # notes link to other runs
            tags["mlflow.note.content"] = tags["mlflow.note.content"].replace(run_id, key)
        told[run.data.tags["key"]] = said
    return told


def test_cells_that_are_written_together_are_what_the_client_writes(
    study, uri, tmp_path, monkeypatch
):
    mirrored(study, uri)
    by_client = f"sqlite:///{tmp_path / 'client.db'}"
    monkeypatch.setattr(Tables, "open", lambda *args, **options: None)
    mirrored(study, by_client)
    assert without_ids(study, uri) == without_ids(study, by_client)
    key = study.rows()[4].key
    history = [
        MlflowClient(tracking_uri=where).get_metric_history(
            by_key(study, where)[key].info.run_id, "f1"
        )
        for where in (uri, by_client)
    ]
    assert history[0]
    assert len({str([(p.value, p.step, p.timestamp) for p in own]) for own in history}) == 1


def test_tables_that_are_not_as_they_are_known_are_left_to_the_client(study, uri, tmp_path):
    mirrored(study, uri)
    path = Path(uri.removeprefix("sqlite:///"))
    assert Tables.open(uri, experiment="1", artefacts="file:///x") is not None
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("ALTER TABLE runs ADD COLUMN novelty TEXT")
    assert Tables.open(uri, experiment="1", artefacts="file:///x") is None
    assert Tables.open("postgresql://host/db", experiment="1", artefacts="s3://x") is None
