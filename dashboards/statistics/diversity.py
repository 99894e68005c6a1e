"""Diversity against performance: which measure of a pretraining set goes with its scores.

Metrics of different tasks are put on one scale first: 0 is no pretraining (or, in a sweep without
that arm, the worst composition) and 1 the best composition, for each task and continent on its
own. The version names the anchors: scores under two versions must not be compared.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

import numpy as np
import pyarrow as pa

from terrasweep.dashboards.statistics.correlation import correlation
from terrasweep.dashboards.statistics.differences import ALL
from terrasweep.dashboards.tables.artifacts import DrawCard
from terrasweep.dashboards.tables.cells import direction, tested_where_trained
from terrasweep.dashboards.tables.rows import (
    DiversityRow,
    ModelSetting,
    SummaryRow,
    group_by,
    model_setting_of,
    rows_of,
    to_table,
)
from terrasweep.infra.spec import digest

SPECTRAL: Final = "spectral"
MEASURES: Final = ("continent", "biome", "land_cover", SPECTRAL)
ZERO: Final = "zero"
PLAIN: Final = "mean"


class ScoredRow(SummaryRow):
    """A summary with its score: 0 is the anchor at the bottom, 1 the best composition."""

    score: float


@dataclass(frozen=True)
class NormalisedScores:
    """The scores of a summary on one scale."""

    version: str
    rows: tuple[ScoredRow, ...]
    """Places where nothing differs are left out."""

    def means(self) -> dict[str, float]:
        """Return each composition's mean over the places where every composition was tested."""
        places: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
        for row in self.rows:
            places[row["task"], row["continent"]][row["composition"]] = row["score"]
        names = list(dict.fromkeys(row["composition"] for row in self.rows))
        whole = [place for place in places.values() if len(place) == len(names)]
        return {name: sum(place[name] for place in whole) / len(whole) for name in names if whole}


@dataclass(frozen=True)
class DiversityPoints:
    """The compositions of one model, n and protocol: how diverse they are and how they do."""

    setting: ModelSetting
    performance: str
    """What performance is: the plain mean of one metric, or of normalised scores."""
    compositions: tuple[str, ...]
    scores: np.ndarray
    measures: Mapping[str, np.ndarray]
    """The mean of each measure over the replicates, by name."""

    def rows(self) -> Iterator[DiversityRow]:
        """Return the correlation of every measure, alone and with another held fixed."""
        for measure in self.measures:
            yield from self._correlated(measure, given=None)
        for measure in self.measures:
            for other in self.measures:
                if measure != other and SPECTRAL in (measure, other):
                    yield from self._correlated(measure, given=other)

    def _correlated(self, measure: str, *, given: str | None) -> Iterator[DiversityRow]:
        fixed = None if given is None else self.measures[given][:, None]
        name = "/".join([*map(str, self.setting.values()), measure, given or ""])
        statistics = correlation(self.measures[measure], self.scores, given=fixed, name=name)
        if statistics is not None:
            yield {
                **self.setting,
                "performance": self.performance,
                "measure": measure,
                "given": given or "",
                "rho": statistics.rho,
                "low": statistics.low,
                "high": statistics.high,
                "p": statistics.p,
                "p_student": statistics.p_student,
                "num_compositions": statistics.num_points,
            }


def diversity(points: Sequence[DiversityPoints]) -> pa.Table:
    """Return the rank correlations of each setting."""
    return to_table((row for own in points for row in own.rows()), DiversityRow)


def diversity_points(
    summary: pa.Table, cards: Mapping[str, Mapping[str, Sequence[DrawCard]]]
) -> list[DiversityPoints]:
    """Return the compositions of every setting as points.

    Args:
        summary: The means of the sweep.
        cards: The cards of every replicate, by model and composition; no pretraining has none.
    """
    rows = [
        row for row in tested_where_trained(rows_of(summary, SummaryRow)) if row["continent"] != ALL
    ]
    points = (
        _points(setting, own, cards.get(setting["model"], {}))
        for setting, own in group_by(rows, model_setting_of)
    )
    return [own for own in points if own is not None]


def measures(card: DrawCard) -> dict[str, float]:
    """Return how diverse a draw is, by each measure that its pool allows."""
    nats = card.get("entropy_nats", {})
    values: dict[str, float | None] = {name: nats.get(name) for name in MEASURES}
    values[SPECTRAL] = card.get("mean_spectral_entropy")
    return {name: float(value) for name, value in values.items() if value is not None}


def normalise(rows: Sequence[SummaryRow]) -> NormalisedScores:
    """Return the rows of one model, n and protocol with their scores."""
    places: dict[tuple[str, str], list[SummaryRow]] = defaultdict(list)
    for row in rows:
        places[row["task"], row["continent"]].append(row)
    anchors = {place: _anchors(own) for place, own in places.items()}
    has_zero = all(any(row["composition"] == ZERO for row in own) for own in places.values())
    written = {"/".join(place): list(ends) for place, ends in sorted(anchors.items())}
    scored: list[ScoredRow] = []
    for place, own in places.items():
        low, high = anchors[place]
        if high > low:
            scored += [{**row, "score": (_oriented(row) - low) / (high - low)} for row in own]
    version = f"{'zero' if has_zero else 'worst'}-best-{digest(written)[:8]}"
    return NormalisedScores(version, tuple(scored))


def _points(
    setting: ModelSetting,
    rows: Sequence[SummaryRow],
    cards: Mapping[str, Sequence[DrawCard]],
) -> DiversityPoints | None:
    performance, scores = _performance(rows)
    names = tuple(name for name in scores if cards.get(name))
    if not names:
        return None
    measured = {name: [measures(card) for card in cards[name]] for name in names}
    means = {
        measure: np.array([fmean(own[measure] for own in measured[name]) for name in names])
        for measure in MEASURES
        if all(measure in own for name in names for own in measured[name])
    }
    means = {measure: values for measure, values in means.items() if np.ptp(values) > 0}
    if not means:
        return None
    values = np.array([scores[name] for name in names])
    return DiversityPoints(setting, performance, names, values, means)


def _performance(rows: Sequence[SummaryRow]) -> tuple[str, dict[str, float]]:
    """Return each composition's mean over tasks and continents; of scores, if metrics differ."""
    scores = normalise(rows)
    metrics = {row["metric"] for row in rows}
    if len(metrics) > 1:
        return scores.version, scores.means()
    means: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        means[row["composition"]].append(_oriented(row))
    most = max(map(len, means.values()))
    whole = {name: fmean(own) for name, own in means.items() if len(own) == most}
    return f"{PLAIN} {metrics.pop()}", whole


def _anchors(rows: Sequence[SummaryRow]) -> tuple[float, float]:
    means = [_oriented(row) for row in rows]
    zero = [_oriented(row) for row in rows if row["composition"] == ZERO]
    return (zero or [min(means)])[0], max(means)


def _oriented(row: SummaryRow) -> float:
    """Return a mean of which more is better."""
    return direction(row["metric"]) * row["mean"]
