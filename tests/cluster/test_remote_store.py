"""Shards and samples where the store is not on this machine: everything goes through it."""

import hashlib
from pathlib import Path

import pytest

from terrasweep.infra.context import Context
from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Step
from terrasweep.infra.storage.store import Store
from terrasweep.pipelines.spec import SampleSpec, ShardSpec
from terrasweep.pipelines.stages import sample, shard
from terrasweep.samplers.pools.planet.spec import PlanetSpec
from terrasweep.samplers.spec.composition import CompositionSpec
from terrasweep.samplers.spec.rules import Stratified

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("local_ray")]

SHARD: Step[Spec] = Step("shard", ShardSpec(pool=PlanetSpec(name="planet", size=300), coarse=0))
COMPOSITION = CompositionSpec(rule=Stratified(short="redistribute"), size=60)
SAMPLE: Step[Spec] = Step("sample", SampleSpec(composition=COMPOSITION), (SHARD,))


def checksums(store: Store) -> dict[str, str]:
    """Make the shards and the sample, and return the checksum of every file of both."""
    context = Context(store)
    store.make(SHARD, lambda folder: shard.make(SHARD, context=context, folder=folder))
    sample.make_many([SAMPLE], context=context)
    folders = [store.folder(step.key) for step in (SHARD, SAMPLE)]
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_remote_store_holds_the_same_bytes_as_a_local_one(s3: str, tmp_path: Path):
    remote, local = Store.open(s3), Store.open(str(tmp_path / "store"))
    found = checksums(remote)
    assert "manifest.parquet" in found
    assert found == checksums(local)
    assert remote.list("progress") == []
