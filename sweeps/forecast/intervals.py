"""How wide the interval of a comparison will be, from the spread of earlier results."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import fsum, sqrt
from typing import Any, TypeAlias

import pyarrow as pa
from scipy.special import stdtrit

from terrasweep.dashboards.tables.cells import tidy
from terrasweep.infra.storage.axes import PLACE as CELL_PLACE
from terrasweep.infra.storage.ledger import FAILURES, Ledger
from terrasweep.infra.summary import CONFIDENCE
from terrasweep.sweeps.plan import plan_table
from terrasweep.sweeps.plan.grid import Plan

Row: TypeAlias = Mapping[str, Any]
Place: TypeAlias = tuple[Any, ...]

PLACE = tuple(axis for axis in CELL_PLACE if axis not in ("composition", "continent", "tested"))


@dataclass(frozen=True)
class Width:
    """The expected half width of the interval of a composition against the baseline."""

    model: str
    task: str
    n: int
    protocol: str
    metric: str
    half_width: float | None
    """None where fewer than two earlier pairs are known, or one more unit is needed."""
    num_pairs: int
    """Earlier differences that the spread was taken from."""
    unit: str
    """What is counted as one independent observation: a seed or a replicate."""


def widths(plan: Plan, *, results: pa.Table, ledger: Ledger) -> list[Width]:
    """Return what to expect for every model, task, n and protocol of a plan.

    The spread is that of this sweep's own results where it has some, else of the first earlier
    sweep in the ledger with the same names.
    """
    unit = "replicate" if plan.sweep.replicates > 1 else "seed"
    planned = plan.sweep.replicates if unit == "replicate" else len(plan.sweep.seeds)
    places = sorted({_place(vars(cell)) for cell in plan.included})
    known: dict[Place, tuple[float, int]] = {}
    for rows, baseline in _sources(plan, results, ledger):
        known = {**_spreads(rows, baseline, unit), **known}
        if known.keys() >= set(places):
            break  # earlier sweeps are read only where this one has no results yet
    return [_width(place, known.get(place), num_units=planned, unit=unit) for place in places]


def _width(place: Place, spread: tuple[float, int] | None, *, num_units: int, unit: str) -> Width:
    axes = dict(zip(PLACE, place, strict=True))
    if spread is None:
        return Width(**axes, half_width=None, num_pairs=0, unit=unit)
    half = half_width(spread[0], num_units=num_units)
    return Width(**axes, half_width=half, num_pairs=spread[1], unit=unit)


def half_width(deviation: float, *, num_units: int) -> float | None:
    """Return half of Student's interval for a mean difference; None for a single unit."""
    if num_units < 2:
        return None
    return float(stdtrit(num_units - 1, 0.5 + CONFIDENCE / 2)) * deviation / sqrt(num_units)


def _sources(plan: Plan, results: pa.Table, ledger: Ledger) -> Iterable[tuple[list[Row], str]]:
    none_failed = FAILURES.empty_table()
    today = tidy(plan_table.table(plan), results=results, failures=none_failed)
    yield today.to_pylist(), plan.sweep.baseline
    for name in ledger.plans():
        table, meta = ledger.plan(name)
        earlier = tidy(table, results=results, failures=none_failed)
        yield earlier.to_pylist(), str(meta.get("baseline"))


def _spreads(rows: list[Row], baseline: str, unit: str) -> dict[Place, tuple[float, int]]:
    """Return the pooled deviation of paired differences, and how many, for every place."""
    values: dict[Place, dict[str, dict[int, list[float]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for row in rows:
        if row["value"] is not None and (unit == "replicate" or row["replicate"] == 0):
            where = (*_place(row), row["continent"], row["tested"])
            values[where][row["composition"]][row[unit]].append(row["value"])
    groups: dict[Place, list[list[float]]] = defaultdict(list)
    for where, by_composition in values.items():
        groups[where[: len(PLACE)]] += _differences(by_composition, baseline)
    pooled = {place: _pooled_deviation(differences) for place, differences in groups.items()}
    return {place: spread for place, spread in pooled.items() if spread is not None}


def _differences(
    by_composition: Mapping[str, Mapping[int, list[float]]], baseline: str
) -> list[list[float]]:
    base = by_composition.get(baseline, {})
    return [
        [_mean(units[unit]) - _mean(base[unit]) for unit in units.keys() & base.keys()]
        for composition, units in by_composition.items()
        if composition != baseline
    ]


def _pooled_deviation(groups: list[list[float]]) -> tuple[float, int] | None:
    """Pool the variances of groups that have at least two differences."""
    large = [group for group in groups if len(group) > 1]
    if not large:
        return None
    freedom = sum(len(group) - 1 for group in large)
    centred = [(_mean(group), group) for group in large]
    squares = fsum(fsum((value - middle) ** 2 for value in group) for middle, group in centred)
    return sqrt(squares / freedom), sum(map(len, large))


def _mean(values: list[float]) -> float:
    return fsum(values) / len(values)


def _place(row: Row) -> Place:
    return tuple(row[axis] for axis in PLACE)
