"""What a sweep file may say; nothing it says ends in anything but a sweep or a sentence."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from terrasweep.infra.errors import SpecError
from terrasweep.samplers.spec.places import Only
from terrasweep.sweeps.plan.grid import plan
from terrasweep.sweeps.reading.sweep_file import CATALOG, composition, compositions, read, studies
from terrasweep.sweeps.spec.sweep import Sweep

SMOKE = yaml.safe_load((CATALOG / "smoke.yaml").read_text())


@pytest.mark.parametrize("name", studies())
def test_every_study_of_the_catalogue_plans_and_opens_with_its_question(name: str):
    sweep = read(name)
    assert sweep.name == name
    assert plan(sweep).included
    first, second, *_ = yaml.safe_load((CATALOG / f"{name}.yaml").read_text())
    assert (first, second) == ("question", "hypothesis")


@pytest.mark.parametrize("name", compositions())
def test_every_composition_of_the_catalogue_is_valid(name: str):
    assert composition(name).name == name


def test_a_bare_composition_is_the_catalogue_file_of_that_name(tmp_path: Path):
    sweep = written(tmp_path, {**SMOKE, "compositions": ["uniform", "oceania"], "size": 70})
    assert [(one.name, one.size) for one in sweep.compositions] == [
        ("uniform", 70),
        ("oceania", 70),
    ]
    assert sweep.compositions[1].rule == Only(values=("oceania",))


def test_an_own_size_stands_before_the_size_of_the_sweep(tmp_path: Path):
    entries = ["zero", {"name": "uniform", "rule": {"kind": "uniform"}, "size": 9}, "europe"]
    sweep = written(tmp_path, {**SMOKE, "compositions": entries, "size": 70})
    assert [one.size for one in sweep.compositions] == [0, 9, 70]


def test_bare_names_of_tasks_and_probes_take_their_defaults(tmp_path: Path):
    models = copy.deepcopy(SMOKE["models"])
    models[0]["tasks"] = ["planet_crop", "planet_biome"]
    sweep = written(tmp_path, {**SMOKE, "models": models})
    assert [task.name for task in sweep.models[0].tasks] == ["planet_crop", "planet_biome"]
    assert [one.protocol.name for one in sweep.protocols] == ["linear"]


def test_numbers_with_an_exponent_are_numbers(tmp_path: Path):
    text = (CATALOG / "smoke.yaml").read_text()
    file = tmp_path / "mine.yaml"
    file.write_text(
        text.replace("model: {name: tiny}", "model: {name: tiny}\n    training: {lr: 1e-3}")
    )
    assert read(str(file)).models[0].training.lr == 0.001


def test_an_anchor_is_the_value_it_names(tmp_path: Path):
    file = tmp_path / "mine.yaml"
    text = (CATALOG / "smoke.yaml").read_text()
    file.write_text(text.replace("size: 300\n", "size: &size 300\n").replace("[40]", "[*size]"))
    assert read(str(file)).n == (300,)


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path):
    file = tmp_path / "mine.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + (CATALOG / "smoke.yaml").read_bytes())
    assert read(str(file)) == read("smoke")


def test_a_python_file_gives_the_sweep_it_names(tmp_path: Path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from terrasweep.sweeps.reading.sweep_file import read\n"
        "SHORT = read('smoke').model_copy(update={'seeds': (7,)})\n"
    )
    assert read(f"{file}:SHORT").seeds == (7,)


def test_a_file_in_the_way_does_not_hide_the_catalogue(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("smoke").write_text("not a sweep")
    assert read("smoke").name == "smoke"


# A sweep that went through YAML, in any order of its fields, is the same sweep.
@given(st.randoms(use_true_random=False))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_order_of_fields_does_not_matter(tmp_path: Path, order):
    names = list(SMOKE)
    order.shuffle(names)
    assert written(tmp_path, {name: SMOKE[name] for name in names}) == read("smoke")


STRANGE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 10),
    st.floats(allow_nan=True),
    st.text(max_size=5),
    st.dates(),
    st.binary(max_size=4),
    st.just([]),
    st.just({}),
    st.lists(st.integers(-2, 2), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """A valid sweep with one to three fields dropped, renamed, or given something strange."""
    data = copy.deepcopy(SMOKE)
    data["compositions"][2] = {"name": "eu", "rule": {"kind": "only", "values": ["europe"]}}
    data["exclude"] = [{"reason": "few", "continent": "africa"}]
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(data))
        if not places:
            break
        home, name = draw(st.sampled_from(places))
        value = home.pop(name)
        how = draw(st.sampled_from(["drop", "rename", "retype"]))
        if how == "retype" and isinstance(home, list):
            home.insert(name, draw(STRANGE))
        elif how == "retype":
            home[name] = draw(STRANGE)
        elif how == "rename" and isinstance(home, dict):
            home[draw(st.text(max_size=6))] = value
    return data


def _places(data: Any) -> Iterator[tuple[Any, Any]]:
    pairs = data.items() if isinstance(data, dict) else enumerate(data)
    for name, value in pairs:
        yield data, name
        if isinstance(value, dict | list):
            yield from _places(value)


# Whatever a file says, it is a sweep that plans, or an error in which every line names the file.
@given(mutated())
@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_mutated_sweep_is_valid_or_told(tmp_path: Path, data: dict[str, Any]):
    try:
        sweep = written(tmp_path, data)
    except SpecError as error:
        lines = str(error).splitlines()
        assert 1 <= len(lines) <= 11
        assert all(line.startswith(f"{tmp_path / 'mine.yaml'}:") for line in lines)
    else:
        assert plan(sweep).cells


# Not even text that is no YAML, or YAML that is no sweep, ends in anything but a sentence.
@given(st.binary(max_size=40) | st.text("{}[]:,-&*!|>'\"# \n\tab1?", max_size=30).map(str.encode))
@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_told(tmp_path: Path, raw: bytes):
    file = tmp_path / "mine.yaml"
    file.write_bytes(raw)
    with pytest.raises(SpecError, match=r"mine\.yaml"):
        read(str(file))


def written(folder: Path, data: dict[str, Any]) -> Sweep:
    file = folder / "mine.yaml"
    file.write_text(yaml.safe_dump(data, sort_keys=False, allow_unicode=True))
    return read(str(file))


def test_all_stands_for_every_sample_there_is(tmp_path: Path):
    sweep = written(tmp_path, {**SMOKE, "n": [20, "all"]})
    assert sweep.n == (20, 0)
    assert {cell.step.spec.n for cell in plan(sweep).cells} == {20, 0}
    assert any("--nall--" in cell.step.label for cell in plan(sweep).cells)
