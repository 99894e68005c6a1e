"""The store, on this machine and on an S3 server: what it keeps, refuses and says."""

import os
import pickle
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from terrasweep.infra.errors import StoreError, TornError
from terrasweep.infra.install import import_root
from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Key, Step
from terrasweep.infra.storage.store import Store
from terrasweep.pipelines.spec import InitSpec


def a_step(width: int = 8) -> Step[Spec]:
    return Step("init", InitSpec(model={"name": "tiny", "width": width}), label="any")


def make(folder: Path) -> None:
    (folder / "cells").mkdir()
    (folder / "cells" / "a.bin").write_bytes(b"0123456789")
    (folder / "card.json").write_text("{}")


def refuse(folder: Path) -> None:
    raise AssertionError("made again")


def on_disk(store: Store) -> dict[str, bytes | None]:
    return {path: store.get(path) for path in store.list("")}


def test_what_was_made_is_there_for_whoever_opens_the_store_again(store: Store):
    step = a_step()
    record = store.make(step, make)

    again = Store.open(store.uri)
    folder = again.folder(step.key)

    assert (folder / "cells" / "a.bin").read_bytes() == b"0123456789"
    assert (folder / "card.json").read_text() == "{}"
    assert again.record(step.key) == record
    assert again.make(step, refuse) == record


def test_a_store_travels_to_another_process(store: Store, tmp_path: Path):
    step = a_step()
    store.make(step, make)
    (tmp_path / "bag").write_bytes(pickle.dumps((store, step.key)))
    code = (
        "import pickle, sys;"
        "store, key = pickle.load(open(sys.argv[1], 'rb'));"
        "print((store.folder(key) / 'cells' / 'a.bin').read_text())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "bag"],
        env={**os.environ, "PYTHONPATH": str(import_root())},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "0123456789"


def test_done_knows_the_made_from_the_unmade(store: Store):
    steps = [a_step(width) for width in range(1, 6)]
    for step in steps[:3]:
        store.make(step, make)
    asked = [step.key for step in steps] + [Key("shard", "0" * 16)]
    assert store.done(asked) == {step.key for step in steps[:3]}
    assert [store.has(key) for key in asked] == [True, True, True, False, False, False]


def test_a_maker_that_raises_leaves_nothing(store: Store):
    def stumble(folder: Path) -> None:
        make(folder)
        raise RuntimeError("half-way")

    with pytest.raises(RuntimeError, match="half-way"):
        store.make(a_step(), stumble)
    assert store.list("") == ["store.json"]
    with pytest.raises(StoreError, match="no record of it"):
        store.folder(a_step().key)


def flip(store: Store, path: str) -> None:
    data = bytearray(store.get(path) or b"")
    data[3] ^= 1
    store.put(path, bytes(data))


def cut(store: Store, path: str) -> None:
    store.put(path, (store.get(path) or b"")[:-1])


def delete(store: Store, path: str) -> None:
    store.drop(path)


@pytest.mark.parametrize("harm", [flip, cut, delete])
def test_a_torn_artefact_is_not_handed_out_and_made_again(store: Store, harm):
    step = a_step()
    record = store.make(step, make)
    harm(store, f"{record.folder}/cells/a.bin")

    with pytest.raises(TornError, match=r"cells/a\.bin.*computed again"):
        Store.open(store.uri).folder(step.key)
    assert store.done([step.key]) == set()

    store.make(step, make)
    assert (store.folder(step.key) / "cells" / "a.bin").read_bytes() == b"0123456789"


@pytest.mark.parametrize("harm", [flip, cut, delete])
def test_make_itself_mends_what_was_torn(store: Store, harm):
    step = a_step()
    record = store.make(step, make)
    harm(store, f"{record.folder}/cells/a.bin")
    store.make(step, make)
    assert (store.folder(step.key) / "cells" / "a.bin").read_bytes() == b"0123456789"


def test_half_a_record_is_no_record(store: Store):
    step = a_step()
    store.make(step, make)
    path = f"{step.key}.json"
    store.put(path, (store.get(path) or b"")[:100])

    assert store.record(step.key) is None
    assert not store.has(step.key)
    with pytest.raises(TornError, match="half-written record"):
        store.folder(step.key)
    assert store.done([step.key]) == set()
    store.make(step, make)
    assert store.folder(step.key).is_dir()


def test_a_record_under_another_key_proves_nothing(store: Store):
    store.make(a_step(), make)
    other = a_step(width=9)
    store.put(f"{other.key}.json", store.get(f"{a_step().key}.json") or b"")
    assert store.record(other.key) is None


def test_a_copy_on_this_machine_that_was_altered_is_fetched_anew(s3: str):
    store = Store.open(f"{s3}/x")
    store.make(a_step(), make)
    (store.folder(a_step().key) / "cells" / "a.bin").write_bytes(b"9876543210")
    assert (store.folder(a_step().key) / "cells" / "a.bin").read_bytes() == b"0123456789"


def test_makers_that_race_leave_one_whole_result(store: Store):
    def maker(folder: Path, word: str) -> None:
        for name in "abc":
            (folder / name).write_text(word)

    step = a_step()
    with ThreadPoolExecutor(4) as pool:
        makers = [lambda folder, word=word: maker(folder, word) for word in ("one", "two", "six")]
        list(pool.map(lambda each: store.make(step, each), makers))

    folder = Store.open(store.uri).folder(step.key)
    assert len({(folder / name).read_text() for name in "abc"}) == 1


# Looking writes nothing.


def test_a_store_that_is_not_there_yet_is_empty_and_stays_away(store_uri: str, tmp_path: Path):
    before = sorted(tmp_path.rglob("*"))
    store = Store.open(store_uri, create=False)
    assert store.done([a_step().key]) == set()
    assert store.record(a_step().key) is None
    assert store.list("") == []
    for write in (
        lambda: store.put("a", b"a"),
        lambda: store.drop("a"),
        lambda: store.make(a_step(), refuse),
    ):
        with pytest.raises(StoreError, match="open for reading"):
            write()
    assert sorted(tmp_path.rglob("*")) == before


def test_reading_a_torn_artefact_withdraws_nothing_where_one_may_not_write(store: Store):
    record = store.make(a_step(), make)
    delete(store, f"{record.folder}/card.json")
    before = on_disk(store)
    with pytest.raises(TornError):
        Store.open(store.uri, create=False).folder(a_step().key)
    assert on_disk(store) == before


def test_a_place_that_only_fsspec_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TERRASWEEP_CACHE", str(tmp_path))
    store = Store.open("memory://a/store")
    store.make(a_step(), make)
    assert store.done([a_step().key]) == {a_step().key}
    assert sorted(path.name for path in store.folder(a_step().key).iterdir()) == [
        "card.json",
        "cells",
    ]


def test_artefacts_without_a_record_are_nothing_yet(store: Store):
    # As a maker leaves them that was killed just before its record.
    step = a_step()
    record = store.make(step, make)
    store.drop(f"{step.key}.json")
    store.put(f"{record.folder}/cells/a.bin", b"half")
    store.put(f"{record.folder}/cells/stray.bin", b"of some other time")

    assert store.done([step.key]) == set()
    store.make(step, make)
    folder = store.folder(step.key)
    assert sorted(path.name for path in (folder / "cells").iterdir()) == ["a.bin"]
    assert (folder / "cells" / "a.bin").read_bytes() == b"0123456789"


KILLED = """
import os, pickle, signal, sys
store, step = pickle.load(open(sys.argv[1], "rb"))
def maker(folder):
    (folder / "a.bin").write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
store.make(step, maker)
"""


def test_a_maker_that_is_killed_leaves_no_record(store: Store, tmp_path: Path):
    step = a_step()
    (tmp_path / "bag").write_bytes(pickle.dumps((store, step)))
    env = {**os.environ, "PYTHONPATH": str(import_root())}
    done = subprocess.run([sys.executable, "-c", KILLED, tmp_path / "bag"], env=env, check=False)

    assert done.returncode == -signal.SIGKILL
    assert store.list("") == ["store.json"]
    store.make(step, make)
    assert (store.folder(step.key) / "cells" / "a.bin").is_file()
