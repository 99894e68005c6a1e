"""The rows of every table, each defined once: its columns, their types and their order.

The Arrow schema of a table is derived from its row. Rows are typed dictionaries, because that is
what Arrow reads and writes.
"""

from collections.abc import Callable, Iterable, Mapping
from types import NoneType
from typing import TypedDict, TypeVar, cast, get_args, get_type_hints

import pyarrow as pa

ARROW = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}


class PlanRow(TypedDict):
    """A cell of the grid as the plan of a sweep lists it."""

    key: str
    composition: str
    model: str
    task: str
    continent: str
    n: int
    protocol: str
    seed: int
    replicate: int
    metric: str
    excluded: str | None
    features: str
    checkpoint: str
    sample: str | None
    tested: str | None


class ResultRow(TypedDict):
    """The columns of a result in the ledger that tables need."""

    key: str
    value: float | None
    metrics: list[tuple[str, float]] | None
    n_train: int
    n_test: int
    classes: int | None
    notes: list[str] | None
    excluded: str | None
    seconds: float
    commit: str


class FailureRow(TypedDict):
    """The columns of a failure in the ledger that tables need."""

    key: str
    kind: str
    message: str


class Place(TypedDict):
    """What a summary is of; seeds and replicates lie within."""

    composition: str
    model: str
    task: str
    continent: str
    tested: str
    n: int
    protocol: str
    metric: str


class Setting(TypedDict):
    """What compositions are compared under; a comparison stays within one setting."""

    model: str
    task: str
    tested: str
    n: int
    protocol: str
    metric: str


class ModelSetting(TypedDict):
    """What is held fixed where tasks and continents are averaged."""

    model: str
    n: int
    protocol: str


class CellRow(TypedDict):
    """A cell of the grid: its place on every axis, and its result."""

    key: str
    composition: str
    model: str
    task: str
    continent: str
    tested: str
    n: int
    protocol: str
    seed: int
    replicate: int
    metric: str
    status: str
    why: str | None
    value: float | None
    skill: float | None
    """0 is as good as guessing, 1 is perfect."""
    n_train: int | None
    n_test: int | None
    classes: int | None
    notes: str
    seconds: float | None
    commit: str | None


class CoverageRow(TypedDict):
    """How many cells were planned, and what became of them."""

    composition: str
    model: str
    continent: str
    planned: int
    done: int
    failed: int
    open: int
    excluded: int
    why: str


class SummaryRow(Place):
    """The values at one place."""

    mean: float
    std: float | None
    median: float
    iqm: float
    low: float | None
    high: float | None
    num_seeds: int
    num_values: int
    num_replicates: int
    num_holes: int
    interval: str


class DifferenceRow(TypedDict):
    """How far a composition is ahead of the baseline at one place."""

    composition: str
    baseline: str
    model: str
    task: str
    continent: str
    tested: str
    n: int
    protocol: str
    metric: str
    difference: float
    error: float | None
    low: float | None
    high: float | None
    p: float | None
    p_holm: float | None
    p_bh: float | None
    distinguishable: bool
    detectable: float | None
    num_to_settle: int | None
    improves: float
    improves_low: float | None
    improves_high: float | None
    num_pairs: int
    num_seeds: int
    num_replicates: int
    num_holes: int
    num_tests: int
    interval: str


class RankRow(ModelSetting):
    """The rank of a composition over many places."""

    over: str
    composition: str
    dense_rank: float
    average_rank: float | None
    critical: float | None
    friedman: float | None
    p: float | None
    num_places: int


class InteractionRow(TypedDict):
    """Whether the difference of a composition depends on the model."""

    composition: str
    baseline: str
    n: int
    protocol: str
    models: str
    most: str
    least: str
    range: float
    f: float
    p: float
    p_holm: float
    depends: bool
    interval: str


class HomeSetting(TypedDict):
    """What is held fixed where continents are compared with each other."""

    model: str
    task: str
    n: int
    protocol: str
    metric: str


class HomeRow(HomeSetting):
    """How much better pretraining on the tested continent is."""

    advantage: float
    low: float | None
    high: float | None
    p: float | None
    p_assignment: float
    num_continents: int
    num_replicates: int
    interval: str


class LabelCurve(TypedDict):
    """What is held fixed where the number of labels grows."""

    composition: str
    baseline: str
    model: str
    task: str
    protocol: str
    metric: str


class ConvergenceRow(LabelCurve):
    """Whether a difference vanishes as the number of labels grows."""

    fewest: int
    most: int
    at_fewest: float
    at_most: float
    vanishes_at: int | None
    says: str


class DiversityRow(ModelSetting):
    """How a measure of diversity correlates with performance."""

    performance: str
    measure: str
    given: str
    rho: float
    low: float
    high: float
    p: float
    p_student: float
    num_compositions: int


class SignRow(TypedDict):
    """A sign of failure at one place."""

    sign: str
    composition: str
    model: str
    task: str
    continent: str
    tested: str
    n: int
    protocol: str
    metric: str
    found: float
    """The number that shows the sign."""
    told: str
    """The same in words."""


Row = TypeVar("Row", bound=Mapping[str, object])
Axes = TypeVar("Axes", bound=Mapping[str, object])


def schema_of(row: type[Row]) -> pa.Schema:
    """Return the Arrow schema of a table of such rows."""
    hints = get_type_hints(row)
    return pa.schema([(name, ARROW[_value_type(hint)]) for name, hint in hints.items()])


def to_table(rows: Iterable[Row], row: type[Row]) -> pa.Table:
    """Return rows as a table with the columns of their type."""
    return pa.Table.from_pylist(list(rows), schema=schema_of(row))


def rows_of(table: pa.Table, row: type[Row]) -> list[Row]:
    """Return the rows of a table, which must have the columns of their type."""
    missing = set(get_type_hints(row)) - set(table.column_names)
    assert not missing, f"no column {sorted(missing)} in a table of {row.__name__}"
    return cast("list[Row]", table.to_pylist())


def group_by(rows: Iterable[Row], axes: Callable[[Row], Axes]) -> list[tuple[Axes, list[Row]]]:
    """Return the rows of each place on some axes, in the order of the rows."""
    places: dict[tuple[object, ...], Axes] = {}
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        place = axes(row)
        key = tuple(place.values())
        places.setdefault(key, place)
        groups.setdefault(key, []).append(row)
    return [(places[key], group) for key, group in groups.items()]


def place_of(row: CellRow | SummaryRow | DifferenceRow | SignRow) -> Place:
    """Return the place of a row on the axes of a summary."""
    return {
        "composition": row["composition"],
        "model": row["model"],
        "task": row["task"],
        "continent": row["continent"],
        "tested": row["tested"],
        "n": row["n"],
        "protocol": row["protocol"],
        "metric": row["metric"],
    }


def setting_of(row: CellRow | SummaryRow | DifferenceRow) -> Setting:
    """Return the setting of a row."""
    return {
        "model": row["model"],
        "task": row["task"],
        "tested": row["tested"],
        "n": row["n"],
        "protocol": row["protocol"],
        "metric": row["metric"],
    }


def model_setting_of(row: SummaryRow | RankRow) -> ModelSetting:
    """Return the model, the number of labels and the protocol of a row."""
    return {"model": row["model"], "n": row["n"], "protocol": row["protocol"]}


def _value_type(hint: object) -> type:
    """Return the type of a value that may be missing."""
    (kind,) = {*get_args(hint)} - {NoneType} or {hint}
    return cast("type", kind)
