"""The ranks of compositions over tasks and continents, as a table."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from terrasweep.dashboards.statistics.differences import ALL
from terrasweep.dashboards.statistics.ranks import agreement, mean_dense
from terrasweep.dashboards.tables.cells import Row, direction, judged_at_home

ASKED = ("model", "n", "protocol")
CONTINENTS = "continents"

RANKS = pa.schema(
    [
        ("model", pa.string()),
        ("n", pa.int64()),
        ("protocol", pa.string()),
        ("over", pa.string()),
        ("composition", pa.string()),
        ("dense_rank", pa.float64()),
        ("average_rank", pa.float64()),
        ("critical", pa.float64()),
        ("friedman", pa.float64()),
        ("p", pa.float64()),
        ("num_places", pa.int64()),
    ]
)


def ranks(summary: pa.Table) -> pa.Table:
    """Rank compositions by their means over every task, on continents and on all at once.

    Only places where every composition was judged count. `dense_rank` counts from 0 and is 0 for
    a composition that is best everywhere; `average_rank` counts from 1.
    """
    return pa.Table.from_pylist(list(_ranked(summary)), schema=RANKS)


def _ranked(summary: pa.Table) -> Iterator[Row]:
    groups: dict[tuple[Any, ...], dict[tuple[str, str], dict[str, float]]] = defaultdict(dict)
    for row in judged_at_home(summary):
        over = ALL if row["continent"] == ALL else CONTINENTS
        means = groups[(*(row[axis] for axis in ASKED), over)]
        oriented = direction(row["metric"]) * row["mean"]
        means.setdefault((row["task"], row["continent"]), {})[row["composition"]] = oriented
    for (*place, over), means in groups.items():
        yield from (
            {**dict(zip(ASKED, place, strict=True)), "over": over, **row} for row in _rows(means)
        )


def _rows(means: dict[tuple[str, str], dict[str, float]]) -> Iterator[Row]:
    compositions = list(dict.fromkeys(name for place in means.values() for name in place))
    whole = [place for place in means.values() if len(place) == len(compositions)]
    if len(compositions) < 2 or not whole:
        return
    scores = np.array([[place[name] for place in whole] for name in compositions])
    found, dense = agreement(scores), mean_dense(scores)
    for at in np.argsort(dense, kind="stable"):
        yield {
            "composition": compositions[at],
            "dense_rank": float(dense[at]),
            "average_rank": None if found is None else float(found.ranks[at]),
            "critical": None if found is None else found.critical,
            "friedman": None if found is None else found.statistic,
            "p": None if found is None else found.p,
            "num_places": len(whole),
        }
