"""`import terrasweep` offers what users start with, is typed, and loads nothing until used."""

import ast
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

import terrasweep as ts
from terrasweep.samplers.spec import rules
from tests.conftest import at_home

SOURCE = Path(ts.__file__)


def test_importing_the_package_loads_no_library(tmp_path: Path):
    code = "import sys, terrasweep; print({name.split('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=at_home(),
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = ast.literal_eval(done.stdout)
    assert not loaded & {"pydantic", "numpy", "torch", "ray", "mlflow", "pyarrow", "yaml"}


def test_a_type_checker_sees_every_name_where_it_comes_from():
    conditions = (node for node in ast.parse(SOURCE.read_text()).body if isinstance(node, ast.If))
    (block,) = (node for node in conditions if isinstance(node.test, ast.Name))
    seen = {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == ts._HOMES
    assert sorted(seen) == sorted(ts.__all__)


@pytest.mark.parametrize("name", ts.__all__)
def test_every_name_is_there(name: str):
    assert getattr(ts, name).__name__ == name
    assert name in dir(ts)


def test_every_rule_is_among_them():
    (union, _) = get_args(rules.Rule)
    kinds = {kind.__name__ for kind in get_args(union)}
    assert kinds <= set(ts.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Swep'"):
        _ = ts.Swep


def test_a_sweep_is_read_and_a_rule_is_made():
    assert isinstance(ts.read("smoke"), ts.Sweep)
    entry = ts.CompositionEntry(name="even", rule=ts.Stratified(over="biome"), size=100)
    assert entry.spec.rule == ts.Stratified(over="biome")


def test_a_checkout_without_links_is_told_how_to_get_them(tmp_path: Path):
    package = tmp_path / "terrasweep"
    package.mkdir()
    (package / "__init__.py").write_text(SOURCE.read_text())
    (package / "infra").write_text("../../infra")
    command = [sys.executable, "-P", "-c", "import terrasweep"]
    env = {**at_home(), "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert "git config core.symlinks true" in done.stderr
