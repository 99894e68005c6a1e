"""Asked to stop, a run has pretrainings save, writes down what it has, and says how to go on."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from terrasweep.infra.install import import_root
from terrasweep.infra.storage.ledger import Ledger
from terrasweep.infra.storage.store import Store

pytestmark = [pytest.mark.ray, pytest.mark.slow]

LONG = """
name: long
question: Does a run stop in good order?
hypothesis: It does.
baseline: zero
size: 300
compositions: [zero, uniform]
models:
  - name: tiny
    model: {name: tiny}
    training: {epochs: 5000, batch_size: 64}
    pool: {name: planet, size: 1500}
    tasks: [{name: crop, task: {name: planet_crop, per_continent: 100}}]
continents: [africa]
n: [40]
protocols: [linear]
seeds: 3
"""


def test_sigterm_saves_a_pretraining_in_the_middle_and_ends_with_143(tmp_path: Path):
    (tmp_path / "long.yaml").write_text(LONG)
    store = tmp_path / "store"
    command = ["run", "long.yaml", "--store", str(store), "--save-every-s", "36000"]
    command += ["--tracking", "off"]
    with subprocess.Popen(
        [sys.executable, "-m", "terrasweep", *command],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(import_root())},
        stderr=subprocess.PIPE,
        text=True,
    ) as driver:
        assert driver.stderr is not None
        for line in driver.stderr:
            if re.search(r"pretrain 0 \+ 0\.(0[1-9]|[1-9])", line):  # well under way
                break
        family = psutil.Process(driver.pid).children(recursive=True)
        driver.send_signal(signal.SIGTERM)
        rest = ""
        for line in driver.stderr:  # not to its end: what Ray leaves behind for a moment holds it
            rest += line
            if line.startswith("terrasweep: "):
                break
        driver.wait(timeout=60)
    assert driver.returncode == 143, rest
    _, left = psutil.wait_procs(family, timeout=30)
    assert len(family) > 9
    assert not left, "Ray's agents would stay for a minute"
    assert "terrasweep: stopped; finished work is kept, continue with `terrasweep run" in rest
    assert "Traceback" not in rest
    found = Store.open(str(store), create=False)
    states = [path for path in found.list("progress/pretrain") if "/states/" in path]
    assert len(states) == 1, "nobody but the driver asked for a savepoint"
    assert not [path for path in found.list("progress/pretrain") if path.endswith("/save")]
    assert Ledger(found).failures().num_rows == 0
