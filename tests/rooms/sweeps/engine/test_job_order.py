"""In which order things are made: early results compare all compositions."""

from collections import Counter

import pytest

from terrasweep.infra.context import Resources
from terrasweep.sweeps.engine.job_order import bundled, jobs
from terrasweep.sweeps.plan.grid import Plan, plan
from terrasweep.sweeps.reading.sweep_file import read
from tests.support.cells import several


@pytest.mark.parametrize(("features", "seeds", "slots", "size"), [(1, 1, 2, 0), (3, 40, 2, 0)])
def test_every_cell_is_in_one_bundle_with_cells_of_the_same_features(features, seeds, slots, size):
    asked = several(features, seeds)
    bundles = [bundle for _, bundle in bundled(asked, slots=slots, size=size)]
    assert Counter(c.key for b in bundles for c in b) == Counter(c.key for c in asked)
    assert all(len({cell.need("encode").key for cell in bundle}) == 1 for bundle in bundles)
    assert len(bundles) >= min(slots, len(asked))


def test_compositions_take_turns():
    bundles = bundled(several(3, 6), slots=2, size=2)
    assert [(turn, len(bundle)) for turn, bundle in bundles] == [
        (turn, 2) for turn in range(3) for _ in range(3)
    ]
    first = [bundle[0].need("encode").key for _, bundle in bundles[:3]]
    assert len(set(first)) == 3


def smoke(**said: object) -> Plan:
    sweep = read("smoke").model_copy(update={"replicates": 2, **said})
    return plan(sweep)


def ordered(planned: Plan, stage: str) -> list[str]:
    made = jobs(
        planned.steps,
        [cell.step for cell in planned.included],
        planned=planned,
        resources=Resources(cells_per_bundle=4),
    )
    mine = sorted((one for one in made if one.stage == stage), key=lambda one: one.rank)
    return [one.steps[0].label for one in mine]


def test_the_first_replicate_of_everything_comes_before_the_second_of_anything():
    replicates = [label.rpartition("--r")[2] for label in ordered(smoke(), "pretrain")]
    assert replicates == sorted(replicates)
    assert len(set(replicates)) == 2


def test_priority_goes_before_replicates():
    compositions = read("smoke").compositions
    raised = [
        one.model_copy(update={"priority": 1}) if one.name == "europe" else one
        for one in compositions
    ]
    labels = ordered(smoke(compositions=tuple(raised)), "pretrain")
    assert ["europe" in label for label in labels[:3]] == [True, True, False]


def test_a_bundle_holds_the_first_seeds_of_all_places():
    planned = smoke(seeds=(0, 1, 2), replicates=1)
    sizes = {c.spec.continent for c in (cell.step for cell in planned.included)}
    (_, first), *_ = bundled([c.step for c in planned.included], slots=1, size=len(sizes))
    assert {cell.spec.seed for cell in first} == {0}
    assert {cell.spec.continent for cell in first} == sizes


def test_all_draws_from_one_pool_are_one_job():
    planned = smoke()
    made = jobs(planned.steps, planned=planned, resources=Resources())
    draws = [one for one in made if one.stage == "sample"]
    assert len(draws) == 1
    assert len(draws[0].steps) == sum(step.stage == "sample" for step in planned.steps)
