"""Why a key is new: field by field against the nearest that was made."""

from pathlib import Path

import pytest

from terrasweep.infra.errors import TerrasweepError, UserError
from terrasweep.infra.step import Key
from terrasweep.infra.storage.store import Store
from terrasweep.models.spec import TrainingSpec
from terrasweep.sweeps.inspect.explain import Known, explain
from terrasweep.sweeps.inspect.lineage import Lineage, differences, of_step
from terrasweep.sweeps.plan.grid import Plan, plan
from terrasweep.sweeps.reading.sweep_file import read
from terrasweep.sweeps.spec.sweep import Sweep
from tests.support.made import finish, make_steps, write_plan


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(str(tmp_path / "store"))


def with_epochs(epochs: int) -> Sweep:
    sweep = read("smoke")
    training = TrainingSpec(**{**sweep.models[0].training.model_dump(), "epochs": epochs})
    model = sweep.models[0].model_copy(update={"training": training})
    return sweep.model_copy(update={"models": (model,)})


def key_of(planned: Plan, stage: str, label: str) -> Key:
    (key,) = (step.key for step in planned.steps if step.stage == stage and label in step.label)
    return key


def test_a_changed_field_is_named_with_both_values(store: Store):
    make_steps(plan(read("smoke")).steps, store=store)
    new = plan(with_epochs(5))
    key = key_of(new, "pretrain", "uniform")
    found = explain(str(key), known=Known(store, {"new": with_epochs(5)}))
    assert not found.made
    assert found.nearest is not None
    assert found.nearest.key == str(key_of(plan(read("smoke")), "pretrain", "uniform"))
    assert [(one.field, one.there, one.here) for one in found.news] == [("training.epochs", 2, 5)]
    assert [need["made"] for need in found.needs] == [True, True]


def test_a_change_far_below_is_named_with_the_way_to_it(store: Store):
    make_steps(plan(read("smoke")).steps, store=store)
    key = key_of(plan(with_epochs(5)), "encode", "uniform")
    found = explain(str(key), known=Known(store, {"new": with_epochs(5)}))
    assert {one.field for one in found.news} == {"pretrain.training.epochs"}


def test_the_nearest_is_the_one_that_differs_in_the_fewest_fields(store: Store):
    make_steps(plan(with_epochs(3)).steps, store=store)
    make_steps(plan(read("smoke")).steps, store=store)
    other = read("smoke").model_copy(update={"guard_rings": 2})
    key = key_of(plan(other), "sample", "stratified")
    found = explain(str(key), known=Known(store, {"other": other}))
    assert [(one.field, one.there, one.here) for one in found.news] == [("guard_rings", 1, 2)]


def test_a_cell_is_compared_with_the_cells_of_the_ledger(store: Store):
    smoke = read("smoke")
    make_steps(plan(smoke).steps, store=store)
    finish(plan(smoke).included, store=store)
    more = smoke.model_copy(update={"seeds": (0, 1, 2, 3)})
    (cell,) = (
        cell
        for cell in plan(more).cells
        if (cell.seed, cell.continent, cell.composition) == (3, "africa", "zero")
    )
    found = explain(str(cell.step.key), known=Known(store, {"more": more}))
    assert not found.made
    assert [one.field for one in found.news] == ["seed"]
    assert found.nearest is not None
    done = explain(found.nearest.key, known=Known(store, {}))
    assert done.made
    assert "f1 0." in done.state


def test_a_finished_step_is_known_without_its_sweep_and_by_a_prefix(store: Store):
    planned = plan(read("smoke"))
    make_steps(planned.steps, store=store)
    key = key_of(planned, "sample", "europe")
    for text in (str(key), f"sample/{key.digest[:8]}", key.digest[:12], str(key).upper()):
        found = explain(text, known=Known(store, {}))
        assert (found.key, found.made) == (str(key), True)
    assert found.flat["composition.rule.kind"] == "only"


def test_an_ambiguous_prefix_lists_what_begins_so(store: Store):
    make_steps(plan(read("smoke")).steps, store=store)
    keys = [str(step.key) for step in plan(read("smoke")).steps]
    first = {key.split("/")[1][0] for key in keys}
    shared = next(c for c in sorted(first) if sum(k.split("/")[1][0] == c for k in keys) > 1)
    with pytest.raises(UserError, match="that begin so: "):
        explain(shared, known=Known(store, {}))


@pytest.mark.parametrize("text", ["", "zz", "pretrain/", "pretrian/ab", "a" * 17, "../../etc"])
def test_what_is_no_key_is_told(text: str, store: Store):
    with pytest.raises(UserError, match="Expected a key"):
        explain(text, known=Known(store, {}))


def test_an_unknown_key_is_told(store: Store):
    with pytest.raises(UserError, match="--sweep"):
        explain("encode/0123456789abcdef", known=Known(store, {"smoke": read("smoke")}))


def test_a_key_that_only_a_plan_of_the_store_knows_asks_for_the_sweep(store: Store):
    planned = plan(read("smoke"))
    write_plan(planned, store=store)
    with pytest.raises(TerrasweepError, match="--sweep"):
        explain(str(planned.included[0].step.key), known=Known(store, {}))


def test_a_default_that_changed_since_is_told(store: Store, monkeypatch: pytest.MonkeyPatch):
    planned = plan(read("smoke"))
    make_steps(planned.steps, store=store)
    key = key_of(planned, "pretrain", "uniform")
    path = store.local_root / f"{key}.json"
    path.write_text(path.read_text().replace('"weight_decay":0.05', '"weight_decay":0.06'))
    path.write_text(path.read_text().replace('"weight_decay": 0.05', '"weight_decay": 0.06'))
    found = explain(str(key), known=Known(store, {"smoke": read("smoke")}))
    assert found.made
    assert "weight_decay = 0.06" in str(found.drifted)


def test_a_raised_recipe_is_a_difference():
    step = plan(read("smoke")).steps[0]
    now = of_step(step)
    then = Lineage("shard/0", now.stage, now.label, 0, now.fields)
    assert [(one.field, one.there, one.here) for one in differences(now, then)] == [
        ("recipe", 0, now.recipe)
    ]
