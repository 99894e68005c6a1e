"""Does the best composition depend on the architecture?

A composition's difference from the baseline is estimated for each model on its own; Welch's test
asks whether these differences differ, each weighed by how surely it is known.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
from scipy.special import fdtrc

from terrasweep.dashboards.statistics.differences import MEAN
from terrasweep.dashboards.statistics.intervals import ALPHA
from terrasweep.dashboards.statistics.multiple_testing import holm
from terrasweep.dashboards.tables.cells import Row, judged_at_home

ASKED = ("composition", "baseline", "n", "protocol")

INTERACTION = pa.schema(
    [
        ("composition", pa.string()),
        ("baseline", pa.string()),
        ("n", pa.int64()),
        ("protocol", pa.string()),
        ("models", pa.string()),
        ("most", pa.string()),
        ("least", pa.string()),
        ("range", pa.float64()),
        ("f", pa.float64()),
        ("p", pa.float64()),
        ("p_holm", pa.float64()),
        ("depends", pa.bool_()),
        ("interval", pa.string()),
    ]
)


def interaction(differences: pa.Table) -> pa.Table:
    """Test for each composition whether its difference depends on the model.

    Differences are averaged over continents; a model that is judged on several tasks has one
    difference for each, and all of them count.
    """
    found = list(_tested(differences))
    corrected = holm([row["p"] for row in found])
    rows = [
        {**row, "p_holm": p, "depends": p < ALPHA} for row, p in zip(found, corrected, strict=True)
    ]
    return pa.Table.from_pylist(rows, schema=INTERACTION)


def welch(
    means: Sequence[float], errors: Sequence[float], units: Sequence[int]
) -> tuple[float, float]:
    """Return Welch's F and its p for means that are known with errors, each from some units."""
    weights = [error**-2 for error in errors]
    total, groups = sum(weights), len(means)
    middle = sum(w * mean for w, mean in zip(weights, means, strict=True)) / total
    between = sum(w * (mean - middle) ** 2 for w, mean in zip(weights, means, strict=True))
    unsure = sum((1 - w / total) ** 2 / (n - 1) for w, n in zip(weights, units, strict=True))
    f = between / (groups - 1) / (1 + 2 * (groups - 2) / (groups**2 - 1) * unsure)
    freedom = (groups**2 - 1) / (3 * unsure)
    return f, float(fdtrc(groups - 1, freedom, f))


def _tested(differences: pa.Table) -> Iterator[Row]:
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in judged_at_home(differences):
        if row["continent"] == MEAN and row["error"]:
            groups[tuple(row[axis] for axis in ASKED)].append(row)
    for place, rows in groups.items():
        if len({row["model"] for row in rows}) > 1:
            yield {**dict(zip(ASKED, place, strict=True)), **_test(rows)}


def _test(rows: Sequence[Row]) -> Row:
    f, p = welch(
        [row["difference"] for row in rows],
        [row["error"] for row in rows],
        [_num_units(row) for row in rows],
    )
    ordered = sorted(rows, key=lambda row: row["difference"])
    least, most = ordered[0], ordered[-1]
    return {
        "models": ", ".join(dict.fromkeys(row["model"] for row in rows)),
        "most": most["model"],
        "least": least["model"],
        "range": most["difference"] - least["difference"],
        "f": f,
        "p": p,
        "interval": rows[0]["interval"],
    }


def _num_units(row: Row) -> int:
    return int(row["num_replicates"] if row["num_replicates"] > 1 else row["num_seeds"])
