"""What the steps behind a sweep left in the store: curves, manifests, cards, records and costs."""

import io
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import pyarrow.parquet as pq

from terrasweep.dashboards.tables.cells import Row
from terrasweep.infra.step import Key
from terrasweep.infra.storage.record import Record
from terrasweep.infra.storage.store import Store

Columns: TypeAlias = dict[str, np.ndarray]


@dataclass(frozen=True)
class Draw:
    """One sample step: where its samples lie, and its diversity card."""

    composition: str
    replicate: int
    cells: Mapping[int, int]
    """How many samples each H3 cell holds."""
    card: Mapping[str, Any]

    @property
    def size(self) -> int:
        """How many samples were drawn."""
        return sum(self.cells.values())


@dataclass(frozen=True)
class Cost:
    """What one stage took."""

    stage: str
    num_steps: int
    seconds: float


@dataclass(frozen=True)
class Made:
    """The finished steps that a plan's cells rest on."""

    store: Store
    plan: tuple[Row, ...]

    @cached_property
    def records(self) -> dict[str, Record]:
        """The record of every step, however deep, by key."""
        found: dict[str, Record] = {}
        waiting = {row[need] for row in self.plan for need in ("features", "checkpoint", "sample")}
        while waiting:
            read = {key: self.store.record(Key.parse(key)) for key in waiting if key is not None}
            new = {key: record for key, record in read.items() if record is not None}
            found |= new
            waiting = {need for record in new.values() for need in record.needs} - set(found)
        return dict(sorted(found.items()))

    @cached_property
    def draws(self) -> list[Draw]:
        """The samples of each composition, its first replicate only."""
        first = self._first("sample", ("composition",))
        made = (
            (row, self.records[row["sample"]]) for row in first if row["sample"] in self.records
        )
        return [
            Draw(
                composition=row["composition"],
                replicate=row["replicate"],
                cells=_counted(self._parquet(record, "manifest.parquet", ["cell"])["cell"]),
                card=json.loads(self._bytes(record, "card.json") or b"{}"),
            )
            for row, record in made
        ]

    def cards(self, model: str) -> dict[str, list[Mapping[str, Any]]]:
        """Return the cards of every draw that a model learnt from, by composition."""
        found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for row in self._first("sample", ("composition", "replicate"), model=model):
            record = self.records.get(row["sample"])
            if record is not None:
                found[row["composition"]].append(
                    json.loads(self._bytes(record, "card.json") or b"{}")
                )
        return dict(found)

    def histories(self, model: str) -> dict[str, list[Columns]]:
        """Return the curves of every pretraining of a model, by composition."""
        curves: dict[str, list[Columns]] = defaultdict(list)
        for row in self._first("checkpoint", ("composition", "replicate"), model=model):
            record = self.records.get(row["checkpoint"])
            if record is not None and "history.parquet" in record.artefacts:
                curve = self._parquet(record, "history.parquet", ["step", "loss"])
                curves[row["composition"]].append(curve)
        return dict(curves)

    def costs(self, finetuning: Iterable[float]) -> list[Cost]:
        """Return how many steps of each stage were made and how long they took."""
        seconds: dict[str, list[float]] = defaultdict(list)
        for record in self.records.values():
            seconds[record.stage].append(record.provenance.seconds)
        seconds["finetune"] = list(finetuning)
        return [Cost(stage, len(took), sum(took)) for stage, took in seconds.items() if took]

    def _first(self, need: str, axes: tuple[str, ...], *, model: str | None = None) -> list[Row]:
        """Return the first row of the plan at each place on some axes that has a need."""
        there = [row for row in self.plan if row[need] and model in (None, row["model"])]
        ordered = sorted(there, key=lambda row: (row["replicate"], row["model"]))
        found: dict[tuple[Any, ...], Row] = {}
        for row in ordered:
            found.setdefault(tuple(row[axis] for axis in axes), row)
        return list(found.values())

    def _bytes(self, record: Record, name: str) -> bytes | None:
        return self.store.get(f"{record.folder}/{name}")

    def _parquet(self, record: Record, name: str, columns: list[str]) -> Columns:
        data = self._bytes(record, name)
        if data is None:
            return {column: np.zeros(0) for column in columns}
        table = pq.read_table(io.BytesIO(data), columns=columns)
        return {column: table[column].to_numpy() for column in columns}


def _counted(cells: np.ndarray) -> dict[int, int]:
    values, counts = np.unique(cells, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))
