"""Compositions drawn and looked at on local Ray, before anything is trained."""

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyarrow.parquet as pq
import pytest

from terrasweep.infra.storage.store import Store
from terrasweep.pipelines.reading.contents import drawn, pooled
from terrasweep.samplers.geography.strata import UNKNOWN
from terrasweep.sweeps.cli import main
from terrasweep.sweeps.plan.draws import draws
from terrasweep.sweeps.plan.grid import plan
from terrasweep.sweeps.reading.sweep_file import read

pytestmark = [pytest.mark.ray, pytest.mark.slow]


@pytest.fixture(scope="module")
def store(local_ray, tmp_path_factory) -> Store:
    store = Store.open(str(tmp_path_factory.mktemp("store")))
    assert main(["composition", "draw", "smoke", "--store", store.uri]) == 0
    return store


def told(store: Store, capsys: pytest.CaptureFixture[str], *line: str):
    capsys.readouterr()
    assert main([*line, "--store", store.uri, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_drawing_makes_the_draws_and_what_they_need_and_trains_nothing(store: Store, capsys):
    planned = plan(read("smoke"))
    made = {step.stage for step in planned.steps if store.has(step.key)}
    assert made == {"shard", "task", "sample"}
    before = store.list("sample")
    rows = told(store, capsys, "composition", "draw", "smoke")
    assert store.list("sample") == before
    counts = {row["composition"]: (row["samples"], row["europe"], row["short"]) for row in rows}
    assert counts["europe"] == (300, 300, 0)
    assert counts["stratified"] == (300, 50, 0)


def test_a_card_is_of_the_manifest(store: Store, capsys, tmp_path: Path):
    found = told(store, capsys, "composition", "card", "smoke", "--out", str(tmp_path))
    assert found["synthetic"]
    assert {path.name for path in tmp_path.glob("cards.*")} == {"cards.html", "cards.json"}
    for draw in draws(plan(read("smoke"))):
        rows = pq.read_table(store.folder(draw.step.key) / "manifest.parquet")
        card = found["compositions"][draw.name]
        assert card["size"] == rows.num_rows == sum(card["cells"]["counts"].values())
        continents = rows.column("continent").to_pylist()
        for value, own in card["strata"]["continent"]["values"].items():
            assert own["count"] == continents.count(value)
        assert card["spectral_entropy"]["known"] == rows.num_rows
    pairs = {(pair["one"], pair["other"]): pair["jaccard"] for pair in found["overlap"]}
    ids = {
        draw.name: set(drawn(store, draw.step.key).ids.tolist())
        for draw in draws(plan(read("smoke")))
    }
    assert pairs == pytest.approx(
        {(a, b): len(ids[a] & ids[b]) / len(ids[a] | ids[b]) for a, b in pairs}
    )
    assert len(pairs) == 3


def test_one_composition_is_shown_beside_all_others(store: Store, capsys, tmp_path: Path):
    line = ("composition", "card", "smoke", "--composition", "europe", "--out", str(tmp_path))
    found = told(store, capsys, *line)
    assert list(found["compositions"]) == ["europe"]
    assert [{pair["one"], pair["other"]} for pair in found["overlap"]] == [
        {"uniform", "europe"},
        {"europe", "stratified"},
    ]


def test_the_pool_is_audited_from_all_of_its_index(store: Store, capsys):
    (pool,) = told(store, capsys, "pool", "show", "smoke")["pools"].values()
    (shard,) = (step for step in plan(read("smoke")).steps if step.stage == "shard")
    parts = [pq.read_table(path) for path in (store.folder(shard.key) / "index").iterdir()]
    continents = [one for part in parts for one in part.column("continent").to_pylist()]
    assert pool["size"] == len(continents) == 3000
    shares = pool["strata"]["continent"]["values"]
    assert {name: own["count"] for name, own in shares.items()} == {
        name: continents.count(name) for name in shares
    }
    assert pool["strata"]["continent"]["unknown"] == continents.count(UNKNOWN["continent"])
    cells = np.concatenate([np.asarray(part.column("cell")) for part in parts])
    shares = np.unique(cells, return_counts=True)[1] / cells.size
    by_hand = np.exp(-np.sum(shares * np.log(shares)))
    assert pooled(store, shard.key).effective_cells == pytest.approx(by_hand)


@pytest.mark.parametrize("of", ["samples", "cells"])
def test_what_is_exported_is_what_was_drawn(store: Store, capsys, tmp_path: Path, of: str):
    path = tmp_path / "out.parquet"
    line = ("composition", "export", "smoke", "--composition", "uniform", "--to", str(path))
    assert told(store, capsys, *line, "--of", of)["file"] == str(path)
    found = gpd.read_parquet(path)
    assert found.crs.equals("EPSG:4326")
    assert (found["samples"].sum() if of == "cells" else len(found)) == 300


def test_a_store_on_s3_tells_and_exports_the_same(
    store: Store, s3: str, capsys, tmp_path: Path, monkeypatch
):
    monkeypatch.chdir(tmp_path)  # a remote store's pages are written here as well
    remote, tables = Store.open(f"{s3}/looked-at"), []
    assert main(["composition", "draw", "smoke", "--store", remote.uri]) == 0
    for line in (("pool", "show", "smoke"), ("composition", "card", "smoke")):
        ours, theirs = (told(one, capsys, *line) for one in (store, remote))
        for found in (ours, theirs):
            found.pop("page", None)  # where it was written
        assert theirs == ours
    for one in (store, remote):
        path = tmp_path / f"{len(tables)}.parquet"
        line = ("composition", "export", "smoke", "--composition", "uniform", "--to", str(path))
        told(one, capsys, *line)
        tables.append(pq.read_table(path))
    assert tables[0].equals(tables[1])
