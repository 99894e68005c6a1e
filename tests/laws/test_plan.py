"""Law 9: a plan is the full product of its axes, whatever the order they were written in."""

import dataclasses
from itertools import product

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from terrasweep.infra.storage.axes import AXIS_NAMES
from terrasweep.sweeps.plan.grid import Cell, Plan, plan
from terrasweep.sweeps.spec.sweep import Exclusion, Sweep
from tests.support.strategies import sweeps

PLACES = ("composition", "model", "task", "continent", "n", "protocol", "seed", "replicate")
AXES = ("compositions", "models", "continents", "n", "protocols", "seeds")

few = settings(  # each plans some hundred cells; not every task suits every network
    max_examples=max(10, settings().max_examples // 2),
    suppress_health_check=[HealthCheck.filter_too_much],
)


def places(planned: Plan) -> list[tuple[object, ...]]:
    return [tuple(getattr(cell, place) for place in PLACES) for cell in planned.cells]


# Every combination of the axes is planned, each once, and nothing else is.


@few
@given(sweeps())
def test_a_plan_is_the_full_product(sweep: Sweep):
    product_of_axes = {
        (
            composition.name,
            model.name,
            task.name,
            continent.value,
            n,
            protocol.name,
            seed,
            replicate,
        )
        for model in sweep.models
        for composition, task, continent, n, protocol, seed, replicate in product(
            sweep.compositions,
            model.tasks,
            sweep.continents,
            sweep.n,
            sweep.protocols,
            sweep.seeds,
            range(sweep.replicates),
        )
    }
    planned = places(plan(sweep))
    assert len(planned) == len(product_of_axes)
    assert set(planned) == product_of_axes


# Whoever writes the axes in another order asks the same question: cell for cell, key for key.


@few
@given(sweeps(), st.data())
def test_the_order_of_the_axes_does_not_matter(sweep: Sweep, data: st.DataObject):
    orders = {axis: tuple(data.draw(st.permutations(getattr(sweep, axis)))) for axis in AXES}
    models = tuple(
        model.model_copy(update={"tasks": tuple(data.draw(st.permutations(model.tasks)))})
        for model in orders["models"]
    )
    other = plan(sweep.model_copy(update={**orders, "models": models}))
    mine = plan(sweep)
    assert places(other) == places(mine)
    assert [cell.step.key for cell in other.cells] == [cell.step.key for cell in mine.cells]
    assert {step.key for step in other.steps} == {step.key for step in mine.steps}


# A cell's key says what it is: cells that differ in what is computed differ in key. (Two names
# for one composition, model, task or protocol are one thing to compute.)


@few
@given(sweeps())
def test_two_cells_share_a_key_only_if_they_compute_the_same(sweep: Sweep):
    by_key: dict[object, set[object]] = {}
    for cell in plan(sweep).cells:
        said = (cell.continent, cell.n, cell.seed, cell.replicate, cell.metric)
        by_key.setdefault(cell.step.key, set()).add(said)
    assert all(len(said) == 1 for said in by_key.values())


@few
@given(sweeps())
def test_needs_come_before_what_needs_them(sweep: Sweep):
    seen = set()
    for step in plan(sweep).steps:
        assert {need.key for need in step.needs} <= seen
        assert step.key not in seen
        seen.add(step.key)


# A sweep that grows keeps the keys it had: nothing that was made is made again.


@few
@given(sweeps(), st.integers(1001, 2000))
def test_a_sweep_that_grows_keeps_its_cells(sweep: Sweep, seed: int):
    grown = sweep.model_copy(
        update={"seeds": (*sweep.seeds, seed), "replicates": sweep.replicates + 1}
    )
    before = {cell.step.key for cell in plan(sweep).cells}
    assert before < {cell.step.key for cell in plan(grown).cells}


# What is left out on purpose stays in the plan, with its reason, and is not wanted.


@few
@given(sweeps(), st.data())
def test_what_is_excluded_is_planned_and_not_wanted(sweep: Sweep, data: st.DataObject):
    cell = data.draw(st.sampled_from(plan(sweep).cells))
    named = data.draw(st.sets(st.sampled_from(PLACES), min_size=1))
    rule = Exclusion(reason="why not", **{place: getattr(cell, place) for place in named})
    planned = plan(sweep.model_copy(update={"exclude": (rule,)}))
    out = {
        at
        for at in places(planned)
        if all(getattr(cell, p) == said for p, said in zip(PLACES, at, strict=True) if p in named)
    }
    assert places(planned) == places(plan(sweep))
    assert {at for at, c in zip(places(planned), planned.cells, strict=True) if c.excluded} == out
    assert len(planned.included) == len(planned.cells) - len(out)


# A cell has a place on every axis, and an exclusion may name every axis but where it is judged.


def test_cells_and_exclusions_know_every_axis():
    fields = [field.name for field in dataclasses.fields(Cell) if field.name in AXIS_NAMES]
    assert tuple(fields) == AXIS_NAMES
    assert set(Exclusion.model_fields) == {"reason", *AXIS_NAMES} - {"tested"}
