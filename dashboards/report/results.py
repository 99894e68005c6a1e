"""The results of a sweep: its tables, and the same by model, task, n and protocol."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import cast

import pyarrow as pa
import pyarrow.compute as pc

from terrasweep.dashboards.html import wording
from terrasweep.dashboards.statistics.convergence import convergence
from terrasweep.dashboards.statistics.differences import ALL, MEAN, differences
from terrasweep.dashboards.statistics.diversity import (
    DiversityPoints,
    diversity,
    diversity_points,
)
from terrasweep.dashboards.statistics.failure_signs import signatures, zero_arms
from terrasweep.dashboards.statistics.home_advantage import (
    HomeMatrix,
    home_advantages,
    home_matrices,
)
from terrasweep.dashboards.statistics.interaction import interaction
from terrasweep.dashboards.statistics.ranks import ranks
from terrasweep.dashboards.tables.artifacts import StepArtifacts, SweepMeta
from terrasweep.dashboards.tables.cells import SAME, Holes, coverage, direction, summary, tidy
from terrasweep.dashboards.tables.rows import (
    CellRow,
    CoverageRow,
    DifferenceRow,
    FailureRow,
    PlanRow,
    Row,
    Setting,
    SignRow,
    SummaryRow,
    group_by,
    rows_of,
    schema_of,
    setting_of,
)
from terrasweep.infra.storage.ledger import Ledger
from terrasweep.infra.storage.store import Store

ALWAYS = ("cells", "coverage", "summary", "differences", "signatures")
"""Tables that are written even if they are empty; others answer further questions, if there are."""


@dataclass(frozen=True)
class SettingResults:
    """The scores and differences under one setting."""

    setting: Setting
    scores: tuple[SummaryRow, ...]
    contrasts: tuple[DifferenceRow, ...]
    guesses: bool = False
    """Whether its protocol ignores the features: its scores say what a guess is worth."""

    @property
    def label(self) -> str:
        """The setting in words."""
        own = self.setting
        where = "" if own["tested"] == SAME else f", tested {wording.tested(own['tested'])}"
        n = wording.samples(own["n"])
        return f"{own['model']} on {own['task']}{where}, n = {n}, {own['protocol']}"

    @property
    def name(self) -> str:
        """The setting as part of a file name."""
        values = [value for axis, value in self.setting.items() if axis != "metric"]
        return wording.slug(*(value for value in values if value != SAME))

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
    def blocks(self) -> dict[str, list[DifferenceRow]]:
        """The comparisons of each composition, the best first, continents in their order."""
        blocks: dict[str, list[DifferenceRow]] = {}
        for row in self.ordered:
            blocks.setdefault(row["composition"], []).append(row)
        return blocks

    @cached_property
    def ordered(self) -> list[DifferenceRow]:
        """The comparisons in the order of compositions and continents."""
        rank = {composition: at for at, composition in enumerate(self.compositions)}
        return sorted(
            self.contrasts,
            key=lambda row: (rank[row["composition"]], *continent_order(row["continent"])),
        )


@dataclass(frozen=True)
class FailedStep:
    """A step of the sweep that failed before any cell."""

    key: str
    label: str
    kind: str
    message: str


@dataclass(frozen=True)
class SweepResults:
    """A sweep, read once."""

    name: str
    meta: SweepMeta
    cells: pa.Table
    artifacts: StepArtifacts
    failures: tuple[FailureRow, ...] = ()

    @classmethod
    def of(cls, store: Store, ledger: Ledger, name: str) -> "SweepResults":
        """Read a sweep from its ledger and its store."""
        plan, meta = ledger.plan(name)
        failures = ledger.failures()
        cells = tidy(plan, results=ledger.results(), failures=failures)
        artifacts = StepArtifacts(store, tuple(rows_of(plan, PlanRow)))
        failed = tuple(rows_of(failures, FailureRow))
        return cls(name, cast("SweepMeta", meta), cells, artifacts, failed)

    @property
    def baseline(self) -> str:
        """The composition that all others are compared with."""
        return self.meta["baseline"]

    @property
    def is_synthetic(self) -> bool:
        """Whether the pool or a task is made up."""
        return self.meta.get("synthetic", False)

    @property
    def models(self) -> list[str]:
        """The models of the sweep."""
        return list(dict.fromkeys(row["model"] for row in self.coverage))

    @property
    def failed_steps(self) -> list[FailedStep]:
        """The steps of this sweep that failed before any cell."""
        labels = self.meta.get("steps", {})
        return [
            FailedStep(row["key"], labels[row["key"]], row["kind"], row["message"])
            for row in self.failures
            if row["key"] in labels
        ]

    @cached_property
    def tables(self) -> dict[str, pa.Table]:
        """Every table of the report by its name; holes are counted, not refused."""
        contrasts = differences(
            self.compared,
            baseline=self.baseline,
            holes=Holes.COUNT,
            fixed=self.meta.get("checkpoints", ()),
        )
        tables = {
            "cells": self.cells,
            "coverage": coverage(self.cells),
            "summary": summary(self.cells, holes=Holes.COUNT),
            "differences": contrasts,
            "ranks": ranks(self.compared_means),
            "architecture": interaction(contrasts),
            "home": home_advantages(self.home_matrices),
            "labels": convergence(contrasts),
            "diversity": diversity(self.diversity_points),
            "signatures": self.signatures,
        }
        return {name: rows for name, rows in tables.items() if rows.num_rows or name in ALWAYS}

    @property
    def guessing(self) -> Collection[str]:
        """The protocols that ignore the features; plans of older versions name none."""
        return self.meta.get("guessing", ())

    @cached_property
    def cell_rows(self) -> list[CellRow]:
        """The rows of the table of cells."""
        return rows_of(self.cells, CellRow)

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
    def home_matrices(self) -> list[HomeMatrix]:
        """The scores of compositions of one continent each on every continent."""
        return home_matrices(self.compared, self.meta.get("compositions", {}))

    @cached_property
    def diversity_points(self) -> list[DiversityPoints]:
        """How diverse the compositions are, beside how they do."""
        models = dict.fromkeys(self.cells["model"].to_pylist())
        cards = {model: self.artifacts.cards(model) for model in models}
        return diversity_points(self.compared_means, cards)

    def rows(self, table: str, row: type[Row]) -> list[Row]:
        """Return the rows of a table; none if the sweep has no such table."""
        return rows_of(self.tables[table], row) if table in self.tables else []

    @cached_property
    def signatures(self) -> pa.Table:
        """The signs of failure, place by place; plans of older versions have no limits for them."""
        limits = self.meta.get("limits")
        if limits is None:
            return schema_of(SignRow).empty_table()
        zero = zero_arms(self.meta)
        return signatures(self.cells, limits=limits, zero=zero, guessing=self.guessing)

    @cached_property
    def coverage(self) -> list[CoverageRow]:
        """The rows of the coverage table."""
        return self.rows("coverage", CoverageRow)

    @cached_property
    def by_setting(self) -> list[SettingResults]:
        """The results by setting, in the order of the plan."""
        contrasts: Sequence[DifferenceRow] = self.rows("differences", DifferenceRow)
        return [
            SettingResults(
                setting,
                scores=tuple(scores),
                contrasts=tuple(row for row in contrasts if setting_of(row) == setting),
                guesses=setting["protocol"] in self.guessing,
            )
            for setting, scores in group_by(self.rows("summary", SummaryRow), setting_of)
        ]


def continent_order(continent: str) -> tuple[bool, bool, str]:
    """Sort continents by name, then their mean, then all at once."""
    return continent == ALL, continent == MEAN, continent
