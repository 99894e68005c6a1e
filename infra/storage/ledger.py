"""The ledger: one row per finished cell of the grid. It is the truth; everything else mirrors it.

A cell that was finished twice, by two drivers that raced, counts once: the one that finished first.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from terrasweep.infra.errors import PASSING, Cause, StoreError, nearest
from terrasweep.infra.spec import Json, Spec, everything
from terrasweep.infra.step import Key, Step
from terrasweep.infra.storage.append_table import AppendTable, from_bytes, to_bytes, versioned
from terrasweep.infra.storage.axes import AXES, Axis
from terrasweep.infra.storage.record import refuse_drift
from terrasweep.infra.storage.store import Store
from terrasweep.infra.telemetry import logs

HOW = ("seconds", "finished", "commit")
"""Columns that say how a row came about; two runs may differ in them."""

_TIME = pa.timestamp("us", tz="UTC")
_WORD = pa.string()
_COUNT = pa.int64()

RESULTS = versioned(
    pa.schema(
        [
            ("key", _WORD),
            ("continent", _WORD),
            ("n", _COUNT),
            ("protocol", _WORD),
            ("seed", _COUNT),
            ("metric", _WORD),
            ("value", pa.float64()),
            ("metrics", pa.map_(_WORD, pa.float64())),
            ("n_train", _COUNT),
            ("n_test", _COUNT),
            ("classes", _COUNT),
            ("notes", pa.list_(_WORD)),
            ("excluded", _WORD),
            ("features", _WORD),
            ("fields", _WORD),
            ("seconds", pa.float64()),
            ("finished", _TIME),
            ("commit", _WORD),
        ]
    ),
    version=1,
)

FAILURES = versioned(
    pa.schema(
        [
            ("key", _WORD),
            ("kind", _WORD),
            ("message", _WORD),
            ("traceback", _WORD),
            ("attempt", _COUNT),
            ("when", _TIME),
            ("cause", _WORD),
        ]
    ),
    version=1,
)


def _axis_type(axis: Axis) -> pa.DataType:
    return _COUNT if axis.is_number else _WORD


PLAN = versioned(
    pa.schema(
        [
            ("key", _WORD),
            *((axis.name, _axis_type(axis)) for axis in AXES if axis.name != "tested"),
            ("metric", _WORD),
            ("excluded", _WORD),
            ("features", _WORD),
            ("checkpoint", _WORD),
            ("sample", _WORD),
            ("tested", _WORD),  # the last, as it came after the first version of the table
        ]
    ),
    version=1,
)

_META = b"terrasweep.meta"


@dataclass(frozen=True)
class Row:
    """What came of one cell."""

    key: str
    continent: str
    n: int
    protocol: str
    seed: int
    metric: str
    value: float | None
    """The primary metric; nothing if the cell could not be judged, see `excluded`."""
    n_train: int
    n_test: int
    classes: int
    features: str
    """Key of the features it was trained on."""
    seconds: float
    finished: datetime
    commit: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    notes: Sequence[str] = ()
    excluded: str | None = None
    """Why there is no value, for a cell that could not be judged."""
    fields: str = "{}"
    """Every field of the cell's spec, see `fields_of`; a default that changes later is noticed."""


@dataclass(frozen=True)
class Failure:
    """A step or a cell that raised."""

    key: str
    kind: str
    """The error's class."""
    message: str
    traceback: str
    attempt: int
    when: datetime
    cause: str = Cause.BUG
    """What is to be done about it; see infra/errors.py."""


@dataclass(frozen=True)
class Ledger:
    """The results, failures and plans of a store."""

    store: Store
    _results: AppendTable = field(init=False, repr=False, compare=False)
    _failures: AppendTable = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_results", AppendTable(self.store, "ledger/results", RESULTS))
        object.__setattr__(self, "_failures", AppendTable(self.store, "ledger/failures", FAILURES))

    def __reduce__(self) -> tuple[type["Ledger"], tuple[Store]]:
        return Ledger, (self.store,)  # what was read before stays at home

    def append(self, rows: Sequence[Row]) -> None:
        """Write finished cells, all or none of them."""
        if rows:
            records = [asdict(row) | {"metrics": list(row.metrics.items())} for row in rows]
            self._results.append(pa.Table.from_pylist(records, schema=RESULTS))
        for row in rows:
            logs.tell("done", key=row.key, value=row.value, metric=row.metric, seconds=row.seconds)

    def results(self) -> pa.Table:
        """Return exactly one row per finished cell, sorted by key."""
        return _earliest(self._results.read().table)

    def truth(self) -> pa.Table:
        """Return the results without how they came about: what two runs are compared by."""
        return self.results().drop_columns([*HOW, "fields"])

    def done(self) -> set[str]:
        """Return the keys of all finished cells."""
        return set(self._results.read(["key"]).table.column("key").to_pylist())

    def torn(self) -> tuple[str, ...]:
        """Return the paths of parts that are torn or altered; their rows do not count."""
        return self._results.read(["key"]).torn + self._failures.read(["key"]).torn

    def fail(self, rows: Sequence[Failure]) -> None:
        """Write down what raised."""
        if rows:
            records = [asdict(row) for row in rows]
            self._failures.append(pa.Table.from_pylist(records, schema=FAILURES))
        for row in rows:
            details = {"kind": row.kind, "message": row.message, "attempt": row.attempt}
            logs.tell("failed", key=row.key, **details)

    def failures(self) -> pa.Table:
        """Return the last failure of everything that failed and was not done since."""
        table = _latest(self._failures.read().table)
        keys = set(table.column("key").to_pylist())
        steps = {Key.parse(key) for key in keys}
        mended = self.done() | {str(key) for key in self.store.done(steps)}
        return table.filter(pc.invert(pc.is_in(table["key"], pa.array(sorted(mended), _WORD))))

    def given_up(self) -> dict[str, dict[str, Any]]:
        """Return by key what failed for good: nothing but a mended cause lets it go well."""
        rows = self.failures().to_pylist()
        return {row["key"]: row for row in rows if row["cause"] and row["cause"] not in PASSING}

    def refuse_drift(self, steps: Iterable[Step[Spec]]) -> None:
        """Refuse to go on with cells that were finished when a default had another value.

        Raises:
            DriftError: On the first such cell, in the order given.
        """
        table = self.results().select(["key", "fields"])
        was = {row["key"]: row["fields"] for row in table.to_pylist()}
        for step in steps:
            then = was.get(str(step.key))
            if then is not None and then != fields_of(step.spec):
                now: Json = everything(step.spec)
                refuse_drift(str(step.key), was=json.loads(then), now=now)

    def compact(self) -> int:
        """Merge all parts into one and return how many there were; the rows stay as they are."""
        self._failures.compact(_latest)
        return self._results.compact(_earliest)

    def write_plan(self, name: str, table: pa.Table, meta: Mapping[str, Json]) -> None:
        """Write what a sweep asks for; ``meta`` is what its report says beside the grid."""
        text = json.dumps(meta, indent=1, sort_keys=True, allow_nan=False)
        schema = PLAN.with_metadata({**PLAN.metadata, _META: text.encode()})
        self.store.put(f"plans/{name}.parquet", to_bytes(table.cast(PLAN).cast(schema)))
        self.store.put(f"plans/{name}.json", text.encode())  # a copy, for people

    def plan(self, name: str) -> tuple[pa.Table, dict[str, Json]]:
        """Return a sweep's plan table and what it says beside.

        Raises:
            StoreError: If no sweep of that name was planned in this store.
        """
        data = self.store.get(f"plans/{name}.parquet")
        if data is None:
            raise StoreError(
                f"the plan of sweep {name!r} in {self.store.uri}",
                got="no plan",
                fix=f"run it first; {nearest(name, self.plans())}",
            )
        return _plan_from(data, where=f"{self.store.uri}/plans/{name}.parquet")

    def plans(self) -> list[str]:
        """Return the names of all sweeps that were planned in this store."""
        paths = self.store.list("plans")
        return [path[6:].removesuffix(".parquet") for path in paths if path.endswith(".parquet")]


def fields_of(spec: Spec) -> str:
    """Return every field of a spec in one JSON form, for a row's `fields`."""
    return json.dumps(everything(spec), sort_keys=True, separators=(",", ":"))


def _plan_from(data: bytes, *, where: str) -> tuple[pa.Table, dict[str, Json]]:
    try:
        inside = pq.read_schema(pa.BufferReader(data)).metadata or {}
        meta: dict[str, Json] = json.loads(inside[_META])
        table = from_bytes(data, PLAN, where=where)
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise StoreError(
            f"to read {where}", got=str(error), fix="run the sweep again; its plan is written anew"
        ) from error
    return table, meta


def _earliest(table: pa.Table) -> pa.Table:
    """Keep the row of each key that finished first; equals are told apart by what they say."""
    told_apart = ("key", "finished", "commit", "seconds", "value", "excluded")
    return _first(table.combine_chunks().sort_by([(name, "ascending") for name in told_apart]))


def _latest(table: pa.Table) -> pa.Table:
    """Keep the last failure of each key."""
    order = [("attempt", "descending"), ("when", "descending"), ("message", "ascending")]
    return _first(table.combine_chunks().sort_by([("key", "ascending"), *order]))


def _first(table: pa.Table) -> pa.Table:
    """Keep the first row of every key of a table that is sorted by key."""
    if len(table) < 2:
        return table
    keys = table.column("key").combine_chunks()
    new = pc.not_equal(keys[1:], keys[:-1])
    return table.filter(pa.concat_arrays([pa.array([True]), new]))
