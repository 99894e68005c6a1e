"""The ledger, on this machine and on an S3 server: one row per cell, whatever happened."""

import os
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from terrasweep.infra.errors import DriftError, StoreError
from terrasweep.infra.step import Step
from terrasweep.infra.storage.append_table import AppendTable, to_bytes, versioned
from terrasweep.infra.storage.blobs import LocalBlobs
from terrasweep.infra.storage.ledger import PLAN, RESULTS, Failure, Ledger, Row, fields_of
from terrasweep.infra.storage.store import Store
from terrasweep.pipelines.spec import FinetuneSpec

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def row(seed: int, *, value: float | None = 0.5, minute: int = 0, commit: str = "c") -> Row:
    return Row(
        key=f"finetune/{seed:016x}",
        continent="africa",
        n=100,
        protocol="linear",
        seed=seed,
        metric="f1",
        value=value,
        metrics={"f1": 0.5, "accuracy": 0.25},
        n_train=80,
        n_test=40,
        classes=2,
        notes=("not converged",),
        features="encode/0",
        seconds=1.5,
        finished=NOON + timedelta(minutes=minute),
        commit=commit,
    )


def failure(key: str, *, attempt: int = 1, message: str = "no") -> Failure:
    return Failure(key, "ValueError", message, "Traceback ...", attempt, NOON)


@pytest.fixture
def ledger(store: Store) -> Ledger:
    return Ledger(store)


def test_what_was_appended_is_read_by_whoever_comes_next(ledger: Ledger):
    ledger.append([row(2, value=None), row(1)])
    ledger.append([row(3)])
    ledger.append([])

    again = Ledger(Store.open(ledger.store.uri))
    table = again.results()

    assert table.column("seed").to_pylist() == [1, 2, 3]
    assert table.column("value").to_pylist() == [0.5, None, 0.5]
    assert dict(table.column("metrics").to_pylist()[0]) == {"f1": 0.5, "accuracy": 0.25}
    assert table.column("notes").to_pylist()[0] == ["not converged"]
    assert table.column("finished").to_pylist()[0] == NOON
    assert table.schema.names == RESULTS.names
    assert again.done() == {row(seed).key for seed in (1, 2, 3)}


def test_an_empty_ledger_has_the_columns_of_a_full_one(ledger: Ledger):
    assert len(ledger.results()) == 0
    assert ledger.results().schema.names == RESULTS.names
    assert ledger.done() == set()
    assert len(ledger.failures()) == 0
    assert ledger.torn() == ()
    assert ledger.compact() == 0


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_rows_of_one_cell_the_first_finished_counts(ledger: Ledger, order):
    twice = [row(1, value=0.1, minute=5), row(1, value=0.9, minute=3)]
    for at in order:
        ledger.append([twice[at]])
    assert ledger.results().column("value").to_pylist() == [0.9]


def test_truth_leaves_out_how_it_came_about(ledger: Ledger):
    ledger.append([row(1, minute=1, commit="one")])
    before = ledger.truth()
    ledger.store.drop(ledger.store.list("ledger/results")[0])
    ledger.append([replace(row(1, minute=2, commit="two"), seconds=9.0, fields='{"a": 1}')])
    assert Ledger(ledger.store).truth() == before
    assert not {"seconds", "finished", "commit", "fields"} & set(before.schema.names)


# A part proves itself by its name.


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def flip(data: bytes) -> bytes:
    return data[:20] + bytes([data[20] ^ 1]) + data[21:]


@pytest.mark.parametrize("harm", [cut, flip, lambda data: b""])
def test_a_torn_part_is_left_out_and_counted(ledger: Ledger, harm: Callable[[bytes], bytes]):
    ledger.append([row(1)])
    (path,) = ledger.store.list("ledger/results")
    ledger.append([row(2)])
    ledger.store.put(path, harm(ledger.store.get(path) or b""))

    again = Ledger(ledger.store)
    assert again.torn() == (path,)
    assert again.done() == {row(2).key}
    assert again.results().column("seed").to_pylist() == [2]

    again.append([row(1)])  # the cell is made again
    assert Ledger(ledger.store).done() == {row(1).key, row(2).key}


def test_the_same_rows_make_the_same_part(ledger: Ledger):
    for _ in range(2):
        ledger.append([row(1), row(2)])
    assert len(ledger.store.list("ledger/results")) == 1


# Merging changes the number of parts and nothing else.


def test_compacting_keeps_every_row(ledger: Ledger):
    for seed in range(6):
        ledger.append([row(seed, minute=seed), row(0, value=seed / 10, minute=9 - seed)])
    before = ledger.results()
    assert ledger.compact() == 6
    assert len(ledger.store.list("ledger/results")) == 1
    assert ledger.results() == before
    assert Ledger(ledger.store).results() == before
    assert ledger.compact() == 1


def test_compacting_leaves_torn_parts_where_they_are(ledger: Ledger):
    ledger.append([row(1)])
    (path,) = ledger.store.list("ledger/results")
    ledger.store.put(path, b"torn")
    for seed in (2, 3):
        ledger.append([row(seed)])
    Ledger(ledger.store).compact()
    assert Ledger(ledger.store).torn() == (path,)
    assert Ledger(ledger.store).done() == {row(2).key, row(3).key}


def test_readers_and_writers_lose_nothing_while_parts_are_merged(store: Store):
    many = range(12)
    Ledger(store).append([row(100)])

    def write(seed: int) -> set[str]:
        Ledger(store).append([row(seed)])
        Ledger(store).compact()
        return Ledger(store).done()

    with ThreadPoolExecutor(4) as pool:
        seen = list(pool.map(write, many))
    assert all(row(seed).key in there for seed, there in zip(many, seen, strict=True))
    assert all(row(100).key in there for there in seen)
    assert Ledger(store).done() == {row(seed).key for seed in (*many, 100)}


def test_a_part_that_is_merged_during_a_listing_loses_no_row(store: Store, monkeypatch):
    """The merge ends after the folder was read, and before its files are looked at."""
    ledger = Ledger(store)
    ledger.append([row(1)])
    ledger.append([row(2)])
    if store.local_root is None:
        pytest.skip("an object store lists names and sizes in one answer")
    really, merges = os.scandir, []

    def scan_then_merge(folder):
        entries = list(really(folder))
        if not merges:
            merges.append(folder)
            Ledger(store).compact()
        return iter(entries)

    monkeypatch.setattr(os, "scandir", scan_then_merge)
    assert ledger.done() == {row(1).key, row(2).key}
    assert len(merges) == 1


# The form of the table may grow.


def test_columns_that_an_older_part_lacks_are_null(ledger: Ledger):
    older = versioned(pa.schema([f for f in RESULTS if f.name not in ("notes", "commit")]), 0)
    ledger.append([row(1)])
    table = ledger.results().drop_columns(["notes", "commit"])
    ledger.store.drop(ledger.store.list("ledger/results")[0])
    AppendTable(ledger.store, "ledger/results", older).append(table)

    (found,) = Ledger(ledger.store).results().to_pylist()
    assert found["notes"] is None
    assert found["commit"] is None
    assert found["value"] == 0.5


def test_a_part_of_a_newer_version_is_refused(ledger: Ledger):
    newer = versioned(RESULTS.append(pa.field("colour", pa.string())), 99)
    AppendTable(ledger.store, "ledger/results", newer).append(newer.empty_table())
    for read in (ledger.results, ledger.done):
        with pytest.raises(StoreError, match=r"newer version \(schema 99.*upgrade terrasweep"):
            read()


# Failures.


def test_the_last_failure_is_shown_until_the_cell_is_done(ledger: Ledger):
    one, two = row(1).key, row(2).key
    ledger.fail([failure(one), failure(two)])
    ledger.fail([failure(one, attempt=2, message="again")])
    ledger.fail([])
    assert [(f["key"], f["attempt"], f["message"]) for f in ledger.failures().to_pylist()] == [
        (one, 2, "again"),
        (two, 1, "no"),
    ]
    ledger.append([row(1)])
    assert ledger.failures().column("key").to_pylist() == [two]
    ledger.compact()
    assert Ledger(ledger.store).failures().column("key").to_pylist() == [two]


def test_a_step_that_was_made_since_is_no_longer_failed(ledger: Ledger):
    step = Step("shard", FinetuneSpec(continent="asia", n=1, protocol={"name": "linear"}))
    ledger.fail([failure(str(step.key))])
    assert len(ledger.failures()) == 1
    ledger.store.make(step, lambda folder: (folder / "a").touch())
    assert len(ledger.failures()) == 0


# Plans.


def planned(number: int) -> pa.Table:
    named = {"seed", "n", "replicate"}
    columns = {name: [1 if name in named else "a"] * number for name in PLAN.names}
    return pa.table(columns, schema=PLAN.remove_metadata())


def test_a_plan_is_read_back_with_what_is_said_beside(ledger: Ledger):
    meta = {"question": "where?", "synthetic": True, "steps": {"shard/0": "any"}}
    ledger.write_plan("first", planned(3), meta)
    ledger.write_plan("other", planned(1), {})
    ledger.write_plan("first", planned(2), meta)

    table, said = Ledger(ledger.store).plan("first")
    assert len(table) == 2
    assert table.schema.names == PLAN.names
    assert said == meta
    assert ledger.plans() == ["first", "other"]


def test_a_plan_nobody_made_is_answered_with_those_there_are(ledger: Ledger):
    ledger.write_plan("where", planned(1), {})
    with pytest.raises(StoreError, match=r"plan of sweep 'wher'.*did you mean 'where'\?"):
        ledger.plan("wher")


@pytest.mark.parametrize("data", [b"", b"no parquet", to_bytes(pa.table({"key": ["a"]}))])
def test_a_plan_that_is_torn_is_one_sentence(ledger: Ledger, data: bytes):
    ledger.store.put("plans/torn.parquet", data)
    with pytest.raises(
        StoreError, match=r"Expected to read .*plans/torn\.parquet.*run the sweep again"
    ):
        ledger.plan("torn")


# A default that changed since a cell was finished is refused by name.


def test_a_cell_finished_under_another_default_is_refused(ledger: Ledger):
    step = Step("finetune", FinetuneSpec(continent="asia", n=1, protocol={"name": "linear"}))
    mine = replace(row(1), key=str(step.key), fields=fields_of(step.spec))
    ledger.append([mine])
    ledger.refuse_drift([step])

    drifted = mine.fields.replace('"c":1.0', '"c":2.0')
    assert drifted != mine.fields
    ledger.append([replace(mine, fields=drifted, finished=NOON - timedelta(days=1))])
    with pytest.raises(DriftError, match=r"protocol\.c = 2\.0.*default that is now 1\.0"):
        ledger.refuse_drift([step])


def test_a_ledger_travels_without_what_it_has_read(store: Store):
    ledger = Ledger(store)
    empty = len(pickle.dumps(ledger))
    ledger.append([row(seed) for seed in range(100)])
    assert len(ledger.results()) == 100
    assert len(pickle.dumps(ledger)) == empty
    assert pickle.loads(pickle.dumps(ledger)).results() == ledger.results()


def test_parts_are_plain_parquet_with_the_schema_version_inside(tmp_path):
    store = Store(str(tmp_path), LocalBlobs(tmp_path))
    Ledger(store).append([row(1)])
    (path,) = (tmp_path / "ledger" / "results").iterdir()
    assert pq.read_schema(path).metadata[b"terrasweep.schema"] == b"1"
    assert pq.read_table(path).column("value").to_pylist() == [0.5]
