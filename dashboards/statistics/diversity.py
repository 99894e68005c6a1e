"""Diversity against performance: which measure of a pretraining set goes with its scores.

Metrics of different tasks are put on one scale first: 0 is no pretraining (or, in a sweep without
that arm, the worst composition) and 1 the best composition, for each task and continent on its
own. The version names the anchors: scores under two versions must not be compared.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Final

import numpy as np
import pyarrow as pa

from terrasweep.dashboards.statistics.correlation import correlation
from terrasweep.dashboards.statistics.differences import ALL
from terrasweep.dashboards.tables.cells import Row, direction, judged_at_home
from terrasweep.infra.spec import digest

SPECTRAL: Final = "spectral"
MEASURES: Final = ("continent", "biome", "land_cover", SPECTRAL)
ASKED: Final = ("model", "n", "protocol")
ZERO: Final = "zero"
PLAIN: Final = "mean"
SPECTRAL_MEAN: Final = "mean_spectral_entropy"

DIVERSITY = pa.schema(
    [
        ("model", pa.string()),
        ("n", pa.int64()),
        ("protocol", pa.string()),
        ("performance", pa.string()),
        ("measure", pa.string()),
        ("given", pa.string()),
        ("rho", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("p", pa.float64()),
        ("p_student", pa.float64()),
        ("num_compositions", pa.int64()),
    ]
)


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


@dataclass(frozen=True)
class Scatter:
    """The compositions of one model, n and protocol: how diverse they are and how they do."""

    setting: Mapping[str, Any]
    performance: str
    """What performance is: the plain mean of one metric, or of normalised scores."""
    compositions: tuple[str, ...]
    scores: np.ndarray
    measures: Mapping[str, np.ndarray]
    """The mean of each measure over the replicates, by name."""

    def rows(self) -> Iterator[Row]:
        """Return the correlation of every measure, alone and with another held fixed."""
        for measure in self.measures:
            yield from self._correlated(measure, given=None)
        for measure in self.measures:
            for other in self.measures:
                if measure != other and SPECTRAL in (measure, other):
                    yield from self._correlated(measure, given=other)

    def _correlated(self, measure: str, *, given: str | None) -> Iterator[Row]:
        held = None if given is None else self.measures[given][:, None]
        name = "/".join([*map(str, self.setting.values()), measure, given or ""])
        found = correlation(self.measures[measure], self.scores, given=held, name=name)
        if found is not None:
            yield {
                **self.setting,
                "performance": self.performance,
                "measure": measure,
                "given": given or "",
                "rho": found.rho,
                "low": found.low,
                "high": found.high,
                "p": found.p,
                "p_student": found.p_student,
                "num_compositions": found.num_points,
            }


def diversity(scatters: Sequence[Scatter]) -> pa.Table:
    """Return the rank correlations of each setting."""
    rows = [row for one in scatters for row in one.rows()]
    return pa.Table.from_pylist(rows, schema=DIVERSITY)


def scatters(
    summary: pa.Table, cards: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]
) -> list[Scatter]:
    """Return a scatter for every setting.

    Args:
        summary: The means of the sweep.
        cards: The cards of every replicate, by model and composition; no pretraining has none.
    """
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in judged_at_home(summary):
        if row["continent"] != ALL:
            groups[tuple(row[axis] for axis in ASKED)].append(row)
    found = (_scatter(place, rows, cards.get(place[0], {})) for place, rows in groups.items())
    return [one for one in found if one is not None]


def measures(card: Mapping[str, Any]) -> dict[str, float]:
    """Return how diverse a draw is, by each measure that its pool allows."""
    nats = card.get("entropy_nats", {})
    told = {**{name: nats.get(name) for name in MEASURES}, SPECTRAL: card.get(SPECTRAL_MEAN)}
    return {name: float(value) for name, value in told.items() if value is not None}


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


def _scatter(
    place: tuple[Any, ...],
    rows: list[Row],
    cards: Mapping[str, Sequence[Mapping[str, Any]]],
) -> Scatter | None:
    performance, scores = _performance(rows)
    names = tuple(name for name in scores if cards.get(name))
    if not names:
        return None
    told = {name: [measures(card) for card in cards[name]] for name in names}
    by_measure = {
        measure: np.array([fmean(one[measure] for one in told[name]) for name in names])
        for measure in MEASURES
        if all(measure in one for name in names for one in told[name])
    }
    by_measure = {name: values for name, values in by_measure.items() if np.ptp(values) > 0}
    if not by_measure:
        return None
    values = np.array([scores[name] for name in names])
    return Scatter(dict(zip(ASKED, place, strict=True)), performance, names, values, by_measure)


def _performance(rows: list[Row]) -> tuple[str, dict[str, float]]:
    """Return each composition's mean over tasks and continents; of scores, if metrics differ."""
    scored = normalised(rows)
    metrics = {row["metric"] for row in rows}
    if len(metrics) > 1:
        return scored.version, scored.means()
    means: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        means[row["composition"]].append(direction(row["metric"]) * row["mean"])
    most = max(map(len, means.values()))
    whole = {name: fmean(own) for name, own in means.items() if len(own) == most}
    return f"{PLAIN} {metrics.pop()}", whole


def _anchors(rows: Sequence[Row]) -> tuple[float, float]:
    means = [_oriented(row) for row in rows]
    zero = [_oriented(row) for row in rows if row["composition"] == ZERO]
    return (zero or [min(means)])[0], max(means)


def _oriented(row: Row) -> float:
    return float(direction(row["metric"]) * row["mean"])
