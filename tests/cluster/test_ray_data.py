"""Shards and samples by Ray Data, held against one process that reads the pool as a whole."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from terrasweep.infra.context import Context, Progress, quiet
from terrasweep.infra.errors import PoolError
from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Step
from terrasweep.infra.storage.store import Store
from terrasweep.pipelines.sharding import work
from terrasweep.pipelines.spec import SampleSpec, ShardSpec, TaskDataSpec
from terrasweep.pipelines.stages import sample, shard
from terrasweep.samplers.audit.draw_card import Guard
from terrasweep.samplers.draw import census
from terrasweep.samplers.draw.index import INDEX
from terrasweep.samplers.draw.scan import (
    Candidates,
    DrawRequest,
    prefilter,
    prepare,
    select,
    unbounded,
)
from terrasweep.samplers.formats.arrays import to_arrays, to_table
from terrasweep.samplers.geography.cells import disk
from terrasweep.samplers.intake.admit import admit, layout
from terrasweep.samplers.intake.spectral_entropy import definition
from terrasweep.samplers.pools.planet import pool as planet
from terrasweep.samplers.pools.planet.spec import PlanetSpec
from terrasweep.samplers.spec.composition import CompositionSpec
from terrasweep.samplers.spec.entropy import EntropySpec
from terrasweep.samplers.spec.places import Cities, EntropyTop, NaturalForest, Only, PerSample
from terrasweep.samplers.spec.rules import EntropyWeighted, Rule, Stratified, Uniform
from terrasweep.samplers.tasks.planet_biome.spec import PlanetBiomeSpec
from tests.support.drawing import OPEN, facts_of

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("local_ray")]

SIZE = 9_000
POOL = PlanetSpec(name="planet", size=SIZE)
SHARD: Step[Spec] = Step("shard", ShardSpec(pool=POOL))
RULES: tuple[Rule, ...] = (
    Uniform(),
    PerSample(),
    Cities(radius_km=200.0),
    NaturalForest(),
    EntropyTop(),
    EntropyWeighted(),
    Stratified(over="land_cover", short="redistribute"),
    Only(values=("africa", "asia")),
    Stratified(),
    Stratified(over="biome", short="redistribute"),
    Stratified(over="climate", shares="proportional", short="redistribute"),
)


def sample_step(
    rule: Rule, *needs: Step[Spec], size: int = 300, replicate: int = 0, rings: int | None = None
) -> Step[SampleSpec]:
    composition = CompositionSpec(rule=rule, size=size)
    spec = SampleSpec(composition=composition, replicate=replicate, guard_rings=rings)
    return Step("sample", spec, needs or (SHARD,), label=f"{rule.kind}--r{replicate}")


def make(
    step: Step[Spec], stage: Callable[..., None], store: Store, progress: Progress = quiet
) -> Path:
    context = Context(store, progress=progress)
    store.make(step, lambda folder: stage(step, context=context, folder=folder))
    return store.folder(step.key)


def manifest(store: Store, step: Step[Spec]) -> bytes:
    return (store.folder(step.key) / "manifest.parquet").read_bytes()


def ids(store: Store, step: Step[Spec]) -> list[str]:
    table = pq.read_table(store.folder(step.key) / "manifest.parquet")
    found: list[str] = table.column("id").to_pylist()
    return found


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, local_ray: None) -> Store:
    opened = Store.open(str(tmp_path_factory.mktemp("store")))
    make(SHARD, shard.make, opened)
    return opened


@pytest.fixture(scope="module")
def whole_pool() -> dict[str, np.ndarray]:
    """The pool as one process reads it."""
    parts = [planet.read(POOL, chunk) for chunk in range(planet.chunks(POOL))]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def test_shards_hold_every_sample_of_the_pool_once_with_its_pixels(
    store: Store, whole_pool: dict[str, np.ndarray]
):
    cells = store.folder(SHARD.key) / "cells"
    tables = [pq.read_table(path) for path in sorted(cells.iterdir())]
    rows = to_arrays(pa.concat_tables(tables))
    order, expected = np.argsort(rows["id"]), np.argsort(whole_pool["id"])
    for name, column in whole_pool.items():
        assert np.array_equal(rows[name][order], column[expected]), name


def test_a_shard_holds_one_coarse_cell_sorted_by_cell_and_id(store: Store):
    for path in (store.folder(SHARD.key) / "cells").iterdir():
        rows = pq.read_table(path, columns=["coarse", "cell", "id"])
        assert {work.shard_name(cell) for cell in rows.column("coarse").to_pylist()} == {path.name}
        keys = list(zip(*(rows.column(name).to_pylist() for name in ("cell", "id")), strict=True))
        assert keys == sorted(keys)


def test_the_census_counts_what_lies_in_the_shards(store: Store):
    folder = store.folder(SHARD.key)
    columns = [field.name for field in census.CENSUS if field.name != "count"]
    tables = [pq.read_table(path, columns=columns) for path in (folder / "cells").iterdir()]
    counted = pq.read_table(folder / "census.parquet")
    assert counted.equals(census.count(pa.concat_tables(tables)))
    assert sum(counted.column("count").to_pylist()) == SIZE
    assert pq.read_table(folder / "rejects.parquet").num_rows == 0


def test_nothing_is_left_under_progress(store: Store):
    assert store.list("progress") == []


def test_shards_are_the_same_bytes_after_an_interruption(store: Store, tmp_path: Path):
    """What was taken in before is not read again."""
    other = Store.open(str(tmp_path / "other"))
    home = tmp_path / "other" / "progress" / str(SHARD.key)
    before: dict[str, int] = {}
    seen: dict[str, int] = {}

    def stamps() -> dict[str, int]:
        return {path.name: path.stat().st_mtime_ns for path in (home / "reports").iterdir()}

    def interrupt(done: float, total: float) -> None:
        before.update(stamps())
        raise KeyboardInterrupt

    def look(done: float, total: float) -> None:
        if not seen:
            seen.update(stamps())

    with pytest.raises(KeyboardInterrupt):
        make(SHARD, shard.make, other, progress=interrupt)
    assert not other.has(SHARD.key)
    make(SHARD, shard.make, other, progress=look)
    assert before
    assert before == {name: seen[name] for name in before}
    records = [one.record(SHARD.key) for one in (store, other)]
    assert records[0].artefacts == records[1].artefacts


def test_one_scan_for_all_draws_the_same_bytes_as_a_scan_for_each(store: Store, tmp_path: Path):
    steps = [sample_step(rule, replicate=replicate) for rule in RULES for replicate in range(2)]
    sample.make_many(steps, context=Context(store))
    for step in steps:
        folder = tmp_path / step.key.digest
        folder.mkdir()
        sample.make(step, context=Context(store), folder=folder)
        for name in ("manifest.parquet", "card.json"):
            assert (folder / name).read_bytes() == (store.folder(step.key) / name).read_bytes()
    assert len({manifest(store, step) for step in steps}) == len(steps)


def test_other_shards_give_the_same_draws(store: Store, tmp_path: Path):
    other = Store.open(str(tmp_path / "other"))
    cut: Step[Spec] = Step("shard", ShardSpec(pool=POOL, coarse=0))
    make(cut, shard.make, other)
    ours, theirs = ([sample_step(rule, need) for rule in RULES] for need in (SHARD, cut))
    sample.make_many(ours, context=Context(store))
    sample.make_many(theirs, context=Context(other))
    for one, same in zip(ours, theirs, strict=True):
        assert ids(store, one) == ids(other, same)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_ray_draws_the_same_bytes_as_one_process(
    store: Store, whole_pool: dict[str, np.ndarray], tmp_path: Path, rule: Rule
):
    """No Ray, no shards, no thresholds: the rows of lowest rank among the whole pool."""
    step = sample_step(rule)
    sample.make_many([step], context=Context(store))
    describe = work.ShardWork(store, ShardSpec(pool=POOL), folder="", num_chunks=1).describe
    rows, _ = admit(whole_pool, chunk=0, expected=layout(whole_pool), describe=describe)
    index = rows.select(INDEX.names).cast(INDEX)
    request = DrawRequest(step.spec.composition, replicate=0, guard="none")
    (bounded,) = prepare([request], facts=facts_of(index))
    everything = unbounded(bounded)
    candidates = Candidates(index, prefilter([index], prefilters=[everything], guards=OPEN).counts)
    (selection,) = select(candidates, prefilters=[everything], guards=OPEN)
    assert selection is not None
    measured = definition("series", spec=EntropySpec())
    drawn = sample.FinishedDraw(
        selection.rows,
        selection.shares,
        Guard(rings=None, excluded=0),
        everything.design.notes,
        measured,
    )
    sample.write(step, drawn, tmp_path)
    for name in ("manifest.parquet", "card.json"):
        assert (tmp_path / name).read_bytes() == (store.folder(step.key) / name).read_bytes()


def test_the_number_of_tasks_that_scan_leaves_no_trace(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    step = sample_step(Uniform(), size=500)
    folders = [tmp_path / name for name in ("few", "many")]
    for folder, files in zip(folders, (100, 1), strict=True):
        folder.mkdir()
        monkeypatch.setattr(sample, "FILES_PER_TASK", files)
        sample.make(step, context=Context(store), folder=folder)
    one, other = ((folder / "manifest.parquet").read_bytes() for folder in folders)
    assert one == other


def task_at(store: Store, places: pa.Table) -> Step[Spec]:
    """A task whose test samples lie where some samples of the pool do."""
    step: Step[Spec] = Step("task", TaskDataSpec(task=PlanetBiomeSpec(name="planet_biome")))
    columns = to_arrays(places.select(["id", "lat", "lon", "cell"]))
    store.make(step, lambda folder: pq.write_table(to_table(columns), folder / "task.parquet"))
    return step


def index(store: Store) -> pa.Table:
    folder = store.folder(SHARD.key) / "index"
    return pa.concat_tables([pq.read_table(path) for path in sorted(folder.iterdir())])


def test_the_guard_keeps_away_and_the_card_counts_what_it_took(store: Store, tmp_path: Path):
    """Most of Europe is closed: the scan's first guess of how low ranks must be is too low."""
    pool = index(store)
    europe = pool.filter(np.asarray(pool.column("continent")) == "europe")
    taken = europe.slice(0, int(europe.num_rows * 0.9))
    task = task_at(store, taken)
    closed = disk(np.asarray(taken.column("cell")), rings=1)
    cells = np.asarray(pool.column("cell"))
    european = np.asarray(pool.column("continent")) == "europe"
    excluded = int((np.isin(cells, closed) & european).sum())
    free = int((~np.isin(cells, closed) & european).sum())
    step = sample_step(Only(values=("europe",)), SHARD, task, size=free, rings=1)
    sample.make_many([step], context=Context(store))
    folder = store.folder(step.key)
    drawn = np.asarray(pq.read_table(folder / "manifest.parquet").column("cell"))
    assert len(drawn) == free
    assert not np.isin(drawn, closed).any()
    card = json.loads((folder / "card.json").read_text())
    assert card["guard"] == {"rings": 1, "excluded": excluded}
    assert card["leakage"][str(task.key)]["1"] == 0.0
    assert card["leakage"][str(task.key)]["100"] > 0.0
    more = sample_step(Only(values=("europe",)), SHARD, task, size=free + 1, rings=1)
    with pytest.raises(PoolError, match=f"only--r0: .*got {free:,} that may be drawn"):
        sample.make_many([more], context=Context(store))


def test_a_pool_that_is_too_small_is_one_sentence(store: Store):
    step = sample_step(Uniform(), size=SIZE + 1)
    with pytest.raises(PoolError, match=r"uniform--r0: 9,001 samples .*got 9,000"):
        sample.make_many([step], context=Context(store))
    assert not store.has(step.key)
