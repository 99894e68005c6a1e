"""Whatever is killed, and whenever: the same command ends with the rows of an undisturbed run.

Drivers, workers and a raylet are real processes of a cluster of three raylets, killed with SIGKILL:
no handler runs, no `finally`, no flush. Moments are drawn from a seed, over the time that an
undisturbed run takes. `benchmarks/chaos.py` does the same for longer, with more that can be killed.
"""

import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from terrasweep.infra.seeds import generator
from terrasweep.infra.storage.blobs import SCRATCH
from terrasweep.infra.storage.ledger import Ledger
from terrasweep.infra.storage.store import Store
from tests.support.chaos_rows import equal, placement_groups, written
from tests.support.ray_town import Town, driver, kill, town, wait_for

pytestmark = [pytest.mark.ray, pytest.mark.slow_by_nature, pytest.mark.timeout(600)]

KILLS = 5
LONGEST_S = 200.0


@pytest.fixture(scope="module")
def three_raylets() -> Iterator[Town]:
    with town() as built:
        yield built


def _finish(built: Town, sweep: Path, store: Path) -> float:
    started = time.monotonic()
    run = driver(built, sweep, store=str(store))
    assert run.wait(timeout=LONGEST_S) == 0, (built.home / "driver.log").read_text()[-3000:]
    return time.monotonic() - started


def test_killed_at_random_moments_it_ends_with_the_same_ledger(three_raylets, tmp_path):
    built, draw = three_raylets, generator("chaos", "test")
    sweep = written(tmp_path / "sweep.yaml", [0])
    whole_s = _finish(built, sweep, tmp_path / "undisturbed")
    truth = Ledger(Store.open(str(tmp_path / "undisturbed"), create=False)).truth()
    store = tmp_path / "disturbed"
    for _ in range(KILLS):
        run = driver(built, sweep, store=str(store))
        with suppress(subprocess.TimeoutExpired):
            run.wait(timeout=float(draw.uniform(0, whole_s)))
        kill(run)
        run.wait()
    beside = driver(built, sweep, store=str(store))
    run = driver(built, sweep, store=str(store))
    time.sleep(float(draw.uniform(0, whole_s / 2)))
    for worker in built.workers()[:1]:
        kill(worker)
    built.kill_raylet(0)
    for one in (beside, run):
        assert one.wait(timeout=LONGEST_S) == 0, (built.home / "driver.log").read_text()[-3000:]
    assert equal(sweep, truth=truth, store=str(store), town=built)
    assert Ledger(Store.open(str(store), create=False)).failures().num_rows == 0
    assert not list((tmp_path / "undisturbed" / SCRATCH).glob("*"))
    wait_for(lambda: not built.workers(), seconds=60)
    assert placement_groups(built) == 0
