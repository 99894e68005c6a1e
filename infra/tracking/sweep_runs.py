"""What the mirror of a sweep should show: plain values, made from plan, ledger and records alone.

One entry per run: the sweep, each pretraining or checkpoint from outside, each composition x model
x task, each finished or failed cell. Nothing here knows MLflow; times come from the ledger, so an
entry made twice is equal.
"""

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, cast

import pyarrow.parquet as pq

from terrasweep.infra.spec import Json
from terrasweep.infra.step import Key
from terrasweep.infra.storage.ledger import Ledger
from terrasweep.infra.storage.record import Record
from terrasweep.infra.storage.store import Store
from terrasweep.infra.tracking.notes import AXES, pretrain_note, sweep_note
from terrasweep.infra.tracking.run import Dataset, Point, RunEntry, milliseconds, points, sweep_key
from terrasweep.infra.tracking.summaries import place_of, summaries, summary_key, times, where

MAX_POINTS = 200
"""Points of one curve that are mirrored; the whole curve stays in the store."""
MAX_TAG = 4000
RESULT = (
    *("key", "metric", "value", "metrics", "n_train", "n_test", "excluded", "features"),
    *("seconds", "finished"),
)
"""The columns of the ledger that are shown, or that say when it was."""
CURVES = ("loss", "lr", "samples_per_s", "mfu", "peak_mb")
"""What is shown of a pretraining."""

Row: TypeAlias = dict[str, Any]
"""One row of an Arrow table."""


@dataclass(frozen=True, slots=True)
class CellRun:
    """A finished or a failed cell, whose entry is made when it is asked for: there may be many."""

    sweep: str
    row: Row
    result: Row | None
    failure: Row | None
    recipe: str | None

    @property
    def key(self) -> str:
        """The key that its run is found again by."""
        return str(self.row["key"])

    @property
    def is_done(self) -> bool:
        """Whether it has a value."""
        return self.result is not None

    @property
    def parent(self) -> str:
        """What its run hangs under: the sweep while its summary may not exist yet."""
        return summary_key(place_of(self.row)) if self.is_done else sweep_key(self.sweep)

    @property
    def span(self) -> tuple[int, int]:
        """When it began and ended, as MLflow counts."""
        if self.result is not None:
            return times(self.result)
        when = milliseconds(self._failed["when"])
        return when, when

    def entry(self) -> RunEntry:
        """Return its run as MLflow should show it."""
        row = self.row
        params = {axis: str(row[axis]) for axis in AXES}
        label = f"{row['composition']} · {where(row)} · s{row['seed']} · r{row['replicate']}"
        if self.result is None:
            return _failed(self._failed, "cell", label, parent=self.parent, params=params)
        tags = {} if self.recipe is None else {"recipe": self.recipe}
        cell = _cell(self.result, label, parent=self.parent, params=params, tags=tags)
        links = {"summary": self.parent, "pretraining": row["checkpoint"]}
        return replace(cell, links=links)

    @property
    def _failed(self) -> Row:
        assert self.failure is not None  # a cell without either has no run
        return self.failure


@dataclass(frozen=True)
class SweepRuns:
    """All that MLflow should show of a sweep."""

    above: tuple[RunEntry, ...]
    """The sweep itself, its pretrainings and its summaries, parents first."""
    cells: tuple[CellRun, ...]

    def __len__(self) -> int:
        return len(self.above) + len(self.cells)

    def __iter__(self) -> Iterator[RunEntry]:
        """Yield every entry, parents first."""
        yield from self.above
        yield from (cell.entry() for cell in self.cells)


def sweep_runs(store: Store, ledger: Ledger, name: str) -> SweepRuns:
    """Return all that MLflow should show of a sweep."""
    plan, meta = ledger.plan(name)
    rows: list[Row] = plan.to_pylist()
    results = {row["key"]: row for row in ledger.results().select(RESULT).to_pylist()}
    failures = {row["key"]: row for row in ledger.failures().to_pylist()}
    wanted = [row for row in rows if row["excluded"] is None]
    trained = [
        *_pretrainings(store, wanted, name=name, failures=failures),
        *_imported(store, wanted, name=name),
    ]
    recipes = cast("Mapping[str, Json]", meta.get("recipes", {}))
    recipe = str(recipes["finetune"]) if "finetune" in recipes else None
    cells = tuple(
        CellRun(name, row, results.get(row["key"]), failures.get(row["key"]), recipe)
        for row in wanted
        if row["key"] in results or row["key"] in failures
    )
    sums = summaries(wanted, name=name, results=results)
    return SweepRuns(
        (_sweep(name, rows, meta, trained=trained, cells=cells), *trained, *sums), cells
    )


def _sweep(
    name: str,
    rows: Sequence[Row],
    meta: Mapping[str, Any],
    *,
    trained: Sequence[RunEntry],
    cells: Sequence[CellRun],
) -> RunEntry:
    excluded = sum(row["excluded"] is not None for row in rows)
    done = sum(cell.is_done for cell in cells)
    counts = {
        "cells/planned": len(rows) - excluded,
        "cells/done": done,
        "cells/failed": len(cells) - done,
        "cells/excluded": excluded,
    }
    spans = [(entry.started_ms, entry.ended_ms or 0) for entry in trained]
    spans += [cell.span for cell in cells]
    last = max((ended for _, ended in spans), default=0)
    items = ("question", "hypothesis", "baseline", "synthetic", "assumed")
    return RunEntry(
        key=sweep_key(name),
        kind="sweep",
        name=name,
        parent=None,
        started_ms=min((started for started, _ in spans), default=0),
        ended_ms=last if done == len(rows) - excluded else None,
        points=points(counts, when_ms=last, step=done),
        tags={item: str(meta[item])[:MAX_TAG] for item in items if item in meta},
        note=sweep_note(meta),
    )


def _pretrainings(
    store: Store, wanted: list[Row], *, name: str, failures: Mapping[str, Row]
) -> Iterator[RunEntry]:
    checkpoints = {row["checkpoint"]: row for row in wanted if row["sample"] is not None}
    for key, row in sorted(checkpoints.items()):
        params = {axis: str(row[axis]) for axis in ("composition", "model", "replicate")}
        label = f"pretrain · {row['model']} · {row['composition']} · r{row['replicate']}"
        record = store.record(Key.parse(key))
        if record is not None:
            yield _trained(store, record, name=label, sweep=name, params=params, row=row)
        elif key in failures:
            yield _failed(failures[key], "pretrain", label, parent=sweep_key(name), params=params)


def _trained(
    store: Store, record: Record, *, name: str, sweep: str, params: dict[str, str], row: Row
) -> RunEntry:
    started = milliseconds(record.provenance.started)
    weights = f"{store.uri}/{record.folder}/weights.safetensors"
    drawn = store.record(Key.parse(row["sample"]))
    manifest = _manifest(store, drawn, name=row["composition"]) if drawn else None
    return RunEntry(
        key=record.key,
        kind="pretrain",
        name=name,
        parent=sweep_key(sweep),
        started_ms=started,
        ended_ms=started + round(1000 * record.provenance.seconds),
        params=params,
        points=tuple(_curve(store, record, started_ms=started)),
        tags={"recipe": str(record.recipe), "checkpoint": weights},
        note=pretrain_note(
            key=record.key, weights=weights, manifest=manifest.uri if manifest else None
        ),
        links={"sweep": sweep_key(sweep)},
        dataset=manifest,
    )


def _imported(store: Store, wanted: list[Row], *, name: str) -> Iterator[RunEntry]:
    """Yield the checkpoints from outside, with whose they are."""
    rows = {row["checkpoint"]: row for row in wanted}
    for key, row in sorted(rows.items()):
        record = store.record(Key.parse(key)) if Key.parse(key).stage == "checkpoint" else None
        if record is None:
            continue
        started = milliseconds(record.provenance.started)
        weights = f"{store.uri}/{record.folder}/weights.safetensors"
        origin = {f"origin.{item}": str(value)[:MAX_TAG] for item, value in record.origin.items()}
        yield RunEntry(
            key=key,
            kind="checkpoint",
            name=f"checkpoint · {row['model']} · {row['composition']}",
            parent=sweep_key(name),
            started_ms=started,
            ended_ms=started + round(1000 * record.provenance.seconds),
            params={axis: str(row[axis]) for axis in ("composition", "model")},
            tags={"recipe": str(record.recipe), "checkpoint": weights, **origin},
        )


def _manifest(store: Store, drawn: Record, *, name: str) -> Dataset:
    uri = f"{store.uri}/{drawn.folder}/manifest.parquet"
    return Dataset(name=name, digest=Key.parse(drawn.key).digest, uri=uri)


def _curve(store: Store, record: Record, *, started_ms: int) -> Iterator[Point]:
    data = store.get(f"{record.folder}/history.parquet")
    if data is None:
        return
    history: list[Row] = pq.read_table(io.BytesIO(data)).to_pylist()
    keep = range(0, len(history), max(1, math.ceil(len(history) / MAX_POINTS)))
    shown = sorted({*keep, len(history) - 1}) if history else []
    for index in shown:
        passed = record.provenance.seconds * (index + 1) / len(history)
        values = {item: history[index].get(item) for item in CURVES}  # older ones have fewer
        when = started_ms + round(1000 * passed)
        yield from points(values, when_ms=when, step=history[index]["step"])


def _cell(
    result: Row, label: str, *, parent: str, params: dict[str, str], tags: dict[str, str]
) -> RunEntry:
    started, ended = times(result)
    values = {**dict(result["metrics"] or {}), result["metric"]: result["value"]}
    values |= {item: result[item] for item in ("n_train", "n_test", "seconds")}
    if result["excluded"] is not None:
        tags = {**tags, "excluded": str(result["excluded"])[:MAX_TAG]}
    return RunEntry(
        key=result["key"],
        kind="cell",
        name=label,
        parent=parent,
        started_ms=started,
        ended_ms=ended,
        params=params,
        points=points(values, when_ms=ended),
        tags={**tags, "features": str(result["features"])},
    )


def _failed(
    failure: Row, kind: str, label: str, *, parent: str, params: dict[str, str]
) -> RunEntry:
    when = milliseconds(failure["when"])
    return RunEntry(
        key=failure["key"],
        kind=kind,
        name=label,
        parent=parent,
        started_ms=when,
        ended_ms=when,
        status="FAILED",
        params=params,
        tags={
            "failure": str(failure["kind"])[:MAX_TAG],
            "message": str(failure["message"])[:MAX_TAG],
        },
    )
