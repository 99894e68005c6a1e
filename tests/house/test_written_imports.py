"""Imports that stand in text, where no linter looks: scripts for other processes, pages of docs."""

import importlib
import re
from pathlib import Path

import pytest

from tests.support.paths import REPOSITORY

FOLDERS = ("tests", "benchmarks", "docs")
IMPORT = re.compile(r"^ *from (terrasweep[\w.]*) import (\([^)]*\)|[^\n]+)", re.M)


def written(path: Path) -> list[tuple[str, str]]:
    """Return each (module, name) that a file imports from the package."""
    return [
        (module, name.split()[0])
        for module, names in IMPORT.findall(path.read_text())
        for name in re.sub(r"#.*", "", names).strip("()\n ").replace("\n", " ").split(",")
        if name.strip()
    ]


def is_there(module: str, name: str) -> bool:
    try:
        if hasattr(importlib.import_module(module), name):
            return True
        importlib.import_module(f"{module}.{name}")
    except ModuleNotFoundError:
        return False
    return True


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_a_script_or_a_page_imports_is_there(folder: str):
    paths = [
        path for path in (REPOSITORY / folder).rglob("*") if path.suffix in {".py", ".md", ".toml"}
    ]
    imports = {(module, name) for path in paths for module, name in written(path)}
    assert imports
    assert [place for place in sorted(imports) if not is_there(*place)] == []
