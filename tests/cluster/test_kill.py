"""A driver may be killed at any moment; the same command then ends where it would have ended.

The driver is the real one, `python -m sweeps run smoke`, killed with SIGKILL: no handler runs, no
`finally`, no flush. Moments are drawn from a seed, over the time that an undisturbed run takes.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.blobs import SCRATCH
from infra.doorplate import house
from infra.ledger import Ledger
from infra.seeds import generator
from infra.store import Store

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(1800)]

KILLS = 5
LONGEST_S = 600.0


def _driver(store: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "sweeps", "run", "smoke", "--store", str(store)],
        cwd=house(),
        env={**os.environ, "PYTHONPATH": str(house())},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _killed(store: Path, *, after_s: float) -> bool:
    """Start the driver and kill it; return whether it was still at work."""
    driver = _driver(store)
    try:
        assert driver.wait(timeout=after_s) == 0
    except subprocess.TimeoutExpired:
        driver.kill()
        driver.wait()
        return True
    return False


def _check_same(store: Path, *, undisturbed: Ledger) -> None:
    ledger = Ledger(Store.open(str(store), create=False))
    assert ledger.truth().equals(undisturbed.truth())
    assert ledger.torn() == ()
    assert ledger.failures().num_rows == 0


def test_a_driver_killed_at_five_random_moments_ends_with_the_same_ledger(tmp_path, first_sweep):
    undisturbed = first_sweep / "terrasweep-store"
    whole_s = float((first_sweep / "seconds").read_text())
    wanted = Ledger(Store.open(str(undisturbed), create=False))
    assert wanted.truth().num_rows
    draw = generator("kill", "driver")
    kills = rounds = 0
    while kills < KILLS:  # a driver that was faster than its killer starts a fresh store
        store, rounds = tmp_path / f"disturbed-{rounds}", rounds + 1
        while kills < KILLS and _killed(store, after_s=float(draw.uniform(0, whole_s))):
            kills += 1
        assert _driver(store).wait(timeout=LONGEST_S) == 0
        _check_same(store, undisturbed=wanted)
    assert not list((undisturbed / SCRATCH).glob("*"))
