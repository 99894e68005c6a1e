"""A small study and an empty MLflow database beside it."""

import shutil
from dataclasses import replace

import pytest
from mlflow import MlflowClient

from terrasweep.infra.tracking.uri import default_uri
from tests.support.study import Study


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
