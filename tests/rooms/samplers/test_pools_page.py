"""docs/pools.md says what is so: its samples are a pool, its pools are specs, its adapter reads."""

import importlib
import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from terrasweep.samplers.intake.admit import admit, layout
from terrasweep.samplers.members import POOLS
from terrasweep.samplers.pools.parquet import pool as parquet
from tests.support.paths import REPOSITORY
from tests.support.pools import spec_of, taken_in

PAGE = (REPOSITORY / "docs/pools.md").read_text()
PYTHON = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)
YAML = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.M | re.S)


def test_the_samples_it_writes_are_a_pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    exec(PYTHON[0], {})
    said = next(iter(yaml.safe_load_all(YAML[0])))["pool"]
    spec = spec_of(said.pop("name"), said)
    found, rejects = taken_in(spec)
    assert (rejects, len(found["id"]), parquet.count(spec)) == ([], 500, 500)


def test_every_pool_it_names_is_a_spec_and_every_pool_but_the_planet_is_named():
    said = [part["pool"] for block in YAML for part in yaml.safe_load_all(block)]
    for fields in said:
        spec_of(fields["name"], {name: fields[name] for name in fields if name != "name"})
    assert {fields["name"] for fields in said} | {"planet"} == set(POOLS.names)


def test_the_adapter_it_shows_keeps_the_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "tiles").mkdir()
    for code in PYTHON[1:]:
        (name,) = re.findall(r"^# (tiles/\w+\.py)", code)
        (tmp_path / name).write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    spec = importlib.import_module("tiles.spec").TilesSpec(name="tiles", path=str(tmp_path))
    tiles = importlib.import_module("tiles.pool")
    for part in range(2):
        np.savez(
            tmp_path / f"{part}.npz",
            id=np.array([f"{part}-{place}" for place in range(3)]),
            lat=np.array([10.0, 20.0, 30.0]),
            lon=np.array([10.0, 20.0, 30.0]),
            month=np.zeros(3, np.uint8),
            image=np.ones((3, 4, 8, 8), np.uint16),
            cloud=np.array([0.0, 0.9, 0.1]),
        )
    assert tiles.chunks(spec) == 2
    columns = tiles.read(spec, 1)
    expected = layout(tiles.read(spec, 0))
    rows, report = admit(
        columns,
        chunk=1,
        expected=expected,
        describe=lambda _: {"cell": np.zeros(2, np.uint64), "coarse": np.zeros(2, np.uint64)},
    )
    assert rows.column("id").to_pylist() == ["1-0", "1-2"]
    assert report.column("rejected").to_pylist() == [None, "too cloudy", None]
    with pytest.raises(IndexError):
        tiles.read(spec, 2)
