"""What tests of the mirror share: look into MLflow, and run its server for a while."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager

from mlflow import MlflowClient

from terrasweep.infra.tracking.mirror import Mirror


def mirrored(study, uri):
    return Mirror(uri).bring_up_to_date(study.store, study.ledger, study.name)


def runs(study, uri, extra=""):
    client = MlflowClient(tracking_uri=uri)
    place = client.get_experiment_by_name(study.name).experiment_id
    page = client.search_runs([place], filter_string=extra, max_results=5000)
    found = list(page)
    while page.token:
        page = client.search_runs(
            [place], filter_string=extra, max_results=5000, page_token=page.token
        )
        found += page
    return found


def by_key(study, uri, extra=""):
    return {run.data.tags["key"]: run for run in runs(study, uri, extra)}


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
