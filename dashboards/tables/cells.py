"""Tables from the ledger alone: every cell of the grid, its status and its result."""

import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import TypedDict, TypeVar

import pyarrow as pa
from pyarrow import csv

from terrasweep.dashboards.tables.rows import (
    CellRow,
    CoverageRow,
    DifferenceRow,
    FailureRow,
    Place,
    PlanRow,
    ResultRow,
    SummaryRow,
    group_by,
    place_of,
    rows_of,
    to_table,
)
from terrasweep.infra.errors import TerrasweepError
from terrasweep.infra.summary import LESS_IS_BETTER, spread

SAME = "same"
"""Tested on the continent that the probe was finetuned on."""

WITHOUT_LUCK = "without the luck of the pretraining run"
WITH_LUCK = "over pretraining runs"

Tested = TypeVar("Tested", CellRow, SummaryRow, DifferenceRow)


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


class CoverageAxes(TypedDict):
    """What cells are counted by."""

    composition: str
    model: str
    continent: str


def tidy(plan: pa.Table, *, results: pa.Table, failures: pa.Table) -> pa.Table:
    """Return one row per cell of the plan: its place on every axis, its status and its result."""
    by_key = {row["key"]: row for row in rows_of(results, ResultRow)}
    failed = {row["key"]: row for row in rows_of(failures, FailureRow)}
    rows = (
        _cell(row, by_key.get(row["key"]), _failure(row, failed)) for row in rows_of(plan, PlanRow)
    )
    return to_table(rows, CellRow)


def coverage(cells: pa.Table) -> pa.Table:
    """Count cells that were planned, done, failed, left open and excluded, with the reasons."""
    groups = group_by(rows_of(cells, CellRow), _coverage_axes)
    return to_table((_covered(axes, rows) for axes, rows in groups), CoverageRow)


def summary(cells: pa.Table, *, holes: Holes = Holes.REFUSE) -> pa.Table:
    """Return mean, std and interval over seeds and replicates for every place on the grid.

    Raises:
        HolesError: If planned cells have no value and holes are refused.
    """
    if holes is Holes.REFUSE:
        refuse_holes(cells)
    rows = (_summarised(place, rows) for place, rows in group_by(rows_of(cells, CellRow), place_of))
    return to_table((row for row in rows if row is not None), SummaryRow)


def refuse_holes(cells: pa.Table) -> None:
    """Refuse to go on with a grid that has holes.

    Raises:
        HolesError: If planned cells have no value.
    """
    empty = [row for row in rows_of(cells, CellRow) if is_hole(row)]
    if not empty:
        return
    counts = sorted(Counter(row["status"] for row in empty).items())
    first = empty[0]
    axes = {axis: value for axis, value in place_of(first).items() if axis != "metric"}
    axes |= {"seed": first["seed"], "replicate": first["replicate"]}
    where = ", ".join(f"{axis} {value}" for axis, value in axes.items())
    raise HolesError(
        f"a value in all {cells.num_rows:,} cells of the grid",
        got=f"{' and '.join(f'{number:,} {status}' for status, number in counts)}; "
        f"the first is {where}",
        fix="run the sweep again to fill them, or ask for a summary that counts its holes",
    )


def is_hole(row: CellRow) -> bool:
    """Return whether a cell was planned and has no value."""
    return row["status"] in (Status.FAILED, Status.OPEN)


def by_replicate(rows: Iterable[CellRow]) -> dict[int, dict[int, float]]:
    """Return the values of some cells by replicate and seed."""
    values: dict[int, dict[int, float]] = defaultdict(dict)
    for row in rows:
        if row["value"] is not None:
            values[row["replicate"]][row["seed"]] = row["value"]
    return dict(values)


def tested_where_trained(rows: Iterable[Tested]) -> list[Tested]:
    """Return the rows that were tested on the continent of their training samples."""
    return [row for row in rows if row["tested"] == SAME]


def direction(metric: str) -> int:
    """Return 1 where more of a metric is better, else -1."""
    return -1 if metric in LESS_IS_BETTER else 1


def to_csv(table: pa.Table) -> bytes:
    """Return a table as CSV with a header line."""
    out = io.BytesIO()
    csv.write_csv(table, out)
    return out.getvalue()


def _failure(cell: PlanRow, failed: Mapping[str, FailureRow]) -> str | None:
    """Return the error of a cell, or of a step that it needs."""
    if cell["key"] in failed:
        return failed[cell["key"]]["kind"]
    for step in (cell["sample"], cell["checkpoint"], cell["features"]):
        if step is not None and step in failed:
            return f"{step.partition('/')[0]}: {failed[step]['kind']}"
    return None


def _cell(cell: PlanRow, result: ResultRow | None, failure: str | None) -> CellRow:
    status, why = _status(cell, result, failure)
    known = None if cell["excluded"] is not None else result
    return {
        "key": cell["key"],
        "composition": cell["composition"],
        "model": cell["model"],
        "task": cell["task"],
        "continent": cell["continent"],
        "tested": cell["tested"] or SAME,
        "n": cell["n"],
        "protocol": cell["protocol"],
        "seed": cell["seed"],
        "replicate": cell["replicate"],
        "metric": cell["metric"],
        "status": status,
        "why": why,
        "value": known and known["value"],
        "skill": known and _skill(known),
        "n_train": known and known["n_train"],
        "n_test": known and known["n_test"],
        "classes": known and known["classes"],
        "notes": "; ".join((known and known["notes"]) or ()),
        "seconds": known and known["seconds"],
        "commit": known and known["commit"],
    }


def _skill(result: ResultRow) -> float | None:
    """Return how much better than guessing a cell is: 0 is as good as guessed, 1 is perfect."""
    metrics = dict(result["metrics"] or ())
    if "r2" in metrics:
        return float(metrics["r2"])
    classes = result["classes"] or 0
    if "balanced_accuracy" not in metrics or classes < 2:
        return None
    # Guessing among k classes has a balanced accuracy of 1 / k.
    return float((metrics["balanced_accuracy"] - 1 / classes) / (1 - 1 / classes))


def _status(
    cell: PlanRow, result: ResultRow | None, failure: str | None
) -> tuple[Status, str | None]:
    if cell["excluded"] is not None:
        return Status.EXCLUDED, cell["excluded"]
    if result is not None and result["value"] is None:
        return Status.EXCLUDED, result["excluded"] or "no value"
    if result is not None:
        return Status.DONE, None
    return (Status.OPEN, None) if failure is None else (Status.FAILED, failure)


def _coverage_axes(row: CellRow) -> CoverageAxes:
    return {
        "composition": row["composition"],
        "model": row["model"],
        "continent": row["continent"],
    }


def _covered(axes: CoverageAxes, rows: Sequence[CellRow]) -> CoverageRow:
    counts = Counter(row["status"] for row in rows)
    reasons = Counter(f"{row['status']}: {row['why']}" for row in rows if row["why"] is not None)
    return {
        **axes,
        "planned": len(rows) - counts[Status.EXCLUDED],
        "done": counts[Status.DONE],
        "failed": counts[Status.FAILED],
        "open": counts[Status.OPEN],
        "excluded": counts[Status.EXCLUDED],
        "why": "; ".join(f"{reason} ({number})" for reason, number in sorted(reasons.items())),
    }


def _summarised(place: Place, rows: Sequence[CellRow]) -> SummaryRow | None:
    values = by_replicate(rows)
    if not values:
        return None
    statistics = spread({replicate: list(seeds.values()) for replicate, seeds in values.items()})
    return {
        **place,
        "mean": statistics.mean,
        "std": statistics.std,
        "median": statistics.median,
        "iqm": statistics.iqm,
        "low": statistics.low,
        "high": statistics.high,
        "num_seeds": len({seed for seeds in values.values() for seed in seeds}),
        "num_values": statistics.num_values,
        "num_replicates": statistics.num_replicates,
        "num_holes": sum(is_hole(row) for row in rows),
        "interval": WITH_LUCK if statistics.has_luck else WITHOUT_LUCK,
    }
