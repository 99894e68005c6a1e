"""SIGTERM as an exception, and the last things that are done before a run goes."""

import os
import signal
import sys
import threading
from contextlib import suppress

import pytest

from terrasweep.infra.cluster import shutdown
from terrasweep.infra.cluster.shutdown import Stopped


@pytest.fixture(autouse=True)
def a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget that other tests of this process may be connected to Ray, or were asked to stop."""
    monkeypatch.setattr(shutdown, "_heard", [])
    monkeypatch.setattr(shutdown, "_blocks", [])


def test_sigterm_is_an_exception_once_and_runs_every_finally():
    ran: list[str] = []
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Stopped), shutdown.on_sigterm():
        _asked_twice(ran)
    assert ran == ["finally"]
    assert shutdown.was_asked()
    assert signal.getsignal(signal.SIGTERM) == before


def _asked_twice(ran: list[str]) -> None:
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    finally:
        os.kill(os.getpid(), signal.SIGTERM)  # an impatient scheduler
        ran.append("finally")


def test_guests_are_left_alone_only_where_the_process_ends(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutdown, "_ends", threading.Event())
    go = threading.Event()
    guest = shutdown.Guest(go.wait)
    guest.start()
    assert not shutdown.guests_are_left()
    shutdown.process_ends()
    assert shutdown.guests_are_left()
    go.set()
    guest.join()
    assert not shutdown.guests_are_left()


def test_a_stop_while_ray_connects_is_a_stop():
    def as_ray_does(signum: int, frame: object) -> None:
        sys.exit(signum)

    with shutdown.on_sigterm():
        signal.signal(signal.SIGTERM, as_ray_does)
        with pytest.raises(Stopped), shutdown.while_connecting():
            os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(SystemExit), shutdown.while_connecting():
        sys.exit(1)


def test_a_stop_whose_exception_was_lost_is_insisted_on():
    with shutdown.on_sigterm():
        shutdown.insist()  # nobody asked
        with suppress(Stopped):
            os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(Stopped):
            shutdown.insist()
        with pytest.raises(Stopped), shutdown.on_sigterm():  # Ray is connected to only now
            pytest.fail("nobody begins what is to stop")
    shutdown.insist()  # another run of this process is not meant


@pytest.mark.parametrize(
    ("error", "granted"), [(Stopped(), [20.0]), (KeyboardInterrupt(), [20.0]), (OSError(), [])]
)
def test_last_wishes_are_granted_to_those_who_are_asked_to_stop(error, granted):
    heard: list[float] = []
    with shutdown.last_wish(heard.append):
        shutdown.grant_wishes(type(error), error, None)
    assert heard == granted
    shutdown.grant_wishes(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert heard == granted, "what is over wishes nothing"
