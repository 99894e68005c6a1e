"""The sweep of a round of chaos, and what must be left of it: the rows nobody disturbed."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from terrasweep.infra.errors import StoreError
from terrasweep.infra.storage.ledger import Ledger
from terrasweep.infra.storage.store import Store
from terrasweep.sweeps.plan.grid import plan
from terrasweep.sweeps.reading.sweep_file import read
from tests.support.ray_town import Town

SWEEP = """
name: chaos
question: What is left?
hypothesis: What would have been.
compositions: [{{name: zero, rule: {{kind: zero}}}}, {compositions}]
baseline: u{baseline}
models:
  - name: tiny
    model: {{name: tiny}}
    pool: {{name: planet, size: 600}}
    tasks: [{{name: crop, task: {{name: planet_crop, per_continent: 60}}}}]
continents: [africa, europe]
n: [20]
protocols: [linear]
seeds: 2
"""
LEFT = """
import sys, time, ray
ray.init(address=sys.argv[1], log_to_driver=False)
for _ in range(60):
    table = ray.util.placement_group_table().values()
    left = [one for one in table if one["state"] != "REMOVED"]
    if not left:
        break
    time.sleep(1)
print("left", len(left))
"""


def written(path: Path, rounds: Sequence[int]) -> Path:
    """Write the sweep of some rounds."""
    made = [f"{{name: u{n}, rule: {{kind: uniform}}, size: {60 + n}}}" for n in rounds]
    path.write_text(SWEEP.format(compositions=", ".join(made), baseline=rounds[0]))
    return path


def equal(sweep: Path, *, truth: pa.Table, store: str, town: Town) -> bool:
    """Say whether a store holds the rows of a sweep as they should be, and nothing torn."""
    keys = pa.array(sorted(str(cell.step.key) for cell in plan(read(str(sweep))).included))
    ledger = Ledger(_opened(store, town))
    found, wanted = (_of(table, keys) for table in (ledger.truth(), truth))
    return bool(len(found) == len(keys) and found.equals(wanted) and not ledger.torn())


def placement_groups(town: Town) -> int:
    """Return how many placement groups are left, some time after the last driver."""
    done = subprocess.run(
        [sys.executable, "-c", LEFT, town.address],
        env=town.env,
        capture_output=True,
        text=True,
        check=True,
    )
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("left "))
    return int(line.split()[1])


def _of(table: pa.Table, keys: pa.Array) -> pa.Table:
    mine = table.filter(pc.is_in(table["key"], keys))
    return mine.sort_by("key").combine_chunks()


def _opened(store: str, town: Town) -> Store:
    os.environ.update({name: value for name, value in town.env.items() if "AWS" in name})
    try:
        return Store.open(store, create=False)
    except StoreError:
        time.sleep(2)
        return Store.open(store, create=False)
