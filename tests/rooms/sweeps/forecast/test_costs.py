"""Prices come from records: none without one, and in proportion to the work with one."""

import json
from dataclasses import dataclass, field
from math import isclose, sqrt
from pathlib import Path
from statistics import stdev

import pytest
from scipy import stats

from terrasweep.infra.storage.blobs import LocalBlobs
from terrasweep.infra.storage.ledger import Ledger
from terrasweep.infra.storage.store import Store
from terrasweep.sweeps.forecast.outlook import Outlook, outlook
from terrasweep.sweeps.plan.grid import plan
from terrasweep.sweeps.reading.sweep_file import read
from terrasweep.sweeps.spec.sweep import Sweep
from tests.support.made import finish, make_steps, value_of, write_plan


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(str(tmp_path / "store"))


def stage(found: Outlook, name: str) -> tuple[int, int, int]:
    (one,) = (one for one in found.stages if one.stage == name)
    return one.planned, one.made, one.to_make


def with_size(sweep: Sweep, size: int) -> Sweep:
    grown = [
        one.model_copy(update={"size": size}) if one.size else one for one in sweep.compositions
    ]
    return sweep.model_copy(update={"compositions": tuple(grown)})


def test_nothing_is_guessed_without_a_record(store: Store):
    found = outlook(plan(read("smoke")), store=store)
    assert {one.cost for one in found.stages} == {None}
    assert found.new == ("uniform", "europe", "stratified")
    assert [width.half_width for width in found.widths] == [None]


def test_what_is_made_is_counted_and_costs_nothing(store: Store):
    planned = plan(read("smoke"))
    make_steps(planned.steps, store=store)
    finish(planned.included[:10], store=store)
    found = outlook(planned, store=store)
    assert stage(found, "pretrain") == (3, 3, 0)
    assert stage(found, "finetune") == (24, 10, 14)
    assert found.new == ()
    costs = {one.stage: one.cost for one in found.stages}
    assert costs["pretrain"] is not None
    assert (costs["pretrain"].seconds, costs["pretrain"].bytes) == (0, 0)
    assert costs["finetune"] is not None
    assert isclose(costs["finetune"].seconds, 14 * 0.5)


def test_a_larger_composition_costs_in_proportion(store: Store):
    """Twice the samples take twice the time of a pretraining, as the records tell it."""
    make_steps(plan(read("smoke")).steps, store=store, size=600)
    for path in (store.local_root / "pretrain").glob("*.json"):
        record = json.loads(path.read_text())
        record["provenance"]["seconds"] = 12.0
        path.write_text(json.dumps(record))
    found = outlook(plan(with_size(read("smoke"), 600)), store=store)
    (cost,) = (one.cost for one in found.stages if one.stage == "pretrain")
    assert cost is not None
    assert (cost.seconds, cost.bytes) == (pytest.approx(3 * 24.0), 3 * 1200)
    assert found.new == ("uniform", "europe", "stratified")


def test_another_network_has_no_record_yet(store: Store):
    make_steps(plan(read("smoke")).steps, store=store)
    found = outlook(plan(read("quickstart")), store=store)
    costs = {one.stage: one.cost for one in found.stages}
    assert costs["pretrain"] is None
    assert costs["encode"] is None
    assert costs["shard"] is not None


def test_the_expected_interval_follows_from_paired_differences(store: Store):
    """Half of Student's interval at the planned number of seeds, from this sweep's own results."""
    planned = plan(read("smoke"))
    finish(planned.included, store=store)
    more = plan(read("smoke").model_copy(update={"seeds": tuple(range(12))}))
    (width,) = outlook(more, store=store).widths
    value = {(c.composition, c.continent, c.seed): value_of(c) for c in planned.included}
    groups = [
        [value[one, place, seed] - value["uniform", place, seed] for seed in range(3)]
        for one in ("zero", "europe", "stratified")
        for place in ("africa", "europe")
    ]
    pooled = sqrt(sum(stdev(group) ** 2 for group in groups) / len(groups))
    assert width.half_width == pytest.approx(stats.t.ppf(0.975, 11) * pooled / sqrt(12))
    assert (width.num_pairs, width.unit) == (18, "seed")


def test_an_earlier_sweep_with_the_same_names_tells_the_interval(store: Store):
    earlier = plan(read("smoke"))
    finish(earlier.included, store=store)
    write_plan(earlier, store=store)
    new = read("smoke").model_copy(update={"name": "new", "guard_rings": 3})
    (width,) = outlook(plan(new), store=store).widths
    assert width.num_pairs == 18


def test_replicates_are_the_unit_where_there_are_several(store: Store):
    many = plan(read("smoke").model_copy(update={"replicates": 3}))
    finish(many.included, store=store)
    (width,) = outlook(many, store=store).widths
    assert (width.unit, width.num_pairs) == ("replicate", 18)


def test_one_replicate_more_is_needed_where_only_one_was_run(store: Store):
    finish(plan(read("smoke")).included, store=store)
    many = plan(read("smoke").model_copy(update={"replicates": 3}))
    (width,) = outlook(many, store=store).widths
    assert width.half_width is None


@dataclass(frozen=True)
class CountedBlobs(LocalBlobs):
    """A local folder that counts what it is asked."""

    asked: list[str] = field(default_factory=list)

    def get(self, path: str) -> bytes | None:
        self.asked.append(path)
        return super().get(path)

    def sizes(self, folder: str, *, deep: bool) -> dict[str, int]:
        self.asked.append(folder)
        return super().sizes(folder, deep=deep)


def test_a_finished_sweep_is_planned_without_a_request_per_key(store: Store):
    """Ten times the cells take as many requests: listings, records of steps, ledger parts."""
    few = plan(read("smoke"))
    many = plan(read("smoke").model_copy(update={"seeds": tuple(range(30))}))
    assert store.local_root is not None
    asked = []
    for planned in (few, many):
        make_steps(planned.steps, store=store)
        finish(planned.included, store=store)
        Ledger(store).compact()
        blobs = CountedBlobs(store.local_root)
        found = outlook(planned, store=Store(store.uri, blobs, writable=False))
        assert [one.to_make for one in found.stages] == [0] * 7
        asked.append(len(blobs.asked))
    assert asked[0] == asked[1] <= len(few.steps) + 10
