"""A pool from outside, by entry point, whose rows are not all as they should be; one worker."""

import json
import os
import subprocess
import sys

import pytest

from terrasweep.infra.install import import_root

pytestmark = pytest.mark.ray

SPEC = """
from typing import Literal
from terrasweep.samplers.spec.pools import PoolSpec

class RaggedSpec(PoolSpec):
    name: Literal["ragged"] = "ragged"
    fault: Literal["rows", "columns", "all"] = "rows"
"""

POOL = """
import numpy as np

def chunks(spec):
    return 4

def read(spec, chunk):
    names = [f"{chunk}-{place}" for place in range(6)]
    columns = {
        "id": np.array(names),
        "lat": np.linspace(45, 55, 6),
        "lon": np.linspace(5, 15, 6),
        "month": np.zeros(6, np.uint8),
        "x": np.full((6, 12, 18), 900, np.float32),
    }
    if spec.fault == "columns":
        del columns["month"]
    if chunk == 1:
        columns["lat"][:2] = np.nan, 95.0
        columns["id"][5] = "0-3"
        columns["lon"][5] = -150.0
    if chunk == 2:
        columns["lat"][0], columns["lon"][0] = 30.0, -40.0
    if chunk == 2:
        columns["rejected"] = np.array(["", "", "too cloudy", "", "", ""])
    if chunk == 3:
        columns["x"] = columns["x"][:, :11]
    if spec.fault == "all":
        columns["lat"][:] = np.nan
    return columns
"""

SCRIPT = """
import json, sys
from pathlib import Path
import pyarrow.parquet as pq
from terrasweep.infra.cluster.connection import connect
from terrasweep.infra.context import Context
from terrasweep.infra.errors import PoolError
from terrasweep.infra.step import Step
from terrasweep.infra.storage.store import Store
from terrasweep.pipelines.stages import shard
from terrasweep.pipelines.spec import ShardSpec

def sharded(fault, **more):
    store = Store.open(sys.argv[1])
    step = Step("shard", ShardSpec(pool={"name": "ragged", "fault": fault, **more}))
    try:
        store.make(step, lambda at: shard.make(step, context=Context(store), folder=at))
    except PoolError as error:
        return str(error)
    folder = store.folder(step.key)
    rows = [pq.read_table(path, columns=["id", "continent"]).to_pylist()
            for path in sorted((folder / "cells").iterdir())]
    return {
        "rows": {row["id"]: row["continent"] for part in rows for row in part},
        "rejects": pq.read_table(folder / "rejects.parquet").to_pylist(),
    }

with connect(cpus=1):
    made = {fault: sharded(fault, max_rejects=1.0) for fault in ("rows", "columns", "all")}
    print(json.dumps({**made, "many": sharded("rows", max_rejects=0.3)}))
"""


@pytest.fixture(scope="module")
def sharded(tmp_path_factory: pytest.TempPathFactory) -> dict:
    outside = tmp_path_factory.mktemp("outside")
    package, about = outside / "ragged", outside / "ragged-1.dist-info"
    package.mkdir()
    about.mkdir()
    (package / "__init__.py").touch()
    (package / "spec.py").write_text(SPEC)
    (package / "pool.py").write_text(POOL)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: ragged\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[terrasweep.pools]\nragged = ragged\n")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(outside / "store")],
        cwd=outside,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(import_root()), str(outside)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict = json.loads(done.stdout.splitlines()[-1])
    return found


def test_rows_in_are_rows_out_and_rejects(sharded: dict):
    rows, rejects = sharded["rows"]["rows"], sharded["rows"]["rejects"]
    assert {reject["reason"].split(" ")[-1]: reject["ids"] for reject in rejects} == {
        "number": ["1-0"],
        "Earth": ["1-1"],
        "before": ["0-3"],
        "cloudy": ["2-2"],
        "chunk's": [f"3-{place}" for place in range(6)],
    }
    assert len(rows) + sum(reject["count"] for reject in rejects) == 4 * 6


def test_a_sample_off_the_continents_is_kept(sharded: dict):
    assert sharded["rows"]["rows"]["2-0"] == "none"
    assert sharded["rows"]["rows"]["0-3"] == "europe"


def test_a_pool_without_a_column_is_refused_in_a_sentence(sharded: dict):
    assert "got no month" in sharded["columns"]


def test_more_rejects_than_the_spec_bears_fail_the_step_with_the_table(sharded: dict):
    assert "at most 30.00% of the pool's rows rejected" in sharded["many"]
    assert "got 10 of 24" in sharded["many"]
    assert "a coordinate lies off the Earth: 1" in sharded["many"]


def test_a_pool_without_a_sound_row_is_refused_with_the_table(sharded: dict):
    assert "got none among 24 rows (a coordinate is not a finite number: 17" in sharded["all"]
