"""Samples come back as the manifest orders them, from the shards it names, or not at all."""

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from terrasweep.infra.cluster import connection
from terrasweep.infra.errors import StoreError, TornError
from terrasweep.infra.step import Step
from terrasweep.infra.storage.store import Store
from terrasweep.pipelines.training import pixels
from terrasweep.pipelines.training.pixels import Prepare, TrainingArrays
from tests.support.shards import COARSE, WrittenPool, write_pool


@pytest.fixture
def local(tmp_path: Path) -> Store:
    return Store.open(str(tmp_path))


def bare(arrays):
    """Leave the arrays as they are."""
    return {name: np.asarray(values) for name, values in arrays.items()}


def source(store: Store, planted: WrittenPool, prepare: Prepare = bare) -> TrainingArrays:
    return TrainingArrays(store, planted.shard.key, planted.sample.key, prepare, called="bare")


def read(store: Store, planted: WrittenPool) -> dict[str, np.ndarray]:
    with source(store, planted).mapped() as arrays:
        return {name: np.array(values) for name, values in arrays.items()}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the files of the samples lie."""
    monkeypatch.setenv(connection.SCRATCH, str(tmp_path))
    return tmp_path / "terrasweep-pixels"


def shards(store: Store, planted: WrittenPool) -> list[Path]:
    assert store.local_root is not None
    return sorted(store.local_root.glob(f"{planted.shard.key}/**/cells/*.parquet"))


def test_samples_come_in_the_order_of_the_manifest_with_their_own_pixels(store):
    planted = write_pool(store)
    made = read(store, planted)
    assert sorted(made) == ["dynamic_world", "lat", "lon", "month", "x"]
    for name, values in made.items():
        np.testing.assert_array_equal(values, planted.samples[name])
        assert values.dtype == planted.samples[name].dtype


def test_a_shard_without_a_drawn_sample_is_not_read(local):
    planted = write_pool(local, held=90, drawn=2)
    named = {f"{cell:x}" for cell in planted.samples["coarse"].tolist()}
    others = [path for path in shards(local, planted) if path.stem not in named]
    assert others
    for path in others:
        path.unlink()
    np.testing.assert_array_equal(read(local, planted)["x"], planted.samples["x"])


def test_a_shard_that_was_altered_is_refused_by_name(local):
    planted = write_pool(local)
    path = shards(local, planted)[0]
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(
        TornError, match=rf"{planted.shard.key} .*, got other content in cells/{path.name}"
    ):
        read(local, planted)


def test_a_manifest_that_names_a_sample_the_shards_lack_is_refused(local):
    few, many = write_pool(local, held=60, drawn=30), write_pool(local, held=90, drawn=70)
    strange = TrainingArrays(local, few.shard.key, many.sample.key, bare, called="bare")
    with pytest.raises(TornError, match=r"missing ones, such as 's0"), strange.mapped():
        pass


def test_the_samples_lie_in_several_shards(local):
    planted = write_pool(local)
    assert len(shards(local, planted)) == len(COARSE)


def test_of_a_shard_only_the_groups_are_read_that_hold_a_drawn_sample(local, monkeypatch):
    planted = write_pool(local, held=400, drawn=4)
    held = sum(path.stat().st_size for path in shards(local, planted))
    read_bytes = []

    plain = Store.opened

    def watched(store: Store, path: str) -> pa.NativeFile:
        inner = plain(store, path)

        class Counting(io.RawIOBase):
            def read(self, size=-1):
                data = inner.read(None if size < 0 else size)
                read_bytes.append(len(data))
                return data

            def seek(self, *where):
                return inner.seek(*where)

            def tell(self):
                return inner.tell()

            def seekable(self):
                return True

            def readable(self):
                return True

        return pa.PythonFile(Counting(), mode="r")

    monkeypatch.setattr(Store, "opened", watched)
    np.testing.assert_array_equal(read(local, planted)["x"], planted.samples["x"])
    assert 0 < sum(read_bytes) < 0.5 * held


def test_a_page_that_was_altered_inside_a_shard_is_refused(local):
    planted = write_pool(local)
    path = shards(local, planted)[0]
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 64] = bytes(64)
    path.write_bytes(data)
    with pytest.raises(TornError, match=rf"got other content in cells/{path.name}"):
        read(local, planted)


def test_users_of_one_composition_share_the_files_and_the_last_removes_them(local, home):
    planted = write_pool(local)
    made = []

    def counted(arrays):
        made.append(len(arrays["lat"]))
        return bare(arrays)

    with source(local, planted, counted).mapped() as first:
        once = sum(made)
        with source(local, planted, counted).mapped() as second:
            np.testing.assert_array_equal(first["x"], second["x"])
        assert isinstance(first["x"], np.memmap)
        assert (sum(made), once) == (70, 70)
        assert list(home.glob("*/x.npy"))
    assert not list(home.glob("*/*"))


def test_what_a_killed_user_left_is_removed_by_the_next(local, home):
    left = home / "0123456789abcdef"
    left.mkdir(parents=True)
    (left / "x.npy").write_bytes(b"half")
    (home / "0123456789abcdef.lock").touch()
    read(local, write_pool(local))
    assert not left.exists()


def test_a_half_filled_folder_is_filled_anew(local, home):
    planted = write_pool(local)
    half = home / source(local, planted).name
    half.mkdir(parents=True)
    (half / "x.npy").write_bytes(b"half")
    np.testing.assert_array_equal(read(local, planted)["x"], planted.samples["x"])


def test_a_disk_that_is_too_small_is_one_sentence_and_nothing_stays(local, home, monkeypatch):
    monkeypatch.setattr(pixels, "FREE_SHARE", 1e-12)
    with pytest.raises(StoreError, match=r"GiB of temporary disk space .* GiB free in .*TMPDIR"):
        read(local, write_pool(local))
    assert not list(home.glob("*/*"))


def test_a_sample_that_is_drawn_twice_comes_twice(local):
    planted = write_pool(local)
    path = local.folder(planted.sample.key) / "manifest.parquet"
    manifest = pq.read_table(path)
    twice = planted.sample.spec.model_copy(update={"replicate": 1})
    again = Step("sample", twice, (planted.shard,))
    rows = [3, 3, 0]
    local.make(
        again, lambda folder: pq.write_table(manifest.take(rows), folder / "manifest.parquet")
    )
    with TrainingArrays(local, planted.shard.key, again.key, bare, called="bare").mapped() as made:
        np.testing.assert_array_equal(made["x"], planted.samples["x"][rows])
