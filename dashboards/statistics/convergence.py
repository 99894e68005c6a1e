"""Does it still matter where the pretraining data came from, once there are enough labels?"""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from terrasweep.dashboards.statistics.differences import MEAN
from terrasweep.dashboards.tables.cells import tested_where_trained
from terrasweep.dashboards.tables.rows import (
    ConvergenceRow,
    DifferenceRow,
    LabelCurve,
    group_by,
    rows_of,
    to_table,
)

NEVER_SEEN = "never distinguishable"
STAYS = "distinguishable to the end"
VANISHES = "vanishes"


def convergence(differences: pa.Table) -> pa.Table:
    """Return for each composition from which n on its difference is no longer distinguishable.

    It takes two or more n. A difference that is not distinguishable from zero may still exist:
    the table of differences says which size could have been detected.
    """
    return to_table(_rows(rows_of(differences, DifferenceRow)), ConvergenceRow)


def _rows(differences: Sequence[DifferenceRow]) -> Iterator[ConvergenceRow]:
    tested = [
        row
        for row in tested_where_trained(differences)
        if row["continent"] == MEAN and row["p"] is not None
    ]
    for curve, rows in group_by(tested, _curve_of):
        if len(rows) > 1:
            yield _row(curve, sorted(rows, key=lambda row: row["n"]))


def _row(curve: LabelCurve, rows: Sequence[DifferenceRow]) -> ConvergenceRow:
    """Return the row of differences at rising n."""
    first, last = rows[0], rows[-1]
    seen = [at for at, row in enumerate(rows) if row["distinguishable"]]
    vanished = seen[-1] + 1 if seen else 0
    says = NEVER_SEEN if not seen else STAYS if vanished == len(rows) else VANISHES
    return {
        **curve,
        "fewest": first["n"],
        "most": last["n"],
        "at_fewest": first["difference"],
        "at_most": last["difference"],
        "vanishes_at": rows[vanished]["n"] if says == VANISHES else None,
        "says": says,
    }


def _curve_of(row: DifferenceRow) -> LabelCurve:
    return {
        "composition": row["composition"],
        "baseline": row["baseline"],
        "model": row["model"],
        "task": row["task"],
        "protocol": row["protocol"],
        "metric": row["metric"],
    }
