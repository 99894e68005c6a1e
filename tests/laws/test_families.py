"""Members are listed by name, without importing what is heavy about them."""

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from terrasweep.infra import family as infra_family
from terrasweep.infra.errors import SpecError
from terrasweep.infra.family import Family
from terrasweep.infra.install import import_root, package_folder
from terrasweep.infra.spec import Spec, meanings
from terrasweep.models.members import METRICS, PROBES, ZOO
from terrasweep.samplers.members import POOLS, TASKS

WITH_SPECS = {"pools": POOLS, "tasks": TASKS, "zoo": ZOO, "probes": PROBES}
ALL = {**WITH_SPECS, "metrics": METRICS}


@pytest.fixture(params=WITH_SPECS.values(), ids=WITH_SPECS)
def family(request: pytest.FixtureRequest) -> Family[object]:
    return request.param


# Listing a family, and reading the specs of its members, imports none of their code.

LISTING = """
import sys
from terrasweep.models.members import METRICS, PROBES, ZOO
from terrasweep.samplers.members import POOLS, TASKS
for family in (METRICS, PROBES, ZOO, POOLS, TASKS):
    assert family.names
heavy = {"torch", "ray", "mlflow", "numpy", "pyarrow"} & set(sys.modules)
heavy |= {name for name in sys.modules if name.endswith((".pool", ".task", ".model", ".probe"))}
heavy |= {name for name in sys.modules if name.startswith("terrasweep.models.metrics.")}
print(sorted(heavy))
"""


def test_names_and_specs_come_without_the_code():
    done = subprocess.run(
        [sys.executable, "-c", LISTING],
        env={"PYTHONPATH": str(import_root())},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("family", ALL.values(), ids=ALL)
def test_every_folder_entry_is_a_member_and_sorted(family: Family[object]):
    folder = package_folder().parent / family.package.replace(".", "/")
    there = {path.stem for path in folder.iterdir() if not path.name.startswith("_")}
    assert family.names == tuple(sorted(there))


def test_a_member_says_its_own_name(family: Family[object]):
    for name in family.names:
        (said,) = family.spec(name).model_fields["name"].annotation.__args__
        assert said == name


def test_every_field_of_a_member_is_documented(family: Family[object]):
    for kind in family.specs():
        silent = set(kind.model_fields) - set(meanings(kind))
        assert silent <= {"name", "metric"}, kind
        assert set(kind.assumed) <= set(kind.model_fields), kind


@pytest.mark.parametrize("family", ALL.values(), ids=ALL)
def test_an_unknown_name_is_answered_with_the_known_ones(family: Family[object]):
    close = family.names[0][:-1] + "_"
    with pytest.raises(SpecError) as raised:
        family[close]
    sentence = str(raised.value)
    assert repr(close) in sentence
    assert all(name in sentence for name in family.names)


# A member from outside comes by entry point and is like any other.


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package of somebody else's that offers a probe."""
    home = tmp_path / "elsewhere"
    home.mkdir()
    (home / "__init__.py").write_text('"""A probe."""\n')
    (home / "spec.py").write_text(
        "from typing import Literal\n"
        "from terrasweep.models.spec import ProbeSpec\n"
        'class StrangerSpec(ProbeSpec):\n    name: Literal["stranger"]\n'
    )
    (home / "probe.py").write_text("ANSWER = 42\n")
    monkeypatch.syspath_prepend(tmp_path)
    point = EntryPoint(name="stranger", value="elsewhere", group="terrasweep.probes")
    offered = EntryPoints([point])
    monkeypatch.setattr(infra_family, "entry_points", lambda group: offered.select(group=group))
    yield "stranger"
    for name in [name for name in sys.modules if name.split(".")[0] == "elsewhere"]:
        del sys.modules[name]


def test_a_member_from_outside_is_like_any_other(stranger: str):
    probes: Family[object] = Family("terrasweep.models.probes", "probe")
    assert stranger in probes.names
    assert probes.spec(stranger).__name__ == "StrangerSpec"
    assert probes[stranger].ANSWER == 42
    assert stranger not in Family("terrasweep.models.zoo", "model").names


def test_a_stranger_may_not_take_a_member_s_name(monkeypatch: pytest.MonkeyPatch):
    point = EntryPoint(name="linear", value="elsewhere", group="terrasweep.probes")
    monkeypatch.setattr(infra_family, "entry_points", lambda group: EntryPoints([point]))
    assert (
        Family("terrasweep.models.probes", "probe").homes["linear"]
        == "terrasweep.models.probes.linear"
    )


def test_a_union_tells_members_apart_by_name(family: Family[object]):
    adapter: TypeAdapter[Spec] = TypeAdapter(family.union())
    with pytest.raises(ValidationError):
        adapter.validate_python({"name": "nobody"})
    for name in family.names:
        required = [
            field for field, info in family.spec(name).model_fields.items() if info.is_required()
        ]
        if required == ["name"]:
            assert type(adapter.validate_python({"name": name})) is family.spec(name)
