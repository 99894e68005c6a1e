"""The mirror, against a real SQLite store and a real MLflow server."""

import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev

import pytest
from mlflow import MlflowClient

from infra.tracking import Mirror, MirrorAwayError, default_uri, ui_command
from infra.tracking_thread import MirrorThread
from tests.rooms.study import Study

HOUSE = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _no_tracking_uri(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """An empty MLflow database: its migrations take longer than all else here."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    MlflowClient(tracking_uri=f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def study(tmp_path, database):
    small = Study(tmp_path / "store", compositions=("uniform", "zero"), seeds=3)
    shutil.copy(database, small.root / "mlflow.db")
    return replace(small, continents=("africa", "europe")).write()


@pytest.fixture
def uri(study):
    return default_uri(study.store.uri)


def mirrored(study, uri):
    return Mirror(uri).bring_up_to_date(study.store, study.ledger, study.name)


def runs(study, uri, extra=""):
    client = MlflowClient(tracking_uri=uri)
    place = client.get_experiment_by_name(study.name).experiment_id
    return list(client.search_runs([place], filter_string=extra, max_results=5000))


def by_key(study, uri, extra=""):
    return {run.data.tags["key"]: run for run in runs(study, uri, extra)}


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

    found = {run.info.run_id: run for run in runs(study, uri)}
    for run in found.values():
        parent = found.get(run.data.tags.get("mlflow.parentRunId"))
        above = {"cell": "summary", "summary": "sweep", "pretrain": "sweep", "sweep": None}
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
    assert {"loss", "lr", "samples_per_s"} <= set(run.data.metrics)
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


KILLED = """
import os, signal, sys
from infra.ledger import Ledger
from infra.store import Store
from infra.tracking import Mirror

store, left = Store.open(sys.argv[1]), int(sys.argv[3])

def go_on():
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return True

Mirror(sys.argv[2]).bring_up_to_date(store, Ledger(store), "planted", go_on=go_on)
"""


@pytest.mark.parametrize("after", [0, 1, 9])
def test_a_mirror_that_was_killed_is_completed_without_a_second_run(study, uri, after):
    command = [sys.executable, "-c", KILLED, study.store.uri, uri, str(after)]
    done = subprocess.run(command, cwd=HOUSE, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert len(runs(study, uri)) == after

    mirrored(study, uri)

    keys = Counter(run.data.tags["key"] for run in runs(study, uri))
    assert len(keys) == 16
    assert set(keys.values()) == {1}


def test_a_half_written_run_does_not_count_and_is_completed(study, uri):
    mirrored(study, uri)
    row = study.rows()[0]
    client = MlflowClient(tracking_uri=uri)
    whole = by_key(study, uri)[row.key]
    client.delete_run(whole.info.run_id)
    tags = {"key": row.key, "sweep": study.name, "kind": "cell"}
    half = client.create_run(whole.info.experiment_id, tags=tags)
    client.log_param(half.info.run_id, "composition", "uniform")
    client.log_metric(half.info.run_id, "f1", row.value, timestamp=1)

    report = mirrored(study, uri)

    assert (report.created, report.updated) == (0, 1)
    mended = by_key(study, uri)[row.key]
    assert mended.info.run_id == half.info.run_id
    assert mended.info.status == "FINISHED"
    assert mended.data.params == whole.data.params
    assert mended.data.metrics == whole.data.metrics


def test_runs_that_two_racing_mirrors_made_twice_become_one(study, uri):
    mirrored(study, uri)
    client = MlflowClient(tracking_uri=uri)
    known = by_key(study, uri)
    row = study.rows()[0]
    for key in (f"sweep/{study.name}", row.key):
        tags = {"key": key, "sweep": study.name, "kind": known[key].data.tags["kind"]}
        client.create_run(known[key].info.experiment_id, tags=tags)

    report = mirrored(study, uri)

    assert report.removed == 2
    assert set(by_key(study, uri)) == set(known)
    assert len(runs(study, uri)) == len(known)


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
    line = ui_command("sqlite:////a b/mlflow.db")
    assert line.endswith("mlflow ui --backend-store-uri 'sqlite:////a b/mlflow.db'")
    assert ui_command("http://tracking:5000") == "http://tracking:5000"


def test_naming_the_tracking_database_does_not_import_mlflow():
    code = "import sys, infra.tracking as t; t.default_uri('x'); sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=HOUSE, check=False).returncode == 0


def test_a_server_that_is_away_is_an_error_that_says_how_to_catch_up(study):
    with pytest.raises(MirrorAwayError, match="terrasweep mirror planted") as caught:
        mirrored(study, f"http://name:secret@127.0.0.1:{free_port()}")
    assert "secret" not in str(caught.value)


@pytest.mark.slow
def test_a_sweep_goes_on_while_the_server_is_away_and_the_mirror_catches_up(
    study, tmp_path, database
):
    shutil.copy(database, tmp_path / "server.db")
    backend, port = f"sqlite:///{tmp_path}/server.db", free_port()
    uri, told, rows = f"http://127.0.0.1:{port}", queue.Queue(), study.rows()
    other = replace(study, root=tmp_path / "other")
    other.plan()
    other.pretrain()
    mirror = MirrorThread(Mirror(uri), other.store, other.name, tell=told.put, pause_s=0.1)

    with mirror:
        assert "found" in told.get(timeout=120)  # away from the start: said once
        other.ledger.append(rows[:5])
        with server(backend, port):
            assert "is back" in told.get(timeout=120)
        assert "found" in told.get(timeout=120)  # killed: said once more
        other.ledger.append(rows[5:])
        with server(backend, port):
            assert "is back" in told.get(timeout=120)
            mirror.finish()
            assert told.empty()
            keys = Counter(run.data.tags["key"] for run in runs(other, uri))

    assert len(keys) == 16
    assert set(keys.values()) == {1}


def test_leaving_does_not_wait_for_a_mirror_that_is_behind(study, uri):
    thread = MirrorThread(Mirror(uri), study.store, study.name, tell=print)
    with pytest.raises(KeyboardInterrupt), thread:
        raise KeyboardInterrupt
    assert thread.last is None or thread.last.lag + thread.last.created == 16


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def server(backend, port):
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", backend]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        env={**os.environ, **quiet},
        text=True,
        start_new_session=True,
    )
    try:
        for line in process.stderr:
            if "startup complete" in line:
                break
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.stderr.close()
        process.wait()
