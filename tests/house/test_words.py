"""Retired names stay retired: RETIRED says what each of them is called now."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paths import REPOSITORY

FOLDERS = (
    *("sweeps", "pipelines", "dashboards", "models", "samplers", "infra"),
    *("benchmarks", "tests", "src/terrasweep"),
)
RETIRED = {
    "Board": "JobQueue",
    "Book": "ResultWriter",
    "Elsewhere": "JobClaims",
    "Desk": "JobSource",
    "Feeder": "JobSearcher",
    "Harvest": "ResultCallback",
    "Patient": "KeepAssignedScheduler",
    "Orders": "WorkerConfig",
    "Means": "JobContext, or TrainingOptions",
    "Made": "JobResult, or StepArtifacts",
    "House": "Capacity",
    "Takes": "Demand",
    "is_cramped": "workers_block_driver",
    "Guest": "RayThread",
    "Wish": "StopCallback, or DrawRequest",
    "grant_wishes": "run_stop_callbacks",
    "insist": "raise_if_stopped",
    "guests_are_left": "threads_are_left",
    "doorplate": "install",
    "dismiss": "kill_local_ray",
    "give_back": "release_memory",
    "Cut": "SamplingDesign",
    "Weigher": "Weighting",
    "Near": "GaussianKernel",
    "Zones": "ReachGrid",
    "Frame": "IndexView",
    "Facts": "PoolFacts",
    "Sieve": "Prefilter",
    "sieve": "prefilter",
    "sift": "prefilter",
    "widened": "unbounded",
    "Tally": "StratumCounts",
    "tally": "count",
    "crowd": "cell_counts",
    "ceiling": "key_threshold",
    "waits": "exponential_keys",
    "Holding": "SampleSet",
    "Told": "PageData",
    "Asked": "FewShotRequest",
    "Origin": "FinetuneSource",
    "Aim": "OutputTarget",
    "Forgetful": "NullSavepoint",
    "Wood": "TreeData",
    "plant": "build_tree, or write_shards",
}
"""What was, and what it is called now."""
DEFINITIONS = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def defined(path: Path) -> Iterator[tuple[int, str]]:
    """Yield each class and function of a module, whole names without leading underscores."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, DEFINITIONS):
            yield node.lineno, node.name.lstrip("_")


def modules(folder: str) -> list[Path]:
    return sorted((REPOSITORY / folder).rglob("*.py"))


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_class_function_or_module_has_a_retired_name(folder: str):
    paths = modules(folder)
    assert paths
    assert [path for path in paths if path.stem in RETIRED] == []
    assert [
        f"{path.relative_to(REPOSITORY)}:{line}: {name} is now {RETIRED[name]}"
        for path in paths
        for line, name in defined(path)
        if name in RETIRED
    ] == []


def test_a_retired_name_is_seen_where_it_stands(tmp_path: Path):
    path = tmp_path / "module.py"
    path.write_text("class _Board:\n    def settle(self): ...\n\n\nclass Boarding: ...\n")
    names = {name for _, name in defined(path)}
    assert names & RETIRED.keys() == {"Board"}
