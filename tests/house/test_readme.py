"""What README and docs tell a user to type works, and README stays one page."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import at_home
from tests.data.official import make
from tests.support.paths import REPOSITORY

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(sh|yaml)\n(.*?)^```", re.M | re.S)
NAMED = re.compile(r"# (\S+\.yaml)\n")
LAID_OUT = {"default_model.pt", "series.npz"}
LONG = {"checkpoints.md", "pretraining.md", "protocols.md", "quickstart.md", "tasks.md"}
"""Pages that have a reader run a sweep of his own, in minutes."""


def blocks(page: Path) -> list[tuple[str, str]]:
    """Return the page's shell and YAML blocks in order, as (language, text)."""
    return BLOCK.findall(page.read_text())


def commands(text: str) -> list[str]:
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def shell(page: Path) -> list[str]:
    return [line for kind, text in blocks(page) if kind == "sh" for line in commands(text)]


def yaml_file(kind: str, text: str) -> str | None:
    """Return the name under which a reader saves a block, if it says one."""
    named = NAMED.match(text) if kind == "yaml" else None
    return named[1] if named else None


def is_own(page: Path, line: str) -> bool:
    """Return whether a command names a file of its page; others need the smoke sweep at most."""
    own = {yaml_file(kind, text) for kind, text in blocks(page)} | LAID_OUT
    return not own.isdisjoint(shlex.split(line, comments=True))


def can_run(line: str) -> bool:
    """Return whether a test can run a command: make and git are CI's own; `ui` never ends."""
    return not line.startswith(("make ", "git ", "cd ")) and line != "terrasweep ui"


def typed(page: Path) -> list[str]:
    return [line for line in shell(page) if can_run(line)]


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
    done = subprocess.run(
        words, cwd=folder, env=at_home(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{line}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"


def own_pages() -> list[object]:
    """Return the pages with commands of their own."""
    pages = [page for page in PAGES if any(is_own(page, line) for line in typed(page))]
    long = pytest.mark.slow_by_nature
    return [
        pytest.param(page, id=page.name, marks=[long] if page.name in LONG else [])
        for page in pages
    ]


def test_readme_is_one_page():
    assert len((REPOSITORY / "README.md").read_text().splitlines()) <= 120


def test_every_make_target_that_is_named_exists():
    rules = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.M))
    named = {line.split()[1] for page in PAGES for line in shell(page) if line.startswith("make ")}
    assert named <= rules
    assert {"sweep", "test", "test-slow", "test-latest", "check", "bench", "docs", "clean"} <= rules


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path):
    targets = re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.fixture(scope="module")
def read_smoke(first_sweep: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a reader who has run the smallest sweep, as the first page tells him to."""
    return Path(shutil.copytree(first_sweep, tmp_path_factory.mktemp("read") / "folder"))


SHARED = dict.fromkeys(
    line.split("#")[0].strip() for page in PAGES for line in typed(page) if not is_own(page, line)
)


# The same command stands on several pages; it is run once, in the order of the pages.
@pytest.mark.slow
@pytest.mark.parametrize("line", SHARED)
def test_a_command_about_the_smoke_sweep_runs(line: str, read_smoke: Path):
    run(line, read_smoke)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", own_pages())
def test_a_page_s_own_commands_run(page: Path, first_sweep: Path, tmp_path: Path):
    """A reader saves the YAML that names its file, and types the commands, in order."""
    shutil.copytree(first_sweep, tmp_path, dirs_exist_ok=True)
    lay_out(page, tmp_path)
    for kind, text in blocks(page):
        if name := yaml_file(kind, text):
            (tmp_path / name).write_text(text)
        for line in commands(text) if kind == "sh" else ():
            if can_run(line) and is_own(page, line):
                run(line, tmp_path)
