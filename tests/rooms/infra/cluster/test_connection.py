"""What a connection leaves behind, and what is said of a Ray that does not start."""

import os
from pathlib import Path

import pytest
import ray

from terrasweep.infra.cluster import connection
from terrasweep.infra.cluster.connection import ClusterError
from terrasweep.infra.cluster.shutdown import Stopped, StopSignal

LATE = "The current node timed out during startup. This could happen because some of the\nraylet"


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """What Ray is asked for; the list of errors that it answers with is in the test."""
    asked: list[dict[str, object]] = []
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    return asked


def _answer(
    monkeypatch: pytest.MonkeyPatch, starts: list[dict[str, object]], *errors: Exception | None
) -> None:
    answers = iter(errors)

    def init(**options: object) -> None:
        starts.append(options)
        if (error := next(answers)) is not None:
            raise error

    monkeypatch.setattr(ray, "init", init)


def test_a_start_that_fails_is_tried_once_more(starts, monkeypatch: pytest.MonkeyPatch):
    _answer(monkeypatch, starts, Exception(LATE), None)
    with connection.connect(cpus=1, dashboard=False):
        pass
    assert len(starts) == 2
    assert starts[0] == starts[1]


def test_a_start_that_fails_twice_is_told_in_a_sentence(starts, monkeypatch: pytest.MonkeyPatch):
    _answer(monkeypatch, starts, Exception(LATE), RuntimeError(LATE))
    with pytest.raises(ClusterError) as caught, connection.connect(cpus=1):
        pytest.fail("Ray is not there")
    text = str(caught.value)
    assert text.startswith("Expected Ray to start on this machine, in 2 attempts, got RuntimeError")
    assert "timed out during startup" in text
    assert "Fix: end other programs" in text
    assert "\n" not in text


def test_ray_is_given_time_to_start(starts, monkeypatch: pytest.MonkeyPatch):
    seen: dict[str, str] = {}
    monkeypatch.setattr(ray, "init", lambda **options: seen.update(os.environ))
    monkeypatch.setenv("RAY_raylet_start_wait_time_s", "7")
    with connection.connect(cpus=1):
        pass
    assert seen["RAY_raylet_start_wait_time_s"] == "7", "the user's own setting stays"
    assert seen["RAY_agent_register_timeout_ms"] == "180000"


def test_only_own_variables_are_put_back(starts, monkeypatch: pytest.MonkeyPatch):
    _answer(monkeypatch, starts, None)
    monkeypatch.setenv("TUNE_GLOBAL_CHECKPOINT_S", "5")
    monkeypatch.delenv("MLFLOW_DISABLE_TELEMETRY", raising=False)
    before = dict(os.environ)
    with connection.connect(cpus=1):
        monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")  # as the mirror's thread does
        os.environ["RAY_AUTH_MODE"] = "token"  # as Ray does
        os.environ["TUNE_GLOBAL_CHECKPOINT_S"] = "6"
        assert Path(os.environ[connection.SCRATCH]).is_dir()
    assert dict(os.environ) == {**before, "MLFLOW_DISABLE_TELEMETRY": "true"}


def test_nothing_is_begun_once_the_run_was_asked_to_stop(starts, monkeypatch: pytest.MonkeyPatch):
    stop = StopSignal()

    def init(**options: object) -> None:
        stop.was_received = True  # the exception was lost somewhere in Ray

    monkeypatch.setattr(ray, "init", init)
    with pytest.raises(Stopped), connection.connect(cpus=1, stop=stop):
        pytest.fail("the run goes on although it was asked to stop")
