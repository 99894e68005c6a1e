"""Claims: one driver at a time in the common case, and nobody waits for the dead."""

import json
import os
import subprocess
import sys

import pytest

from terrasweep.infra.storage import claims
from terrasweep.infra.storage.claims import DRIVERS, HELD, Claims
from terrasweep.infra.storage.store import Store

STEP = "pretrain/0123456789abcdef"


class Clock:
    """A steady clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def elsewhere(store: Store, name: str, *, beat: int = 0) -> None:
    """Leave the file of a driver on another machine."""
    said = {"name": name, "machine": "far away", "pid": 1, "started": "1", "beat": beat}
    store.put(f"{DRIVERS}/{name}.json", json.dumps(said).encode())


def test_the_first_holds_it_until_it_lets_go(store: Store):
    with Claims(store) as one, Claims(store) as other:
        assert one.take(STEP)
        assert one.take(STEP)
        assert not other.take(STEP)
        assert one.are_others()
        one.release(STEP)
        assert other.take(STEP)


def test_one_that_ends_leaves_nothing_behind(store: Store):
    with Claims(store) as one:
        assert one.take(STEP)
        assert one.take("cells/x")
        assert not one.are_others()
    assert store.list("claims") == []


def test_a_killed_driver_of_this_machine_holds_nothing(store: Store):
    body = (
        "import os, sys; from terrasweep.infra.storage.claims import Claims\n"
        "from terrasweep.infra.storage.store import Store\n"
        f"one = Claims(Store.open(sys.argv[1])); one.beat(0); assert one.take({STEP!r})\n"
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", body, store.uri], env=dict(os.environ), check=False)
    assert len(store.list(DRIVERS)) == 1
    with Claims(store) as heir:
        assert heir.take(STEP)
        assert not heir.are_others()


def test_a_driver_elsewhere_is_dead_once_its_file_stands_still(store: Store, clock: Clock):
    elsewhere(store, "far")
    store.put(f"{HELD}/{STEP.replace('/', '-')}", b"far")
    one = Claims(store, stale_s=45.0, clock=clock)
    assert not one.take(STEP), "seen for the first time, it may live"
    clock.now = 44.0
    assert not one.take(STEP)
    elsewhere(store, "far", beat=1)
    clock.now = 60.0
    assert not one.take(STEP), "it has just changed"
    clock.now = 106.0
    assert one.take(STEP)
    assert store.list(DRIVERS) == []


def test_only_the_observers_own_steady_clock_counts(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    elsewhere(store, "far")
    store.put(f"{HELD}/{STEP.replace('/', '-')}", b"far")
    one = Claims(store, clock=clock)
    assert not one.take(STEP)
    monkeypatch.setattr(claims.time, "time", lambda: 4e9)
    assert not one.take(STEP), "a century by the wall clock is no time at all"


def test_a_claim_of_nobody_is_free(store: Store):
    store.put(f"{HELD}/{STEP.replace('/', '-')}", b"who was it?")
    with Claims(store) as one:
        assert one.take(STEP)
        one.store.put(f"{HELD}/{STEP.replace('/', '-')}", b"someone who took it over")
    assert len(store.list(HELD)) == 1, "what is another's is left alone"


def test_a_process_number_that_is_used_again_is_another_process(store: Store):
    with Claims(store) as one:
        path = f"{DRIVERS}/{one.name}.json"
        said = json.loads(store.get(path) or b"")
        store.put(path, json.dumps(said | {"started": "1"}).encode())
        assert not Claims(store).is_alive(one.name)
