"""Law 4: a finished step is not run again; an unfinished one leaves no record."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terrasweep.infra.errors import TornError
from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Step
from terrasweep.infra.storage.record import Record
from terrasweep.infra.storage.store import Store
from tests.support.strategies import specs

names = st.text("ab", min_size=1, max_size=2).map(lambda name: f"{name}.bin")
files = st.dictionaries(
    st.tuples(st.sampled_from(["", "x/", "x/y/"]), names).map("".join),
    st.binary(max_size=40),
    min_size=1,
    max_size=4,
)
few = settings(max_examples=settings().max_examples // 2)  # each flushes files to the disk
made_steps = st.builds(Step, st.sampled_from(["shard", "sample"]), specs())


class Stumble(Exception):
    """A maker that failed half-way."""


class Maker:
    """Writes files and counts how often; stumbles after some of them if told to."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files, self.times = files, 0

    def __call__(self, folder: Path, *, stumble_after: int | None = None) -> None:
        for at, (name, data) in enumerate(self.files.items()):
            if at == stumble_after:
                raise Stumble
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        if stumble_after is not None:
            raise Stumble
        self.times += 1


@contextmanager
def a_store() -> Iterator[Store]:
    """An empty store; hypothesis needs one per example, which a fixture is not."""
    with tempfile.TemporaryDirectory() as folder:
        yield Store.open(f"{folder}/store")


def contents(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


# A step that stumbles any number of times, anywhere, leaves no record and nothing that could be
# taken for a result; the first time it comes through is the only time it counts.


@few
@given(made_steps, files, st.lists(st.integers(0, 4), max_size=3), st.integers(1, 3))
def test_a_finished_step_is_not_run_again_an_unfinished_leaves_no_record(
    step: Step[Spec], files: dict[str, bytes], stumbles: list[int], asked: int
):
    maker = Maker(files)
    with a_store() as store:
        for after in stumbles:
            with pytest.raises(Stumble):
                store.make(step, lambda folder, at=after: maker(folder, stumble_after=at))
            assert not store.has(step.key)
            assert store.done([step.key]) == set()
            assert store.list("") == ["store.json"]
        for _ in range(asked):
            store.make(step, maker)
        assert maker.times == 1
        assert store.done([step.key]) == {step.key}
        assert contents(store.folder(step.key)) == files


# Whatever is done to one file of a finished step - a byte flipped, cut short, deleted, one more
# laid beside - it is not handed out, and the next run makes the step again.


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes() or b"\0")
    data[at % len(data)] ^= 1 if path.stat().st_size else 0
    path.write_bytes(bytes(data))


def cut(path: Path, at: int) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: at % len(data)] if data else b"more")


def delete(path: Path, at: int) -> None:
    path.unlink()


def lay_beside(path: Path, at: int) -> None:
    path.with_name(f"stray-{at}").write_bytes(b"x")


harms = st.sampled_from([flip, cut, delete, lay_beside])


@few
@given(made_steps, files, harms, st.data())
def test_what_was_torn_is_never_used_and_made_again(step, files, harm, data):
    maker = Maker(files)
    with a_store() as store:
        store.make(step, maker)
        victim = store.folder(step.key) / data.draw(st.sampled_from(sorted(files)))
        harm(victim, data.draw(st.integers(0, 100)))
        with pytest.raises(TornError):
            store.folder(step.key)
        assert store.done([step.key]) == set()
        store.make(step, maker)
        assert maker.times == 2
        assert contents(store.folder(step.key)) == files


@few
@given(made_steps, files, harms, st.data())
def test_make_itself_sees_what_was_torn(step, files, harm, data):
    maker = Maker(files)
    with a_store() as store:
        store.make(step, maker)
        victim = store.folder(step.key) / data.draw(st.sampled_from(sorted(files)))
        harm(victim, data.draw(st.integers(0, 100)))
        store.make(step, maker)
        assert maker.times == 2
        assert contents(store.folder(step.key)) == files


@few
@given(made_steps, files, st.floats(0, 1, exclude_max=True))
def test_half_a_record_is_no_record(step: Step[Spec], files: dict[str, bytes], part: float):
    maker = Maker(files)
    with a_store() as store:
        store.make(step, maker)
        assert store.local_root is not None
        path = store.local_root / f"{step.key}.json"
        path.write_bytes(path.read_bytes()[: int(part * path.stat().st_size)])
        assert store.record(step.key) is None
        assert store.done([step.key]) == set()
        store.make(step, maker)
        assert maker.times == 2
        assert contents(store.folder(step.key)) == files


# Makers that race, even if each makes something else, leave one whole result of one of them.


@few
@given(made_steps, st.lists(files, min_size=2, max_size=4))
def test_makers_that_race_are_harmless(step: Step[Spec], several: list[dict[str, bytes]]):
    with a_store() as store, ThreadPoolExecutor(len(several)) as pool:
        records = list(pool.map(lambda files: store.make(step, Maker(files)), several))
        assert contents(store.folder(step.key)) in several
        assert store.record(step.key) in records


# A record says what was made, whatever was made, and can be read back.


@few
@given(made_steps, files)
def test_a_record_is_read_back_as_it_was_written(step: Step[Spec], files: dict[str, bytes]):
    with a_store() as store:
        record = store.make(step, Maker(files))
        assert store.record(step.key) == record
        assert set(record.artefacts) == set(files)
        assert Record.model_validate_json(record.model_dump_json()) == record


# A store is a folder like any other: it can be moved, and nothing is made again.


@settings(max_examples=10)
@given(made_steps, files)
def test_a_store_that_was_moved_still_holds_what_it_held(step: Step[Spec], files):
    maker = Maker(files)
    with a_store() as store:
        store.make(step, maker)
        assert store.local_root is not None
        elsewhere = store.local_root.with_name("elsewhere")
        shutil.move(store.local_root, elsewhere)
        moved = Store.open(str(elsewhere))
        moved.make(step, maker)
        assert maker.times == 1
        assert contents(moved.folder(step.key)) == files
