"""One draw, whatever it is drawn with: files, order of rows, workers, and where the pool lies."""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Step
from terrasweep.infra.storage.store import Store
from terrasweep.pipelines.sharding.join import index_file
from terrasweep.pipelines.spec import ShardSpec
from terrasweep.samplers.draw import census
from terrasweep.samplers.draw.index import WHERE
from terrasweep.samplers.draw.pool_facts import cell_counts, entropy_counts
from terrasweep.samplers.pools.planet.spec import PlanetSpec
from tests.support.drawing import pool_of

pytestmark = [pytest.mark.ray, pytest.mark.slow_by_nature]

SIZE = 6_000
SHARD: Step[Spec] = Step("shard", ShardSpec(pool=PlanetSpec(name="planet", size=SIZE)))
NUM_FILES = (1, 64)
NUM_WORKERS = (1, 4)

DRAW = """
import hashlib, json, sys, tempfile
from pathlib import Path
from terrasweep.infra.cluster import connection
from terrasweep.infra.context import Context
from terrasweep.infra.step import Step
from terrasweep.infra.storage.store import Store
from terrasweep.pipelines.stages import sample
from terrasweep.pipelines.spec import SampleSpec, ShardSpec
from terrasweep.samplers.spec.places import Cities, PerSample
from terrasweep.samplers.pools.planet.spec import PlanetSpec
from terrasweep.samplers.spec.rules import Component, EntropyWeighted, Mixture, Stratified
from terrasweep.samplers.spec.composition import CompositionSpec

size, cpus, *uris = sys.argv[1:]
shard = Step("shard", ShardSpec(pool=PlanetSpec(name="planet", size=int(size))))
mixed = Mixture(components=(
    Component(name="towns", rule=Cities(radius_km=30), weight=2),
    Component(name="all", rule=PerSample(), weight=1),
))
rules = (PerSample(), Stratified(short="redistribute"), EntropyWeighted(), mixed)
told = {}
with connection.connect(cpus=int(cpus), dashboard=False):
    assert connection.resources()["CPU"] == int(cpus)
    for uri in uris:
        for rule in rules:
            spec = SampleSpec(composition=CompositionSpec(rule=rule, size=300))
            with tempfile.TemporaryDirectory() as folder:
                step = Step("sample", spec, (shard,))
                sample.make(step, context=Context(Store.open(uri)), folder=Path(folder))
                for path in sorted(Path(folder).iterdir()):
                    digest = hashlib.sha256(path.read_bytes()).hexdigest()
                    told[f"{uri} {rule.kind} {path.name}"] = digest
print(json.dumps(told))
"""


def write(folder: Path, *, num_files: int, seed: int) -> None:
    """Lay a pool out as the shard step does, its rows dealt to files in an order by lot."""
    (folder / "index").mkdir()
    pool = pool_of(SIZE)
    order = np.random.Generator(np.random.PCG64(seed)).permutation(SIZE)
    where = []
    for number in range(num_files):
        rows = pool.take(order[number::num_files])
        name = f"index/{number:04d}.parquet"
        (folder / name).write_bytes(index_file(rows))
        coarse = rows.column("coarse").unique()
        where.append(pa.Table.from_arrays([coarse, pa.array([name] * len(coarse))], schema=WHERE))
    pq.write_table(pa.concat_tables(where), folder / "where.parquet")
    pq.write_table(census.count(pool), folder / "census.parquet")
    pq.write_table(pool.slice(0, 2_000), folder / "pilot.parquet")
    counts = {
        "entropies": entropy_counts(np.asarray(pool.column("entropy"))),
        "crowd": cell_counts(pool),
    }
    (folder / "counts.json").write_text(json.dumps(counts))


def laid_out(uri: str, *, num_files: int, seed: int) -> str:
    """Return the URI of a store that holds the pool in so many files."""
    store = Store.open(uri)
    store.make(SHARD, lambda folder: write(folder, num_files=num_files, seed=seed))
    record = store.record(SHARD.key)
    assert record is not None
    assert sum(name.startswith("index/") for name in record.artefacts) == num_files
    where = pq.read_table(io.BytesIO(store.get(f"{record.folder}/where.parquet") or b""))
    assert len(where.column("index").unique()) == num_files  # a scan reads all of them
    return uri


def test_a_manifest_is_the_same_byte_for_byte_whatever_it_is_drawn_with(s3: str, tmp_path: Path):
    """From 1 and 64 files, rows in another order in each, 1 and 4 workers, local disk and S3."""
    uris = [
        laid_out(f"{place}/{number}", num_files=number, seed=seed + number)
        for seed, place in enumerate((str(tmp_path), s3))
        for number in NUM_FILES
    ]
    found = []
    for workers in NUM_WORKERS:
        line = [sys.executable, "-c", DRAW, str(SIZE), str(workers), *uris]
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        found.append(json.loads(done.stdout.splitlines()[-1]))
    names = {name.split(" ", 1)[1] for name in found[0]}
    assert len(names) == 4 * len(("manifest.parquet", "card.json"))
    for name in names:
        assert len({told[f"{uri} {name}"] for told in found for uri in uris}) == 1, name
    assert len({found[0][f"{uris[0]} {name}"] for name in names}) == len(names)
