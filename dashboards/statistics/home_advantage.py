"""Is local best? Compositions of one continent each, judged on every continent.

The home advantage is the mean of the diagonal less the mean off it: each continent's own
pretraining against the others'. A composition that is good everywhere and a continent that is easy
for all cancel out, because each stands once on the diagonal and equally often beside it.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
import pyarrow as pa

from terrasweep.dashboards.statistics.intervals import estimate
from terrasweep.dashboards.tables.cells import (
    WITH_LUCK,
    WITHOUT_LUCK,
    Row,
    by_replicate,
    direction,
    judged_at_home,
)

FEWEST = 3
"""Continents below which home and abroad are hardly told apart."""
SETTING = ("model", "task", "n", "protocol", "metric")

CROSSING = pa.schema(
    [
        ("model", pa.string()),
        ("task", pa.string()),
        ("n", pa.int64()),
        ("protocol", pa.string()),
        ("metric", pa.string()),
        ("advantage", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("p", pa.float64()),
        ("p_assignment", pa.float64()),
        ("num_continents", pa.int64()),
        ("num_replicates", pa.int64()),
        ("interval", pa.string()),
    ]
)


@dataclass(frozen=True)
class Crossing:
    """One matrix: pretrained on the row's continent, judged on the column's."""

    setting: Mapping[str, Any]
    continents: tuple[str, ...]
    compositions: tuple[str, ...]
    """The composition that learnt from each of the continents, in their order."""
    values: Mapping[int, Mapping[int, np.ndarray]]
    """The matrix of each replicate and seed."""

    @property
    def mean(self) -> np.ndarray:
        """The matrix, averaged over replicates and seeds."""
        every = [one for seeds in self.values.values() for one in seeds.values()]
        return np.asarray(np.mean(every, axis=0))

    def row(self) -> Row:
        """Return the home advantage and its tests."""
        advantages = {
            replicate: {seed: self._sign * home_advantage(one) for seed, one in seeds.items()}
            for replicate, seeds in self.values.items()
        }
        found = estimate(advantages, words=["crossing", *map(str, self.setting.values())])
        return {
            **self.setting,
            "advantage": found.mean,
            "low": found.low,
            "high": found.high,
            "p": found.p,
            "p_assignment": assignment_p(self._sign * self.mean),
            "num_continents": len(self.continents),
            "num_replicates": len(self.values),
            "interval": WITH_LUCK if len(self.values) > 1 else WITHOUT_LUCK,
        }

    @property
    def _sign(self) -> int:
        return direction(self.setting["metric"])


def home_advantage(matrix: np.ndarray) -> float:
    """Return the mean of a square matrix's diagonal less the mean of all else."""
    size = len(matrix)
    home = float(np.trace(matrix))
    return home / size - (float(matrix.sum()) - home) / (size * (size - 1))


def assignment_p(matrix: np.ndarray) -> float:
    """Return how often other pairings of rows and columns would have as large an advantage."""
    size = len(matrix)
    orders = np.array(list(permutations(range(size))))
    diagonals = matrix[np.arange(size), orders].sum(axis=1)
    return float((diagonals >= np.trace(matrix) - 1e-12).mean())


def crossing(crossings: Sequence[Crossing]) -> pa.Table:
    """Return the home advantage of each matrix."""
    return pa.Table.from_pylist([one.row() for one in crossings], schema=CROSSING)


def crossings(cells: pa.Table, compositions: Mapping[str, Any]) -> list[Crossing]:
    """Return the matrix of every setting that has three continents or more to cross.

    Args:
        cells: The tidy table.
        compositions: What each composition is, as the plan tells it.
    """
    homes = {home: name for name, told in compositions.items() if (home := _home(told))}
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in judged_at_home(cells):
        if row["value"] is not None and row["continent"] in homes:
            groups[tuple(row[axis] for axis in SETTING)].append(row)
    found = (_crossed(place, rows, homes) for place, rows in groups.items())
    return [one for one in found if one is not None]


def _home(told: Mapping[str, Any]) -> str | None:
    """Return the one continent that a composition learns from, if it is one."""
    rule = told.get("rule", told)
    if rule.get("kind") != "only" or rule.get("over", "continent") != "continent":
        return None
    values = rule.get("values", ())
    return str(values[0]) if len(values) == 1 else None


def _crossed(place: tuple[Any, ...], rows: list[Row], homes: Mapping[str, str]) -> Crossing | None:
    judged = {row["continent"] for row in rows}
    learnt = {row["composition"] for row in rows}
    continents = tuple(sorted(home for home in homes if home in judged and homes[home] in learnt))
    if len(continents) < FEWEST:
        return None
    values = dict(_matrices(rows, continents, homes))
    if not values:
        return None
    names = tuple(homes[continent] for continent in continents)
    return Crossing(dict(zip(SETTING, place, strict=True)), continents, names, values)


def _matrices(
    rows: list[Row], continents: Sequence[str], homes: Mapping[str, str]
) -> Iterator[tuple[int, dict[int, np.ndarray]]]:
    """Yield the whole matrices of each replicate: seeds that lack a cell are left out."""
    places: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        places[row["composition"], row["continent"]].append(row)
    axes = [(homes[one], other) for one in continents for other in continents]
    values = [by_replicate(places[place]) for place in axes]
    for replicate in sorted(set.intersection(*(set(one) for one in values))):
        seeds = sorted(set.intersection(*(set(one[replicate]) for one in values)))
        size = len(continents)
        if seeds:
            yield (
                replicate,
                {
                    seed: np.reshape([one[replicate][seed] for one in values], (size, size))
                    for seed in seeds
                },
            )
