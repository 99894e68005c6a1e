"""The mirror when it is killed, when two race, and when the server goes away and returns."""

import queue
import shutil
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest
from mlflow import MlflowClient

from terrasweep.infra.cluster.shutdown import Stopped
from terrasweep.infra.tracking.background import MirrorThread
from terrasweep.infra.tracking.mirror import Mirror, MirrorAwayError
from tests.support.heads import free_port
from tests.support.mirrored import by_key, mirrored, runs, server
from tests.support.paths import REPOSITORY

KILLED = """
import os, signal, sys
from terrasweep.infra.storage.ledger import Ledger
from terrasweep.infra.storage.store import Store
from terrasweep.infra.tracking.mirror import Mirror

store, left = Store.open(sys.argv[1]), int(sys.argv[3])

def go_on():
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return True

Mirror(sys.argv[2]).bring_up_to_date(store, Ledger(store), "planted", go_on=go_on)
"""


@pytest.mark.parametrize("after", [0, 1, 4])
def test_a_mirror_that_was_killed_is_completed_without_a_second_run(study, uri, after):
    command = [sys.executable, "-c", KILLED, study.store.uri, uri, str(after)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=False)
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
        assert ", got " in told.get(timeout=120)  # away from the start: said once
        other.ledger.append(rows[:5])
        with server(backend, port):
            assert "is back" in told.get(timeout=120)
        assert ", got " in told.get(timeout=120)  # killed: said once more
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
    with pytest.raises(OSError, match="full"), thread:
        raise OSError("the disk is full")
    assert thread.last is None or thread.last.lag + thread.last.created == 16


def test_asked_to_stop_a_mirror_catches_up(study, uri):
    with pytest.raises(Stopped), MirrorThread(Mirror(uri), study.store, study.name, tell=print):
        raise Stopped
    assert len(runs(study, uri)) == 16
