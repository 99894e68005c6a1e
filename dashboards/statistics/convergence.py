"""Does it still matter where the pretraining data came from, once there are labels enough?"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from terrasweep.dashboards.statistics.differences import MEAN
from terrasweep.dashboards.tables.cells import Row, judged_at_home

CURVE = ("composition", "baseline", "model", "task", "protocol", "metric")

CONVERGENCE = pa.schema(
    [
        *((axis, pa.string()) for axis in CURVE),
        ("fewest", pa.int64()),
        ("most", pa.int64()),
        ("at_fewest", pa.float64()),
        ("at_most", pa.float64()),
        ("vanishes_at", pa.int64()),
        ("says", pa.string()),
    ]
)

NEVER_SEEN = "never distinguishable"
STAYS = "distinguishable to the end"
VANISHES = "vanishes"


def convergence(differences: pa.Table) -> pa.Table:
    """Return for each composition from which n on its difference is no longer distinguishable.

    It takes two or more n. That a difference cannot be told from zero does not prove it zero: the
    table of differences says beside it what could have been detected.
    """
    return pa.Table.from_pylist(list(_curves(differences)), schema=CONVERGENCE)


def _curves(differences: pa.Table) -> Iterator[Row]:
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in judged_at_home(differences):
        if row["continent"] == MEAN and row["p"] is not None:
            groups[tuple(row[axis] for axis in CURVE)].append(row)
    for place, rows in groups.items():
        if len(rows) > 1:
            ordered = sorted(rows, key=lambda row: row["n"])
            yield {**dict(zip(CURVE, place, strict=True)), **_ends(ordered)}


def _ends(rows: list[Row]) -> Row:
    first, last = rows[0], rows[-1]
    seen = [at for at, row in enumerate(rows) if row["distinguishable"]]
    vanished = seen[-1] + 1 if seen else 0
    says = NEVER_SEEN if not seen else STAYS if vanished == len(rows) else VANISHES
    return {
        "fewest": first["n"],
        "most": last["n"],
        "at_fewest": first["difference"],
        "at_most": last["difference"],
        "vanishes_at": rows[vanished]["n"] if says == VANISHES else None,
        "says": says,
    }
