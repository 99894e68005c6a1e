"""docs/compositions.md says what is so: its examples are sweeps, and they name every rule."""

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc
import pytest
import yaml

from terrasweep.samplers.draw.scan import DrawRequest
from terrasweep.samplers.geography.strata import LAND_COVERS, STRATA
from terrasweep.samplers.spec.rules import Zero
from terrasweep.sweeps.reading.sweep_file import CATALOG, compositions, read
from terrasweep.sweeps.spec.compositions import CompositionEntry
from tests.support import rules
from tests.support.drawing import facts_of, pool_of, selected
from tests.support.paths import REPOSITORY

PAGE = (REPOSITORY / "docs/compositions.md").read_text()
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.M | re.S)
SMOKE = yaml.safe_load((CATALOG / "smoke.yaml").read_text())


def entries(block: str, folder: Path) -> list[CompositionEntry]:
    """The entries of a block, read as part of a sweep."""
    file = folder / "mine.yaml"
    said = {**SMOKE, **yaml.safe_load(block)}
    said["compositions"] = [*said["compositions"], "per_sample"]
    file.write_text(yaml.safe_dump({**said, "baseline": "per_sample"}))
    return list(read(str(file)).compositions)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_every_example_is_a_part_of_a_sweep(block: str, tmp_path: Path):
    assert len(entries(block, tmp_path)) >= 2


def test_every_rule_has_an_example(tmp_path: Path):
    told = " ".join(BLOCKS)
    kinds = {kind.model_fields["kind"].default for kind in rules.kinds() - {Zero}}
    assert [kind for kind in kinds if f"kind: {kind}" not in told] == []


def test_every_field_has_a_word(tmp_path: Path):
    fields = {name for kind in rules.FIELDS for name in kind.model_fields}
    assert [name for name in fields if name not in PAGE] == []


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_every_example_can_be_drawn(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TERRASWEEP_POOLS", str(tmp_path))
    pc.write_csv(pa.table({"lat": [3.0, 9.0], "lon": [4.0, 9.0]}), tmp_path / "sites.csv")
    pool = pool_of(6_000)
    for entry in entries(block, tmp_path):
        absent = ("polygons", "only", "union", "difference")  # not near Lagos
        if entry.rule.kind in absent or entry.spec.is_zero:
            continue
        small = entry.spec.model_copy(update={"size": min(entry.size, 100)})
        rows, _ = selected([pool], DrawRequest(small, 0, "none"), facts=facts_of(pool))
        assert rows.num_rows == small.size


def test_what_it_says_of_strata_and_the_catalogue_is_so():
    assert [over for over in STRATA if f"`{over}`" not in PAGE] == []
    assert ", ".join(LAND_COVERS) in PAGE
    table = PAGE.partition("| study |")[2].partition("\n\n")[0]
    named = [name for line in table.splitlines()[2:] for name in line.split("|")[2].split(",")]
    assert len(named) == 13
    assert {name.strip() for name in named} <= set(compositions())
