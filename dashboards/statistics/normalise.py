"""Scores of different tasks on one scale, so that their mean means something.

0 is no pretraining (or, in a sweep without that arm, the worst composition) and 1 the best
composition, for each task and place on its own. The version names the anchors: scores under two
versions must not be compared.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from terrasweep.dashboards.tables.cells import Row, direction
from terrasweep.infra.spec import digest

ZERO = "zero"


@dataclass(frozen=True)
class Normalised:
    """The scores of a summary on one scale."""

    version: str
    rows: tuple[Row, ...]
    """Those of the summary, with their `score`; places where nothing differs are left out."""

    def means(self) -> dict[str, float]:
        """Return each composition's mean over the places where every composition was judged."""
        places: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
        for row in self.rows:
            places[row["task"], row["continent"]][row["composition"]] = row["score"]
        names = list(dict.fromkeys(row["composition"] for row in self.rows))
        whole = [place for place in places.values() if len(place) == len(names)]
        return {name: sum(place[name] for place in whole) / len(whole) for name in names if whole}


def normalised(rows: Sequence[Row]) -> Normalised:
    """Return the rows of one model, n and protocol with their scores."""
    places: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        places[row["task"], row["continent"]].append(row)
    anchors = {place: _anchors(of_one) for place, of_one in places.items()}
    has_zero = all(any(row["composition"] == ZERO for row in of_one) for of_one in places.values())
    told = {"/".join(place): list(ends) for place, ends in sorted(anchors.items())}
    version = f"{'zero' if has_zero else 'worst'}-best-{digest(told)[:8]}"
    scored = [
        {**row, "score": (_oriented(row) - low) / (high - low)}
        for place, of_one in places.items()
        for row in of_one
        for low, high in [anchors[place]]
        if high > low
    ]
    return Normalised(version, tuple(scored))


def _anchors(rows: Sequence[Row]) -> tuple[float, float]:
    means = [_oriented(row) for row in rows]
    zero = [_oriented(row) for row in rows if row["composition"] == ZERO]
    return (zero or [min(means)])[0], max(means)


def _oriented(row: Row) -> float:
    return float(direction(row["metric"]) * row["mean"])
