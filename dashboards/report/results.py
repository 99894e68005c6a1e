"""What a report tells: the tables of a sweep, and the same by model, task, n and protocol."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from terrasweep.dashboards.html import wording
from terrasweep.dashboards.statistics.convergence import convergence
from terrasweep.dashboards.statistics.differences import ALL, MEAN, differences
from terrasweep.dashboards.statistics.diversity import Scatter, diversity, scatters
from terrasweep.dashboards.statistics.failure_signs import SIGNATURES, signatures, zero_arms
from terrasweep.dashboards.statistics.home_advantage import Crossing, crossing, crossings
from terrasweep.dashboards.statistics.interaction import interaction
from terrasweep.dashboards.statistics.ranks import ranks
from terrasweep.dashboards.tables.artifacts import Made
from terrasweep.dashboards.tables.cells import SAME, Holes, Row, coverage, direction, summary, tidy
from terrasweep.infra.storage.ledger import Ledger
from terrasweep.infra.storage.store import Store

SETTING = ("model", "task", "tested", "n", "protocol", "metric")
"""What compositions are compared under; a comparison never crosses it."""


ALWAYS = ("cells", "coverage", "summary", "differences", "signatures")
"""Tables that are told even if they are empty; the others answer further questions, if asked."""


@dataclass(frozen=True)
class Group:
    """All that was found under one setting."""

    setting: Mapping[str, Any]
    scores: tuple[Row, ...]
    contrasts: tuple[Row, ...]
    guesses: bool = False
    """Whether its protocol looks at nothing: its scores say what a guess is worth."""

    @property
    def label(self) -> str:
        """The setting in words."""
        told = self.setting
        where = "" if told["tested"] == SAME else f", judged {wording.tested(told['tested'])}"
        n = wording.samples(told["n"])
        return f"{told['model']} on {told['task']}{where}, n = {n}, {told['protocol']}"

    @property
    def name(self) -> str:
        """The setting as part of a file name."""
        told = (self.setting[axis] for axis in SETTING[:-1])
        return wording.slug(*(value for value in told if value != SAME))

    @property
    def unit(self) -> str:
        """What people call the metric."""
        return wording.metric(self.setting["metric"])

    @cached_property
    def compositions(self) -> list[str]:
        """Compositions, the best mean over continents first."""
        means: dict[str, list[float]] = {}
        for row in self.scores:
            means.setdefault(row["composition"], []).append(direction(row["metric"]) * row["mean"])
        return sorted(means, key=lambda composition: -fmean(means[composition]))

    @cached_property
    def continents(self) -> list[str]:
        """Continents in the order of the alphabet, all at once last."""
        return sorted({row["continent"] for row in self.scores}, key=continent_order)

    @cached_property
    def blocks(self) -> dict[str, list[Row]]:
        """The comparisons of each composition, the best first, continents in their order."""
        return {
            composition: found
            for composition in self.compositions
            if (found := [row for row in self.ordered if row["composition"] == composition])
        }

    @cached_property
    def ordered(self) -> list[Row]:
        """The comparisons in the order of compositions and continents."""
        rank = {composition: at for at, composition in enumerate(self.compositions)}
        return sorted(
            self.contrasts,
            key=lambda row: (rank[row["composition"]], *continent_order(row["continent"])),
        )


@dataclass(frozen=True)
class Findings:
    """A sweep, read once."""

    name: str
    meta: Mapping[str, Any]
    cells: pa.Table
    made: Made
    failures: tuple[Row, ...] = ()

    @classmethod
    def of(cls, store: Store, ledger: Ledger, name: str) -> "Findings":
        """Read a sweep from its ledger and its store."""
        plan, meta = ledger.plan(name)
        failures = ledger.failures()
        cells = tidy(plan, results=ledger.results(), failures=failures)
        made = Made(store, tuple(plan.to_pylist()))
        return cls(name, meta, cells, made, tuple(failures.to_pylist()))

    @property
    def baseline(self) -> str:
        """The composition that all others are compared with."""
        return str(self.meta["baseline"])

    @property
    def is_synthetic(self) -> bool:
        """Whether the pool or a task is made up."""
        return bool(self.meta.get("synthetic"))

    @property
    def models(self) -> list[str]:
        """The models of the sweep."""
        return list(dict.fromkeys(row["model"] for row in self.coverage))

    @property
    def failed_steps(self) -> list[Row]:
        """What failed before any cell: the steps of this sweep that raised, with their labels."""
        labels = self.meta.get("steps", {})
        return [
            {**row, "label": labels[row["key"]]} for row in self.failures if row["key"] in labels
        ]

    @cached_property
    def tables(self) -> dict[str, pa.Table]:
        """Every table of the report by its name; holes are counted and said, not refused."""
        contrasts = differences(
            self.compared,
            baseline=self.baseline,
            holes=Holes.COUNT,
            fixed=self.meta.get("checkpoints", ()),
        )
        told = {
            "cells": self.cells,
            "coverage": coverage(self.cells),
            "summary": summary(self.cells, holes=Holes.COUNT),
            "differences": contrasts,
            "ranks": ranks(self.compared_means),
            "architecture": interaction(contrasts),
            "home": crossing(self.crossings),
            "labels": convergence(contrasts),
            "diversity": diversity(self.scatters),
            "signatures": self.signatures,
        }
        return {name: rows for name, rows in told.items() if rows.num_rows or name in ALWAYS}

    @property
    def guessing(self) -> Collection[str]:
        """The protocols that look at nothing; a plan made before they were told of names none."""
        return cast("Collection[str]", self.meta.get("guessing", ()))

    @cached_property
    def compared(self) -> pa.Table:
        """The cells by which compositions are compared: to a guess, all compositions are alike."""
        guessed = pc.is_in(self.cells["protocol"], pa.array(self.guessing, pa.string()))
        return self.cells.filter(pc.invert(guessed))

    @cached_property
    def compared_means(self) -> pa.Table:
        """The mean of every composition in every place, of the cells that are compared."""
        return summary(self.compared, holes=Holes.COUNT)

    @cached_property
    def crossings(self) -> list[Crossing]:
        """Where compositions of one continent each meet every continent."""
        return crossings(self.compared, self.meta.get("compositions", {}))

    @cached_property
    def scatters(self) -> list[Scatter]:
        """How diverse the compositions are, beside how they do."""
        models = dict.fromkeys(self.cells["model"].to_pylist())
        return scatters(self.compared_means, {model: self.made.cards(model) for model in models})

    def rows(self, table: str) -> list[Row]:
        """Return the rows of a table; none if it has nothing to tell."""
        return self.tables[table].to_pylist() if table in self.tables else []

    @cached_property
    def signatures(self) -> pa.Table:
        """What looks like a failure, place by place; a plan made before limits were has none."""
        limits = self.meta.get("limits")
        if limits is None:
            return SIGNATURES.empty_table()
        zero = zero_arms(self.meta)
        return signatures(self.cells, limits=limits, zero=zero, guessing=self.guessing)

    @cached_property
    def coverage(self) -> list[Row]:
        """The rows of the coverage table."""
        rows: list[Row] = self.tables["coverage"].to_pylist()
        return rows

    @cached_property
    def groups(self) -> list[Group]:
        """The findings by setting, in the order of the plan."""
        scores = _by_setting(self.tables["summary"].to_pylist())
        contrasts = _by_setting(self.tables["differences"].to_pylist())
        settings = {place: dict(zip(SETTING, place, strict=True)) for place in scores}
        return [
            Group(
                setting,
                scores=tuple(scores[place]),
                contrasts=tuple(contrasts.get(place, ())),
                guesses=setting["protocol"] in self.guessing,
            )
            for place, setting in settings.items()
        ]


def continent_order(continent: str) -> tuple[bool, bool, str]:
    """Sort continents by name, then their mean, then all at once."""
    return continent == ALL, continent == MEAN, continent


def _by_setting(rows: Iterable[Row]) -> dict[tuple[Any, ...], list[Row]]:
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[axis] for axis in SETTING), []).append(row)
    return groups
