"""Paths of users' files: they start at one folder, whichever part of a sweep names them."""

import hashlib
from pathlib import Path

import pytest

from terrasweep.infra.errors import PoolError
from terrasweep.samplers.draw import layers
from terrasweep.samplers.formats import user_files
from terrasweep.samplers.maps import files
from terrasweep.samplers.pools.parquet.spec import ParquetSpec
from terrasweep.samplers.sources import pool_files, task_files
from terrasweep.samplers.spec.places import Points
from terrasweep.samplers.tasks.labelled.spec import LabelledSpec


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a home folder with one file in the folder of pools, and stand somewhere else."""
    (tmp_path / "user" / "pools").mkdir(parents=True)
    (tmp_path / "user" / "pools" / "a.csv").write_text("lat,lon\n1,2\n")
    (tmp_path / "here").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "user"


def _places(path: str) -> list[Path]:
    """Return where a pool, a task and a layer of points with this path are looked for."""
    pool = pool_files.place(ParquetSpec(name="parquet", path=path))
    task = task_files.place(LabelledSpec(name="labelled", path=path))
    with pytest.raises(PoolError, match="the layer") as error:
        layers.points(Points(path=path, radius_km=1))
    layer = Path(error.value.expected.removeprefix("the layer "))
    return [pool.resolve(), task.resolve(), layer.resolve()]


@pytest.mark.parametrize("folder", ["~/pools", "../user/pools"])
def test_home_and_relative_folders_mean_the_same_to_all_that_read_them(
    folder: str, home: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TERRASWEEP_POOLS", folder)
    pools = home / "pools"
    assert _places("none.csv") == [pools / "none.csv"] * 3
    assert layers.points(Points(path="a.csv", radius_km=1)).lat.tolist() == [1]
    assert files.maps_folder().resolve() == pools / "maps"


def test_a_path_from_the_home_folder_or_the_root_does_not_start_at_the_pools(
    home: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TERRASWEEP_POOLS", "~/pools")
    assert _places("~/other.csv") == [home / "other.csv"] * 3
    assert _places(str(home / "other.csv")) == [home / "other.csv"] * 3


def test_without_a_folder_paths_start_where_one_stands(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("TERRASWEEP_POOLS", raising=False)
    assert _places("none.csv") == [home.parent / "here" / "none.csv"] * 3
    assert files.maps_folder().resolve() == home.parent / "here" / "maps"


def test_digests_keep_their_values_for_specs_name_them(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"abc")
    assert user_files.digest_of_file(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()[:16]
    framed = b"\0" * 7 + b"\x01a" + b"\0" * 7 + b"\x02bc"
    assert user_files.digest_of_parts(["a", b"bc"]) == hashlib.sha256(framed).hexdigest()[:16]
    assert user_files.digest_of_parts(["ab", "c"]) != user_files.digest_of_parts(["a", "bc"])
