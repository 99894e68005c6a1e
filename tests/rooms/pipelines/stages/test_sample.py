import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from terrasweep.infra.context import Context
from terrasweep.infra.errors import StoreError
from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Step
from terrasweep.infra.storage.store import Store
from terrasweep.pipelines.spec import SampleSpec, ShardSpec
from terrasweep.pipelines.stages.sample import FinishedDraw, draw_many, write
from terrasweep.samplers.audit.draw_card import Guard
from terrasweep.samplers.draw.index import INDEX, MANIFEST
from terrasweep.samplers.draw.quota import StratumShare
from terrasweep.samplers.pools.planet.spec import PlanetSpec
from terrasweep.samplers.spec.composition import CompositionSpec
from terrasweep.samplers.spec.rules import Uniform

SHARD: Step[Spec] = Step("shard", ShardSpec(pool=PlanetSpec(name="planet")))
TWO = SampleSpec(composition=CompositionSpec(rule=Uniform(), size=2), replicate=3)


def test_a_draw_is_written_as_a_manifest_and_a_card(tmp_path: Path):
    row = {"rank_hash": 9, "coarse": 1, "cell": 2, "continent": "asia", "biome": 4, "climate": 7}
    row |= {"land_cover": "trees", "realm": "none", "ecoregion": "none"}
    place = {"lat": 1.0, "lon": 2.0, "entropy": 0.5, "city_km": 80.0}
    rows = pa.Table.from_pylist([{"id": name, **row, **place} for name in "ab"], schema=INDEX)
    drawn = FinishedDraw(
        rows, (StratumShare("all", asked=2, available=5, taken=2),), Guard(1, excluded=3)
    )
    write(Step("sample", TWO, (SHARD,)), drawn, tmp_path)
    manifest = pq.read_table(tmp_path / "manifest.parquet")
    assert manifest.schema.equals(MANIFEST)
    assert manifest.column("id").to_pylist() == ["a", "b"]
    about = json.loads((tmp_path / "card.json").read_text())
    assert about["guard"] == {"rings": 1, "excluded": 3}
    assert about["replicate"] == 3
    assert {path.name for path in tmp_path.iterdir()} == {"manifest.parquet", "card.json"}


def test_a_draw_from_shards_that_were_not_made_says_so(tmp_path: Path):
    context = Context(Store.open(str(tmp_path)))
    with pytest.raises(
        StoreError, match=f"files of step {SHARD.key}, got no record of it. Fix: run the step first"
    ):
        draw_many([Step("sample", TWO, (SHARD,))], context=context)
