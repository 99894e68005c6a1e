"""Tables from the ledger alone: every cell of the grid, what is there, and what it says."""

import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeAlias

import pyarrow as pa
from pyarrow import csv

from terrasweep.infra.errors import TerrasweepError
from terrasweep.infra.summary import LESS_IS_BETTER, spread

Row: TypeAlias = dict[str, Any]
"""One row of an Arrow table."""

PLACE = ("composition", "model", "task", "continent", "tested", "n", "protocol", "metric")
"""What a summary is of; seeds and replicates lie within."""

SAME = "same"
"""Judged where it was finetuned."""

TIDY = pa.schema(
    [
        ("key", pa.string()),
        ("composition", pa.string()),
        ("model", pa.string()),
        ("task", pa.string()),
        ("continent", pa.string()),
        ("tested", pa.string()),
        ("n", pa.int64()),
        ("protocol", pa.string()),
        ("seed", pa.int64()),
        ("replicate", pa.int64()),
        ("metric", pa.string()),
        ("status", pa.string()),
        ("why", pa.string()),
        ("value", pa.float64()),
        ("skill", pa.float64()),
        ("n_train", pa.int64()),
        ("n_test", pa.int64()),
        ("classes", pa.int64()),
        ("notes", pa.string()),
        ("seconds", pa.float64()),
        ("commit", pa.string()),
    ]
)

COVERAGE = pa.schema(
    [
        ("composition", pa.string()),
        ("model", pa.string()),
        ("continent", pa.string()),
        ("planned", pa.int64()),
        ("done", pa.int64()),
        ("failed", pa.int64()),
        ("open", pa.int64()),
        ("excluded", pa.int64()),
        ("why", pa.string()),
    ]
)

SUMMARY = pa.schema(
    [
        ("composition", pa.string()),
        ("model", pa.string()),
        ("task", pa.string()),
        ("continent", pa.string()),
        ("tested", pa.string()),
        ("n", pa.int64()),
        ("protocol", pa.string()),
        ("metric", pa.string()),
        ("mean", pa.float64()),
        ("std", pa.float64()),
        ("median", pa.float64()),
        ("iqm", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("num_seeds", pa.int64()),
        ("num_values", pa.int64()),
        ("num_replicates", pa.int64()),
        ("num_holes", pa.int64()),
        ("interval", pa.string()),
    ]
)

WITHOUT_LUCK = "without the luck of the pretraining run"
WITH_LUCK = "over pretraining runs"


class Status(StrEnum):
    """How far a cell of the grid is."""

    DONE = "done"
    FAILED = "failed"
    OPEN = "open"
    EXCLUDED = "excluded"


class Holes(StrEnum):
    """What a summary does where planned cells have no value."""

    REFUSE = "refuse"
    COUNT = "count"


class HolesError(TerrasweepError):
    """A summary was asked for, but planned cells have no value."""


def tidy(plan: pa.Table, *, results: pa.Table, failures: pa.Table) -> pa.Table:
    """Return one row per cell of the plan: its place on every axis and what became of it."""
    found = {row["key"]: row for row in results.to_pylist()}
    failed = {row["key"]: row for row in failures.to_pylist()}
    rows = [_joined(row, found.get(row["key"]), _failure(row, failed)) for row in plan.to_pylist()]
    return pa.Table.from_pylist(rows, schema=TIDY)


def coverage(cells: pa.Table) -> pa.Table:
    """Count what was planned, done, failed, left open and excluded, and say why."""
    groups = grouped(cells, ("composition", "model", "continent"))
    rows = [{**place, **_counts(rows)} for place, rows in groups]
    return pa.Table.from_pylist(rows, schema=COVERAGE)


def summary(cells: pa.Table, *, holes: Holes = Holes.REFUSE) -> pa.Table:
    """Return mean, std and interval over seeds and replicates for every place on the grid.

    Raises:
        HolesError: If planned cells have no value and holes are refused.
    """
    if holes is Holes.REFUSE:
        refuse_holes(cells)
    rows = [_summarised(place, rows) for place, rows in grouped(cells, PLACE)]
    return pa.Table.from_pylist([row for row in rows if row is not None], schema=SUMMARY)


def refuse_holes(cells: pa.Table) -> None:
    """Refuse to go on with a grid that has holes.

    Raises:
        HolesError: If planned cells have no value.
    """
    empty = [row for row in cells.to_pylist() if is_hole(row)]
    if not empty:
        return
    counted = Counter(row["status"] for row in empty)
    said = " and ".join(f"{number:,} {status}" for status, number in sorted(counted.items()))
    first = empty[0]
    where = ", ".join(f"{axis} {first[axis]}" for axis in (*PLACE[:-1], "seed", "replicate"))
    raise HolesError(
        f"all {cells.num_rows:,} cells of the grid",
        got=f"{said}; the first is {where}",
        fix="run the sweep again to fill them, or ask for a summary that counts its holes",
    )


def is_hole(row: Row) -> bool:
    """Say whether a cell was planned and has no value."""
    return row["status"] in (Status.FAILED, Status.OPEN)


def grouped(cells: pa.Table, axes: Sequence[str]) -> list[tuple[Row, list[Row]]]:
    """Return the rows of each place on some axes, in the order of the table."""
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in cells.to_pylist():
        groups[tuple(row[axis] for axis in axes)].append(row)
    return [(dict(zip(axes, place, strict=True)), rows) for place, rows in groups.items()]


def by_replicate(rows: Iterable[Row]) -> dict[int, dict[int, float]]:
    """Return the values of some cells by replicate and seed."""
    values: dict[int, dict[int, float]] = defaultdict(dict)
    for row in rows:
        if row["value"] is not None:
            values[row["replicate"]][row["seed"]] = row["value"]
    return dict(values)


def judged_at_home(table: pa.Table) -> list[Row]:
    """Return the rows of what was judged where it was finetuned, as the studies do."""
    return [row for row in table.to_pylist() if row["tested"] == SAME]


def direction(metric: str) -> int:
    """Return 1 where more of a metric is better, else -1."""
    return -1 if metric in LESS_IS_BETTER else 1


def to_csv(table: pa.Table) -> bytes:
    """Return a table as CSV with a header line."""
    out = io.BytesIO()
    csv.write_csv(table, out)
    return out.getvalue()


def _failure(cell: Row, failed: Mapping[str, Row]) -> str | None:
    """Return what raised: the cell itself, or a step that it needs."""
    if cell["key"] in failed:
        return str(failed[cell["key"]]["kind"])
    for need in ("sample", "checkpoint", "features"):
        if cell[need] in failed:
            return f"{cell[need].partition('/')[0]}: {failed[cell[need]]['kind']}"
    return None


def _joined(cell: Row, result: Row | None, failure: str | None) -> Row:
    status, why = _fate(cell, result, failure)
    told = {} if cell["excluded"] is not None else result or {}
    return {
        **{name: cell[name] for name in TIDY.names if name in cell},
        "tested": cell.get("tested") or SAME,
        "skill": _skill(told),
        "status": status,
        "why": why,
        "notes": "; ".join(told.get("notes") or ()),
        **{name: told.get(name) for name in ("value", "n_train", "n_test", "classes")},
        **{name: told.get(name) for name in ("seconds", "commit")},
    }


def _skill(result: Row) -> float | None:
    """Return how much better than guessing a cell is: 0 is as good as guessed, 1 is perfect."""
    metrics = dict(result.get("metrics") or ())
    if "r2" in metrics:
        return float(metrics["r2"])
    classes = result.get("classes") or 0
    if "balanced_accuracy" not in metrics or classes < 2:
        return None
    return float((metrics["balanced_accuracy"] - 1 / classes) / (1 - 1 / classes))


def _fate(cell: Row, result: Row | None, failure: str | None) -> tuple[Status, str | None]:
    if cell["excluded"] is not None:
        return Status.EXCLUDED, cell["excluded"]
    if result is not None and result["value"] is None:
        return Status.EXCLUDED, result["excluded"] or "no value"
    if result is not None:
        return Status.DONE, None
    return (Status.OPEN, None) if failure is None else (Status.FAILED, failure)


def _counts(rows: list[Row]) -> Mapping[str, int | str]:
    counted = Counter(row["status"] for row in rows)
    reasons = Counter(f"{row['status']}: {row['why']}" for row in rows if row["why"] is not None)
    return {
        "planned": len(rows) - counted[Status.EXCLUDED],
        **{status: counted[status] for status in Status},
        "why": "; ".join(f"{reason} ({number})" for reason, number in sorted(reasons.items())),
    }


def _summarised(place: Row, rows: list[Row]) -> Row | None:
    values = by_replicate(rows)
    if not values:
        return None
    found = spread({replicate: list(seeds.values()) for replicate, seeds in values.items()})
    return {
        **place,
        "mean": found.mean,
        "std": found.std,
        "median": found.median,
        "iqm": found.iqm,
        "low": found.low,
        "high": found.high,
        "num_seeds": len({seed for seeds in values.values() for seed in seeds}),
        "num_values": found.num_values,
        "num_replicates": found.num_replicates,
        "num_holes": sum(is_hole(row) for row in rows),
        "interval": WITH_LUCK if found.has_luck else WITHOUT_LUCK,
    }
