"""Is local best? Compositions of one continent each, tested on every continent.

The home advantage is the mean of the diagonal less the mean off it: each continent's own
pretraining against the others'. A composition that is good everywhere and a continent that is easy
for all cancel out, because each stands once on the diagonal and equally often beside it.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import pyarrow as pa

from terrasweep.dashboards.statistics.intervals import estimate
from terrasweep.dashboards.tables.artifacts import CompositionMeta
from terrasweep.dashboards.tables.cells import (
    WITH_LUCK,
    WITHOUT_LUCK,
    by_replicate,
    direction,
    tested_where_trained,
)
from terrasweep.dashboards.tables.rows import (
    CellRow,
    HomeRow,
    HomeSetting,
    group_by,
    rows_of,
    to_table,
)

FEWEST = 3
"""Continents below which the diagonal and the rest are hardly told apart."""


@dataclass(frozen=True)
class HomeMatrix:
    """One matrix: pretrained on the row's continent, tested on the column's."""

    setting: HomeSetting
    continents: tuple[str, ...]
    compositions: tuple[str, ...]
    """The composition that learnt from each of the continents, in their order."""
    values: Mapping[int, Mapping[int, np.ndarray]]
    """The matrix of each replicate and seed."""

    @property
    def mean(self) -> np.ndarray:
        """The matrix, averaged over replicates and seeds."""
        matrices = [matrix for seeds in self.values.values() for matrix in seeds.values()]
        return np.asarray(np.mean(matrices, axis=0))

    def row(self) -> HomeRow:
        """Return the home advantage and its tests."""
        sign = direction(self.setting["metric"])
        advantages = {
            replicate: {seed: sign * home_advantage(matrix) for seed, matrix in seeds.items()}
            for replicate, seeds in self.values.items()
        }
        statistics = estimate(advantages, words=["crossing", *map(str, self.setting.values())])
        return {
            **self.setting,
            "advantage": statistics.mean,
            "low": statistics.low,
            "high": statistics.high,
            "p": statistics.p,
            "p_assignment": assignment_p(sign * self.mean),
            "num_continents": len(self.continents),
            "num_replicates": len(self.values),
            "interval": WITH_LUCK if len(self.values) > 1 else WITHOUT_LUCK,
        }


def home_advantage(matrix: np.ndarray) -> float:
    """Return the mean of a square matrix's diagonal less the mean of all else."""
    size = len(matrix)
    diagonal = float(np.trace(matrix))
    return diagonal / size - (float(matrix.sum()) - diagonal) / (size * (size - 1))


def assignment_p(matrix: np.ndarray) -> float:
    """Return the p value of an exact permutation test of the diagonal.

    It is the share of all pairings of rows and columns whose sum is at least that of the diagonal.
    The total of the matrix is the same for every pairing, so the sum orders them as the home
    advantage does.
    """
    size = len(matrix)
    orders = np.array(list(permutations(range(size))))
    diagonals = matrix[np.arange(size), orders].sum(axis=1)
    return float((diagonals >= np.trace(matrix) - 1e-12).mean())


def home_advantages(matrices: Sequence[HomeMatrix]) -> pa.Table:
    """Return the home advantage of each matrix."""
    return to_table((matrix.row() for matrix in matrices), HomeRow)


def home_matrices(cells: pa.Table, compositions: Mapping[str, CompositionMeta]) -> list[HomeMatrix]:
    """Return the matrix of every setting that has compositions of three continents or more.

    Args:
        cells: The tidy table.
        compositions: What each composition is, as the plan says.
    """
    homes = {home: name for name, entry in compositions.items() if (home := _home(entry))}
    rows = [
        row
        for row in tested_where_trained(rows_of(cells, CellRow))
        if row["value"] is not None and row["continent"] in homes
    ]
    matrices = (_matrix(setting, own, homes) for setting, own in group_by(rows, _setting_of))
    return [matrix for matrix in matrices if matrix is not None]


def _setting_of(row: CellRow) -> HomeSetting:
    return {
        "model": row["model"],
        "task": row["task"],
        "n": row["n"],
        "protocol": row["protocol"],
        "metric": row["metric"],
    }


def _home(entry: CompositionMeta) -> str | None:
    """Return the one continent that a composition learns from, if it is one."""
    rule = entry.get("rule", {})
    if rule.get("kind") != "only" or rule.get("over", "continent") != "continent":
        return None
    values = rule.get("values", ())
    return values[0] if len(values) == 1 else None


def _matrix(
    setting: HomeSetting, rows: Sequence[CellRow], homes: Mapping[str, str]
) -> HomeMatrix | None:
    tested = {row["continent"] for row in rows}
    learnt = {row["composition"] for row in rows}
    continents = tuple(sorted(home for home in homes if home in tested and homes[home] in learnt))
    if len(continents) < FEWEST:
        return None
    values = dict(_values(rows, continents, homes))
    if not values:
        return None
    return HomeMatrix(setting, continents, tuple(homes[one] for one in continents), values)


def _values(
    rows: Sequence[CellRow], continents: Sequence[str], homes: Mapping[str, str]
) -> Iterator[tuple[int, dict[int, np.ndarray]]]:
    """Yield the whole matrices of each replicate: seeds that lack a cell are left out."""
    places: dict[tuple[str, str], list[CellRow]] = defaultdict(list)
    for row in rows:
        places[row["composition"], row["continent"]].append(row)
    axes = [(homes[one], other) for one in continents for other in continents]
    values = [by_replicate(places[place]) for place in axes]
    shape = (len(continents), len(continents))
    for replicate in sorted(set.intersection(*(set(cell) for cell in values))):
        seeds = sorted(set.intersection(*(set(cell[replicate]) for cell in values)))
        matrices = {
            seed: np.reshape([cell[replicate][seed] for cell in values], shape) for seed in seeds
        }
        if matrices:
            yield replicate, matrices
