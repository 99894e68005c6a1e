"""What the steps behind a sweep left in the store: curves, manifests, cards, records and times."""

import io
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias, TypedDict, cast

import numpy as np
import pyarrow.parquet as pq

from terrasweep.dashboards.tables.rows import PlanRow
from terrasweep.infra.spec import Json
from terrasweep.infra.step import Key
from terrasweep.infra.storage.record import Record
from terrasweep.infra.storage.store import Store

CARD = "card.json"
MANIFEST = "manifest.parquet"
HISTORY = "history.parquet"

Curves: TypeAlias = Mapping[str, np.ndarray]
"""The history of one pretraining, by column."""


class RuleMeta(TypedDict, total=False):
    """The rule of a composition, as far as reports read it."""

    kind: str
    over: str
    values: Sequence[str]


class CompositionMeta(TypedDict, total=False):
    """What a composition is: a rule, or a checkpoint from outside."""

    rule: RuleMeta


class SweepMeta(TypedDict, total=False):
    """What the plan of a sweep says beside its grid; plans of older versions say less."""

    question: str
    hypothesis: str
    baseline: str
    synthetic: bool
    compositions: Mapping[str, CompositionMeta]
    checkpoints: Sequence[str]
    guessing: Sequence[str]
    limits: Mapping[str, float]
    assumed: Sequence[str]
    steps: Mapping[str, str]


class CountMeta(TypedDict):
    """How many samples have one value of a stratum."""

    count: int


class SpacingMeta(TypedDict):
    """How far apart the samples of a draw lie."""

    mean_nearest_km: float | None
    clustering: float | None


class GuardMeta(TypedDict):
    """Which samples were kept away from the test samples."""

    rings: int | None
    excluded: int


class DrawCard(TypedDict, total=False):
    """The diversity card of a draw, as far as reports read it; older cards say less."""

    strata: Mapping[str, Mapping[str, CountMeta]]
    entropy_nats: Mapping[str, float]
    effective_cells: float | None
    mean_spectral_entropy: float | None
    spectral_entropy_is: Mapping[str, Json] | None
    spacing: SpacingMeta
    short: Mapping[str, int]
    guard: GuardMeta


@dataclass(frozen=True)
class DrawnSamples:
    """What one sample step drew."""

    composition: str
    cells: Mapping[int, int]
    """How many samples each H3 cell holds."""
    card: DrawCard | None
    """Its diversity card; none if the store has lost it."""

    @property
    def size(self) -> int:
        """How many samples were drawn."""
        return sum(self.cells.values())


@dataclass(frozen=True)
class StageCost:
    """The time that one stage took."""

    stage: str
    num_steps: int
    seconds: float


@dataclass(frozen=True)
class StepArtifacts:
    """The finished steps that a plan's cells rest on."""

    store: Store
    plan: tuple[PlanRow, ...]

    @cached_property
    def records(self) -> dict[str, Record]:
        """The record of every step, however deep, by key."""
        records: dict[str, Record] = {}
        waiting = {
            key
            for row in self.plan
            for key in (row["features"], row["checkpoint"], row["sample"])
            if key is not None
        }
        while waiting:
            read = {key: self.store.record(Key.parse(key)) for key in waiting}
            new = {key: record for key, record in read.items() if record is not None}
            records |= new
            waiting = {need for record in new.values() for need in record.needs} - set(records)
        return dict(sorted(records.items()))

    @cached_property
    def missing(self) -> list[str]:
        """The files that a record lists, that a report reads, and that the store has lost."""
        wanted = [
            f"{record.folder}/{name}"
            for record in self.records.values()
            for name in (CARD, MANIFEST, HISTORY)
            if name in record.artefacts
        ]
        return [path for path in wanted if self.store.get(path) is None]

    @cached_property
    def draws(self) -> list[DrawnSamples]:
        """The samples of each composition, its first replicate only."""
        rows = self._first([row for row in self.plan if row["sample"]], by_replicate=False)
        draws = []
        for row in rows:
            record = self._record(row["sample"])
            manifest = None if record is None else self._columns(record, MANIFEST, ["cell"])
            if record is not None and manifest is not None:
                cells = _counts(manifest["cell"])
                draws.append(DrawnSamples(row["composition"], cells, self._card(record)))
        return draws

    def cards(self, model: str) -> dict[str, list[DrawCard]]:
        """Return the cards of every draw that a model learnt from, by composition.

        A composition of which a card is missing is left out: a mean over the other replicates
        would be compared with means over all of them.
        """
        cards: dict[str, list[DrawCard | None]] = defaultdict(list)
        rows = [row for row in self.plan if row["sample"] and row["model"] == model]
        for row in self._first(rows, by_replicate=True):
            record = self._record(row["sample"])
            if record is not None:
                cards[row["composition"]].append(self._card(record))
        known = {name: [card for card in own if card is not None] for name, own in cards.items()}
        return {name: own for name, own in known.items() if len(own) == len(cards[name])}

    def histories(self, model: str) -> dict[str, list[Curves]]:
        """Return the curves of every pretraining of a model, by composition."""
        curves: dict[str, list[Curves]] = defaultdict(list)
        rows = [row for row in self.plan if row["checkpoint"] and row["model"] == model]
        for row in self._first(rows, by_replicate=True):
            record = self._record(row["checkpoint"])
            if record is not None and HISTORY in record.artefacts:
                curve = self._columns(record, HISTORY, ["step", "loss"])
                if curve is not None:
                    curves[row["composition"]].append(curve)
        return dict(curves)

    def costs(self, finetuning: Iterable[float]) -> list[StageCost]:
        """Return how many steps of each stage were made and how long they took."""
        seconds: dict[str, list[float]] = defaultdict(list)
        for record in self.records.values():
            seconds[record.stage].append(record.provenance.seconds)
        seconds["finetune"] = list(finetuning)
        return [StageCost(stage, len(own), sum(own)) for stage, own in seconds.items() if own]

    def _first(self, rows: Sequence[PlanRow], *, by_replicate: bool) -> list[PlanRow]:
        """Return the first row of each composition, or of each of its replicates."""
        first: dict[tuple[str, int], PlanRow] = {}
        for row in sorted(rows, key=lambda row: (row["replicate"], row["model"])):
            first.setdefault((row["composition"], row["replicate"] if by_replicate else 0), row)
        return list(first.values())

    def _record(self, key: str | None) -> Record | None:
        return None if key is None else self.records.get(key)

    def _card(self, record: Record) -> DrawCard | None:
        data = self.store.get(f"{record.folder}/{CARD}")
        return None if data is None else cast("DrawCard", json.loads(data))

    def _columns(self, record: Record, name: str, columns: list[str]) -> Curves | None:
        data = self.store.get(f"{record.folder}/{name}")
        if data is None:
            return None
        table = pq.read_table(io.BytesIO(data), columns=columns)
        return {column: table[column].to_numpy() for column in columns}


def _counts(cells: np.ndarray) -> dict[int, int]:
    values, counts = np.unique(cells, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))
