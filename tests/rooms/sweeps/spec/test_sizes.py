"""The budget axis: several sizes of one composition, in a file and in Python."""

from pathlib import Path

import pytest
import yaml

from terrasweep.infra.errors import SpecError
from terrasweep.samplers.spec.rules import Uniform
from terrasweep.sweeps.plan.grid import plan
from terrasweep.sweeps.reading.sweep_file import CATALOG, read
from terrasweep.sweeps.spec.compositions import CompositionEntry
from terrasweep.sweeps.spec.sizes import short_name
from terrasweep.sweeps.spec.sweep import Sweep

SMOKE = yaml.safe_load((CATALOG / "smoke.yaml").read_text())


def written(folder: Path, compositions: list[object], baseline: str) -> Sweep:
    file = folder / "mine.yaml"
    data = {**SMOKE, "compositions": compositions, "baseline": baseline}
    file.write_text(yaml.safe_dump(data, sort_keys=False))
    return read(str(file))


def named(sweep: Sweep) -> dict[str, int]:
    return {entry.name: entry.size for entry in sweep.compositions}


def test_sizes_make_named_compositions_and_others_keep_the_size_of_the_sweep(tmp_path: Path):
    entries = [{"name": "all", "rule": {"kind": "uniform"}, "sizes": [500, 1000, 2000]}, "europe"]
    sweep = written(tmp_path, entries, "all_1k")
    assert named(sweep) == {"all_500": 500, "all_1k": 1000, "all_2k": 2000, "europe": 300}
    steps = {step.label for step in plan(sweep).steps if step.stage == "sample"}
    assert steps == {"all_500--r0", "all_1k--r0", "all_2k--r0", "europe--r0"}


def test_an_entry_of_the_catalogue_may_have_sizes(tmp_path: Path):
    sweep = written(tmp_path, [{"name": "stratified", "sizes": [100, 200]}], "stratified_100")
    assert {entry.rule.kind for entry in sweep.compositions} == {"stratified"}


def test_entries_made_in_python_may_have_sizes():
    entry = CompositionEntry(name="all", rule=Uniform(), sizes=(1000, 1500))
    sweep = Sweep(**{**SMOKE, "compositions": [entry], "baseline": "all_1500"})
    assert named(sweep) == {"all_1k": 1000, "all_1500": 1500}


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"sizes": [0]}, "`compositions.1.sizes.0`: a number greater than 0, got 0"),
        ({"sizes": ["1k"]}, "`compositions.1.sizes.0`: a whole number, got '1k'"),
        ({"sizes": 5}, "`compositions.1.sizes`: a list, got 5"),
        ({"sizes": [5], "size": 6}, "got both size and sizes. Fix: keep one of them"),
        ({"sizes": [5, 5]}, "'all_5' named twice"),
        ({"sizes": [5000]}, "composition 'all_5k' to fit in the 3,000 samples"),
        ({"sizes": []}, "rule uniform needs a size"),
    ],
)
def test_sizes_that_make_no_sense_are_told_where_they_stand(
    entry: dict[str, object], says: str, tmp_path: Path
):
    entries = ["zero", {"name": "all", "rule": {"kind": "uniform"}, **entry}]
    with pytest.raises(SpecError) as caught:
        written(tmp_path, entries, "zero")
    assert says in str(caught.value)


def test_a_bad_rule_with_sizes_is_told_once(tmp_path: Path):
    entries = [{"name": "all", "rule": {"kind": "unifrom"}, "sizes": [5, 6]}]
    with pytest.raises(SpecError) as caught:
        written(tmp_path, entries, "all_5")
    assert str(caught.value).count("unifrom") == 1


@pytest.mark.parametrize(
    ("size", "name"), [(7, "7"), (1000, "1k"), (1500, "1500"), (700_000, "700k"), (2_000_000, "2m")]
)
def test_sizes_have_short_names(size: int, name: str):
    assert short_name(size) == name
