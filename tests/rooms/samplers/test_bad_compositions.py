"""A hundred malformed compositions: each is one clear sentence that says where it stands."""

import re
from pathlib import Path

import pytest
import yaml

from terrasweep.infra.errors import SpecError
from terrasweep.sweeps.reading.sweep_file import CATALOG, read

CASES = {
    one["case"]: one
    for one in yaml.safe_load(Path(__file__).with_name("bad_compositions.yaml").read_text())
}
SMOKE = (CATALOG / "smoke.yaml").read_text()
GOOD = "compositions: [zero, uniform, europe, stratified]"
LINE = SMOKE.partition(GOOD)[0].count("\n") + 1


@pytest.mark.parametrize("case", CASES)
def test_a_malformed_rule_is_one_clear_sentence(case: str, tmp_path: Path):
    assert GOOD in SMOKE
    entry = f"{{name: mine, rule: {CASES[case]['rule']}}}"
    file = tmp_path / "mine.yaml"
    file.write_text(SMOKE.replace(GOOD, f"compositions: [zero, uniform, {entry}]"))
    with pytest.raises(SpecError) as caught:
        read(str(file))
    first, *others = str(caught.value).splitlines()
    place, _, sentence = first.partition(": Expected ")
    assert place.startswith(f"{file}:{LINE}:")
    assert sentence.startswith(CASES[case]["says"].split("; ")[0])
    assert CASES[case]["says"] in sentence
    assert re.search(r", got .+\. Fix: .+", sentence)
    assert others == [] or case == "a union of names"  # of which two are wrong


def test_there_are_a_hundred_and_no_rule_is_left_out():
    assert len(CASES) >= 100
    told = " ".join(one["rule"] for one in CASES.values())
    kinds = yaml.safe_load("[zero, uniform, per_sample, only, cities, points, natural_forest]")
    kinds += ["polygons", "box", "entropy_top", "entropy_weighted", "entropy_histogram"]
    kinds += ["stratified", "union", "overlap", "difference", "mixture"]
    assert [kind for kind in kinds if f"kind: {kind}" not in told] == []
