"""SIGTERM as an exception and as a flag, and what is done before a run stops."""

import os
import pickle
import signal
import sys
import threading
from contextlib import suppress
from types import ModuleType

import pytest

from terrasweep.infra.cluster.shutdown import (
    RayThread,
    Stopped,
    StopSignal,
    process_signal,
)
from terrasweep.sweeps import cli


@pytest.fixture
def stop() -> StopSignal:
    return StopSignal()


def test_sigterm_is_an_exception_once_and_runs_every_finally(stop: StopSignal):
    ran: list[str] = []
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Stopped), stop.handle_sigterm(), stop.handle_sigterm():
        _asked_twice(ran)
    assert ran == ["finally"]
    assert stop.was_received
    assert signal.getsignal(signal.SIGTERM) == before


def test_asked_twice_it_still_leaves_every_block_in_order(stop: StopSignal):
    ran: list[str] = []
    with pytest.raises(Stopped), stop.handle_sigterm():
        _asked_again_outside(stop, ran)
    assert ran == ["finally"]


def _asked_again_outside(stop: StopSignal, ran: list[str]) -> None:
    try:
        with stop.handle_sigterm():
            os.kill(os.getpid(), signal.SIGTERM)
    finally:
        os.kill(os.getpid(), signal.SIGTERM)  # the inner block is left already
        ran.append("finally")


def _asked_twice(ran: list[str]) -> None:
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    finally:
        os.kill(os.getpid(), signal.SIGTERM)  # an impatient scheduler
        ran.append("finally")


def test_threads_are_left_in_ray_only_where_the_process_ends(stop: StopSignal):
    go = threading.Event()
    thread = RayThread(go.wait)
    thread.start()
    assert not stop.leaves_ray_threads()
    stop.exits_afterwards = True
    assert stop.leaves_ray_threads()
    go.set()
    thread.join()
    assert not stop.leaves_ray_threads()


def test_a_stop_whose_exception_was_lost_is_raised_at_the_next_check(stop: StopSignal):
    with stop.handle_sigterm():
        stop.raise_if_stopped()  # nobody asked
        with suppress(Stopped):
            os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(Stopped):
            stop.raise_if_stopped()
        with pytest.raises(Stopped), stop.handle_sigterm():  # Ray is connected to only now
            pytest.fail("nobody begins what is to stop")
    stop.raise_if_stopped()  # another run of this process is not meant


class _Garbage:
    """Python drops what is raised while it clears such an object away."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        signal.getsignal(signal.SIGTERM)  # lets Python call the handler before this returns


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_stop_that_an_import_drops_still_stops_the_command(
    stop: StopSignal, monkeypatch: pytest.MonkeyPatch, capsys
):
    ran: list[str] = []
    command = ModuleType("check")
    monkeypatch.setitem(sys.modules, "terrasweep.sweeps.commands.check", command)

    def add(parser: object) -> None:
        garbage = _Garbage()
        del garbage

    monkeypatch.setattr(command, "add", add, raising=False)
    monkeypatch.setattr(command, "run", ran.append, raising=False)
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: None)
    assert cli.main(["spec"], stop=stop) == cli.STOPPED
    assert ran == [], "the command began although the process was asked to stop"
    assert "stopped; finished work is kept, continue with `terrasweep spec`" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("error", "seconds"), [(Stopped(), [20.0]), (KeyboardInterrupt(), [20.0]), (OSError(), [])]
)
def test_stop_callbacks_run_only_if_the_run_is_asked_to_stop(stop: StopSignal, error, seconds):
    called: list[float] = []
    with stop.on_stop(called.append):
        stop.run_stop_callbacks(type(error), error, None)
    assert called == seconds
    stop.run_stop_callbacks(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert called == seconds, "what is over is not called"


def test_a_signal_that_travels_is_that_of_the_process_it_arrives_in(stop: StopSignal):
    assert pickle.loads(pickle.dumps(stop)) is process_signal()
