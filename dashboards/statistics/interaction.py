"""Does the best composition depend on the architecture?

A composition's difference from the baseline is estimated for each model on its own; Welch's test
asks whether these differences differ, each weighed by how surely it is known.
"""

from collections.abc import Sequence
from typing import TypedDict

import pyarrow as pa
from scipy.special import fdtrc

from terrasweep.dashboards.statistics.differences import MEAN
from terrasweep.dashboards.statistics.intervals import ALPHA
from terrasweep.dashboards.statistics.multiple_testing import holm
from terrasweep.dashboards.tables.cells import tested_where_trained
from terrasweep.dashboards.tables.rows import (
    DifferenceRow,
    InteractionRow,
    group_by,
    rows_of,
    to_table,
)


class Contrast(TypedDict):
    """What is compared between models."""

    composition: str
    baseline: str
    n: int
    protocol: str


def interaction(differences: pa.Table) -> pa.Table:
    """Test for each composition whether its difference depends on the model.

    Differences are averaged over continents; a model that is tested on several tasks has one
    difference for each, and all of them count.
    """
    averaged = [
        row
        for row in tested_where_trained(rows_of(differences, DifferenceRow))
        if row["continent"] == MEAN and row["error"]
    ]
    rows = [
        _row(contrast, own)
        for contrast, own in group_by(averaged, _contrast_of)
        if len({row["model"] for row in own}) > 1
    ]
    for row, p in zip(rows, holm([row["p"] for row in rows]), strict=True):
        row |= {"p_holm": p, "depends": p < ALPHA}
    return to_table(rows, InteractionRow)


def welch(
    means: Sequence[float], errors: Sequence[float], units: Sequence[int]
) -> tuple[float, float]:
    """Return Welch's F and its p for means with standard errors, each over some units.

    This is the F of Welch (1951) for groups of unequal variance. A model is a group; its weight
    is the inverse of its squared standard error.
    """
    weights = [error**-2 for error in errors]
    total, groups = sum(weights), len(means)
    middle = sum(w * mean for w, mean in zip(weights, means, strict=True)) / total
    between = sum(w * (mean - middle) ** 2 for w, mean in zip(weights, means, strict=True))
    # The sum by which Welch lowers F and its second degrees of freedom: weights are estimates.
    unsure = sum((1 - w / total) ** 2 / (n - 1) for w, n in zip(weights, units, strict=True))
    f = between / (groups - 1) / (1 + 2 * (groups - 2) / (groups**2 - 1) * unsure)
    freedom = (groups**2 - 1) / (3 * unsure)
    return f, float(fdtrc(groups - 1, freedom, f))


def _row(contrast: Contrast, rows: Sequence[DifferenceRow]) -> InteractionRow:
    """Return the test of one contrast, not yet corrected for the others."""
    f, p = welch(
        [row["difference"] for row in rows],
        [row["error"] for row in rows if row["error"] is not None],
        [_num_units(row) for row in rows],
    )
    ordered = sorted(rows, key=lambda row: row["difference"])
    least, most = ordered[0], ordered[-1]
    return {
        **contrast,
        "models": ", ".join(dict.fromkeys(row["model"] for row in rows)),
        "most": most["model"],
        "least": least["model"],
        "range": most["difference"] - least["difference"],
        "f": f,
        "p": p,
        "p_holm": p,
        "depends": False,
        "interval": rows[0]["interval"],
    }


def _contrast_of(row: DifferenceRow) -> Contrast:
    return {
        "composition": row["composition"],
        "baseline": row["baseline"],
        "n": row["n"],
        "protocol": row["protocol"],
    }


def _num_units(row: DifferenceRow) -> int:
    return row["num_replicates"] if row["num_replicates"] > 1 else row["num_seeds"]
