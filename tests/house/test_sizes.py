"""The house stays small: sizes, names and the folder list are ratchets."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.support.paths import REPOSITORY

ROOMS = ("sweeps", "pipelines", "dashboards", "models", "samplers", "infra")
SOURCES = sorted(path for room in ROOMS for path in (REPOSITORY / room).rglob("*.py"))
OURS = sorted(
    [*SOURCES, *(REPOSITORY / "benchmarks").rglob("*.py"), *(REPOSITORY / "tests").rglob("*.py")]
)


def functions(path: Path) -> list[tuple[str, int]]:
    tree = ast.parse(path.read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [
        (f"{path.relative_to(REPOSITORY)}:{node.name}", node.end_lineno - node.lineno + 1)
        for node in ast.walk(tree)
        if isinstance(node, kinds) and node.end_lineno
    ]


@pytest.mark.parametrize("path", OURS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_a_file_has_at_most_four_hundred_lines(path: Path):
    assert len(path.read_text().splitlines()) <= 400


def test_no_function_is_over_forty_lines_and_nine_in_ten_are_under_thirty():
    sizes = [size for path in SOURCES for size in functions(path)]
    assert [size for size in sizes if size[1] > 40] == []
    assert sum(lines < 30 for _, lines in sizes) >= 0.9 * len(sizes)


def test_nothing_is_called_utils():
    homeless = {"utils.py", "common.py", "misc.py", "helpers.py"}
    assert [path for path in OURS if path.name in homeless] == []


def test_an_init_holds_one_docstring_and_nothing_else():
    for path in SOURCES:
        if path.name == "__init__.py":
            body = ast.parse(path.read_text()).body
            assert len(body) == 1, path
            assert ast.get_docstring(ast.parse(path.read_text())), path


def test_there_is_no_seventh_room():
    listed = subprocess.run(
        ["git", "ls-files", "*.py"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    tops = {line.split("/")[0] for line in listed.stdout.splitlines() if "/" in line}
    assert tops == {*ROOMS, "tests", "benchmarks", "src"}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_has_at_most_eight_modules_at_its_root(room: str):
    names = {path.stem for path in (REPOSITORY / room).glob("*.py")} - {"__init__"}
    assert len(names) <= 8


@pytest.mark.parametrize("room", ROOMS)
def test_every_package_of_a_room_has_its_place_in_the_import_contract(room: str):
    """`exhaustive` makes the linter refuse a package that the contract does not name."""
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    (contract,) = (
        contract
        for contract in settings["tool"]["importlinter"]["contracts"]
        if contract.get("containers") == [f"terrasweep.{room}"]
    )
    places = {name for layer in contract["layers"] for name in re.findall(r"\w+", layer)}
    packages = {path.parent.name for path in (REPOSITORY / room).glob("*/*.py")}
    assert contract["exhaustive"]
    assert packages
    assert packages <= places | {"catalog"}  # it holds sweeps as YAML, and no code


def test_every_module_opens_with_its_idea():
    silent = [path for path in SOURCES if not ast.get_docstring(ast.parse(path.read_text()))]
    assert silent == []
