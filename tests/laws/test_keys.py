"""Laws of keys: what must hold for every spec and step, whatever its fields."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from terrasweep.infra.install import import_root
from terrasweep.infra.spec import Spec, canonical, digest, everything
from terrasweep.infra.step import Step, closure
from terrasweep.samplers.spec.composition import CompositionSpec
from terrasweep.samplers.spec.places import Only
from terrasweep.samplers.spec.rules import Stratified, Uniform
from tests.support.paths import REPOSITORY
from tests.support.strategies import MEMBERS, STAGES, specs, steps

KINDS = {kind.__name__: kind for kind in (*STAGES.values(), *MEMBERS)}


# Law 1. Equal specs, and only equal specs, share a key: across processes, dict order,
# a trip through YAML and JSON.


@given(st.data())
def test_equal_specs_and_only_they_share_a_key(data: st.DataObject):
    a = data.draw(specs())
    b = data.draw(specs() | specs(type(a)) | st.just(type(a).model_validate(everything(a))))
    assert (digest(canonical(a)) == digest(canonical(b))) == (a == b)


@given(st.data())
def test_changing_one_field_changes_the_key(data: st.DataObject):
    a = data.draw(specs())
    assume(type(a).model_fields)
    b = data.draw(specs(type(a)))
    name = data.draw(st.sampled_from(sorted(type(a).model_fields)))
    c = a.model_copy(update={name: getattr(b, name)})
    assert (digest(canonical(a)) == digest(canonical(c))) == (a == c)


@given(specs())
def test_a_spec_that_went_through_json_keeps_its_key(spec: Spec):
    copy = type(spec).model_validate_json(json.dumps(everything(spec)))
    assert canonical(copy) == canonical(spec)


@given(specs())
def test_a_spec_that_went_through_yaml_keeps_its_key(spec: Spec):
    copy = type(spec).model_validate(yaml.safe_load(yaml.safe_dump(everything(spec))))
    assert digest(canonical(copy)) == digest(canonical(spec))


@given(specs(), st.randoms(use_true_random=False))
def test_the_order_in_which_fields_are_written_does_not_matter(spec: Spec, shuffler):
    def shuffled(value: object) -> object:
        if isinstance(value, dict):
            names = sorted(value)
            shuffler.shuffle(names)
            return {name: shuffled(value[name]) for name in names}
        return [shuffled(item) for item in value] if isinstance(value, list) else value

    copy = type(spec).model_validate(shuffled(everything(spec)))
    assert digest(canonical(copy)) == digest(canonical(spec))


@given(specs())
def test_saying_a_default_aloud_changes_nothing(spec: Spec):
    aloud = {name: getattr(spec, name) for name in type(spec).model_fields}
    assert digest(canonical(type(spec)(**aloud))) == digest(canonical(spec))


def test_two_rules_with_no_fields_of_their_own_have_two_keys():
    # pydantic's exclude_defaults would drop `kind` here and make them one.
    uniform = CompositionSpec(rule=Uniform(), size=5)
    stratified = CompositionSpec(rule=Stratified(), size=5)
    assert digest(canonical(uniform)) != digest(canonical(stratified))


def test_the_recipe_number_is_part_of_the_key(monkeypatch: pytest.MonkeyPatch):
    spec = Uniform()
    before = digest(canonical(spec))
    monkeypatch.setattr(Uniform, "recipe", Uniform.recipe + 1)
    assert digest(canonical(spec)) != before


def test_a_new_field_at_its_default_orphans_no_key():
    class Before(Spec):
        size: int

    class After(Spec):
        size: int
        shape: str = "round"

    After.__name__ = Before.__name__
    assert canonical(After(size=3)) == canonical(Before(size=3))
    assert canonical(After(size=3, shape="square")) != canonical(Before(size=3))


# Laws 1 and 3 across processes: another process, started elsewhere, with another name of the
# host, another home and another hash seed, finds the same keys.

ELSEWHERE = """
import json, sys
from terrasweep.infra.spec import canonical, digest
from tests.laws.test_keys import KINDS
for name, fields in json.load(sys.stdin):
    print(digest(canonical(KINDS[name].model_validate(fields))))
"""


@settings(max_examples=2)
@given(st.lists(specs(), min_size=20, max_size=40))
def test_another_process_elsewhere_finds_the_same_keys(several: list[Spec]):
    asked = [(type(spec).__name__, everything(spec)) for spec in several]
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(import_root()), str(REPOSITORY)]),
        "PYTHONHASHSEED": "1234",
        "HOSTNAME": "elsewhere",
        "HOME": "/",
        "TERRASWEEP_STORE": "s3://elsewhere/store",
    }
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE],
        input=json.dumps(asked),
        cwd="/",
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [digest(canonical(spec)) for spec in several]


# Law 2. A key hears of everything its step needs, however deep.


def changed(step: Step[Spec], *, old: Step[Spec], new: Step[Spec]) -> Step[Spec]:
    """Return the step with one of those under it replaced, wherever it is needed."""
    if step.key == old.key:
        return new
    return replace(step, needs=tuple(changed(need, old=old, new=new) for need in step.needs))


@given(st.data())
def test_a_key_hears_of_everything_below_it(data: st.DataObject):
    top = data.draw(steps())
    below = data.draw(st.sampled_from(list(closure([top]))))
    other = replace(below, spec=data.draw(specs(type(below.spec))))
    assume(other.spec != below.spec)
    assert changed(top, old=below, new=other).key != top.key


@given(steps(), steps())
def test_a_need_more_is_another_key(step: Step[Spec], more: Step[Spec]):
    assert replace(step, needs=(*step.needs, more)).key != step.key


@given(steps())
def test_another_stage_is_another_key(step: Step[Spec]):
    assert replace(step, stage=f"{step.stage}_").key.digest != step.key.digest


# Law 3. Labels, resources, paths and hosts never enter a key. (Resources are no field of any
# spec; paths and hosts: see the other process above.)


@given(steps())
def test_no_label_enters_a_key(step: Step[Spec]):
    def bare(step: Step[Spec]) -> Step[Spec]:
        return replace(step, label="", needs=tuple(bare(need) for need in step.needs))

    assert bare(step).key == step.key


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_no_spec_has_a_field_for_where_or_how_fast(kind: type[Spec]):
    where = {
        "store",
        "host",
        "address",
        "device",
        "workers",
        "num_workers",
        "gpus",
        "cpus",
        "cache",
    }
    assert not where & set(kind.model_fields)


# What has no single form is refused rather than guessed.


@pytest.mark.parametrize("value", [lambda: 1, object(), b"x", Path("x"), {1: object()}])
def test_what_has_no_single_form_is_refused(value: object):
    with pytest.raises(TypeError, match="no canonical form"):
        canonical(value)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_spec_holds_no_number_that_is_none(number: float):
    class Some(Spec):
        size: float

    with pytest.raises(ValueError, match="finite"):
        Some(size=number)


@given(st.frozensets(st.text()))
def test_a_set_has_one_form_whatever_its_order(words: frozenset[str]):
    assert canonical(words) == canonical(frozenset(sorted(words, reverse=True)))


def test_what_a_rule_keeps_is_part_of_its_key():
    keys = {digest(canonical(Only(values=(here,)))) for here in ("africa", "europe")}
    assert len(keys) == 2
