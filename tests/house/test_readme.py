"""What README and docs tell a user to type works, and README stays one page."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.data.official import make
from tests.support.paths import REPOSITORY

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(sh|yaml)\n(.*?)^```", re.M | re.S)
NAMED = re.compile(r"# (\S+\.yaml)\n")


def blocks(page: Path) -> list[tuple[str, str]]:
    """Return the page's shell and YAML blocks in order, as (language, text)."""
    return BLOCK.findall(page.read_text())


def commands(text: str) -> list[str]:
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def shell(page: Path) -> list[str]:
    return [line for kind, text in blocks(page) if kind == "sh" for line in commands(text)]


def lay_out(page: Path, folder: Path) -> None:
    """Put there what a page takes for granted: published weights, and arrays to encode."""
    if page.name != "checkpoints.md":
        return
    make.save_from_cuda(make.presto(), folder / "default_model.pt")
    samples = np.arange(300)
    np.savez(
        folder / "series.npz",
        x=np.ones((300, 12, 18)),
        dynamic_world=np.full((300, 12), 9),
        latlon=np.stack([samples / 10, samples / 5], axis=1),
        month=samples % 12,
    )


def run(line: str, folder: Path) -> None:
    words = shlex.split(line, comments=True)
    if words[0] == "terrasweep":
        words[:1] = [str(Path(sys.executable).with_name("terrasweep"))]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{line}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"


def test_readme_is_one_page():
    assert len((REPOSITORY / "README.md").read_text().splitlines()) <= 120


def test_every_make_target_that_is_named_exists():
    rules = set(re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text(), re.M))
    named = {line.split()[1] for page in PAGES for line in shell(page) if line.startswith("make ")}
    assert named <= rules
    assert {"sweep", "test", "check", "bench", "docs", "clean"} <= rules


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path):
    targets = re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_runs(
    page: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A reader saves the YAML that names its file, and types the commands, in order."""
    if any(line.startswith("terrasweep") for line in shell(page)):
        # He has run the smallest study in an empty folder, as the first page tells him to.
        shutil.copytree(request.getfixturevalue("first_sweep"), tmp_path, dirs_exist_ok=True)
    lay_out(page, tmp_path)
    for kind, text in blocks(page):
        if kind == "yaml" and (named := NAMED.match(text)):
            (tmp_path / named[1]).write_text(text)
        for line in commands(text) if kind == "sh" else ():
            # make and git are CI's own; `ui` serves until it is stopped
            if not line.startswith(("make ", "git ", "cd ", "terrasweep ui")):
                run(line, tmp_path)
