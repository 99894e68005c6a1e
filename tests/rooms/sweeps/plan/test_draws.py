"""Which draws and pools a sweep has, and what people call them."""

from pathlib import Path

import pytest

from terrasweep.infra.errors import SpecError, StoreError
from terrasweep.infra.storage.store import Store
from terrasweep.pipelines.spec import ShardSpec
from terrasweep.samplers.pools.planet.spec import PlanetSpec
from terrasweep.sweeps.commands.pool import read_pools
from terrasweep.sweeps.engine.prepare import missing
from terrasweep.sweeps.plan.draws import chosen, draws, pools
from terrasweep.sweeps.plan.grid import plan
from terrasweep.sweeps.reading.sweep_file import read
from terrasweep.sweeps.spec.sweep import Sweep
from tests.support.made import make_steps


@pytest.fixture(scope="module")
def smoke() -> Sweep:
    return read("smoke")


def with_two_pools(sweep: Sweep, *, size: int) -> Sweep:
    (entry,) = sweep.models
    other = entry.model_copy(update={"name": "other", "pool": PlanetSpec(name="planet", size=size)})
    return sweep.model_copy(update={"models": (entry, other)})


def test_a_sweep_draws_what_its_plan_needs_and_nothing_for_no_pretraining(smoke: Sweep):
    planned = plan(smoke.model_copy(update={"replicates": 2}))
    found = draws(planned)
    assert {draw.step.key for draw in found} == {
        step.key for step in planned.steps if step.stage == "sample"
    }
    names = [(draw.name, draw.replicate) for draw in found]
    assert names == [(n, r) for n in ("uniform", "europe", "stratified") for r in (0, 1)]


def test_models_that_share_a_pool_share_its_draws_and_others_are_told_apart(smoke: Sweep):
    shared, apart = (with_two_pools(smoke, size=size) for size in (3000, 4000))
    assert list(pools(shared.models)) == ["tiny"]
    assert [draw.name for draw in draws(plan(shared))] == ["uniform", "europe", "stratified"]
    assert list(pools(apart.models)) == ["tiny", "other"]
    found = draws(plan(apart))
    assert {draw.name for draw in found if draw.composition == "europe"} == {
        "europe from tiny",
        "europe from other",
    }
    one = chosen(found, composition="europe from other", replicate=0, sweep="smoke")
    assert [draw.pool for draw in one] == ["other"]


def test_a_draw_that_is_not_there_is_told_with_those_that_are(smoke: Sweep):
    found = draws(plan(smoke))
    with pytest.raises(SpecError, match=r"got 'erope'\. Fix: did you mean 'europe'"):
        chosen(found, composition="erope", replicate=0, sweep="smoke")
    with pytest.raises(SpecError, match=r"no replicate 4\. Fix: choose one of 0"):
        chosen(found, composition=None, replicate=4, sweep="smoke")


def test_only_what_is_asked_for_and_not_there_is_made(smoke: Sweep, tmp_path: Path):
    store = Store.open(str(tmp_path))
    found = draws(plan(smoke))
    targets = [draw.step for draw in found]
    everything = missing(targets, store=store)
    assert [step.stage for step in everything] == ["shard", "task", "sample", "sample", "sample"]
    make_steps(everything[:3], store=store)
    assert missing(targets, store=store) == everything[3:]
    assert missing(targets[:1], store=store) == []  # of its needs nothing is asked again


def test_a_pool_is_named_by_adapter_by_file_and_by_sweep(smoke: Sweep, tmp_path: Path):
    (by_name,) = read_pools("planet").steps.values()
    assert by_name.spec == ShardSpec(pool=PlanetSpec(name="planet"))
    file = tmp_path / "mine.yaml"
    file.write_text("pool: {name: planet, size: 3000}\n")
    by_file, by_sweep = read_pools(str(file)), read_pools("smoke")
    assert by_file.title == "mine"
    assert [step.key for step in by_file.steps.values()] == [
        step.key for step in by_sweep.steps.values()
    ]


def test_a_pool_that_makes_no_sense_is_told_where_it_stands(tmp_path: Path):
    file = tmp_path / "mine.yaml"
    file.write_text("pool:\n  name: planet\n  sise: 3000\n")
    with pytest.raises(SpecError, match=r"mine\.yaml:3:\d+: .*'sise'\. Fix: did you mean 'size'"):
        read_pools(str(file))
    with pytest.raises(
        SpecError, match=r"no default for path\. Fix: write a file with `pool: \{name: "
    ):
        read_pools("parquet")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["composition", "card", "smoke"], "`terrasweep composition draw smoke` makes them"),
        (["pool", "show", "smoke"], "`terrasweep pool build smoke` makes it"),
        (["pool", "sho"], "did you mean 'show'?"),
        (["composition", "export", "smoke"], "--composition"),
    ],
)
def test_what_is_not_there_yet_is_told_with_the_command_that_makes_it(
    line: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    from terrasweep.sweeps.cli import main

    Store.open(str(tmp_path))
    assert main([*line, "--store", str(tmp_path)]) == StoreError.exit_code
    (said,) = capsys.readouterr().err.splitlines()
    assert words in said
