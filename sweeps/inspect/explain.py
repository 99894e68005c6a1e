"""What a key is, what it needs, and why it is new: field by field against the nearest record."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from terrasweep.infra.errors import DriftError, TerrasweepError, UserError
from terrasweep.infra.spec import Json, Spec
from terrasweep.infra.step import Key, Step
from terrasweep.infra.storage.ledger import Ledger
from terrasweep.infra.storage.record import refuse_drift
from terrasweep.infra.storage.store import Store
from terrasweep.pipelines.spec import FINETUNE
from terrasweep.sweeps.inspect.lineage import (
    RECORDED_STAGES,
    Difference,
    Distance,
    Lineage,
    Lineages,
    differences,
    flat,
    of_step,
)
from terrasweep.sweeps.plan.grid import plan
from terrasweep.sweeps.spec.sweep import Sweep

PREFIX = re.compile(r"(?:([a-z]+)/)?([0-9a-f]{1,16})")


class Explanation:
    """Everything that is known of one key."""

    def __init__(self, lineage: Lineage, *, known: "Known") -> None:
        """Look up what the store and the ledger hold of it."""
        self.lineage = lineage
        self.known = known
        self.record = known.lineages.record(lineage.key)
        self.row = known.rows.get(lineage.key)

    @property
    def made(self) -> bool:
        """Whether there is a record, or for a cell a row."""
        return self.record is not None or self.row is not None

    @cached_property
    def failure(self) -> str | None:
        """How it failed last, if it did and was not made since."""
        failures = self.known.ledger.failures().to_pylist()
        messages = (
            f"{one['kind']}: {one['message']}" for one in failures if one["key"] == self.key
        )
        return next(messages, None)

    @property
    def key(self) -> str:
        """The whole key."""
        return self.lineage.key

    @property
    def sweep(self) -> str | None:
        """The first sweep that was looked into and plans it."""
        planned = self.known.planned.get(self.key)
        return planned[1] if planned else None

    @property
    def state(self) -> str:
        """Whether it is made, since when, and at what price."""
        if self.record is not None:
            how = self.record.provenance
            num_bytes = sum(artefact.bytes for artefact in self.record.artefacts.values())
            return f"made {how.started} in {how.seconds:.3g} s, {num_bytes:,} bytes"
        if self.row is not None:
            return f"finished {self.row['finished']}: {self.row['metric']} {self.row['value']}"
        return "not made"

    @property
    def flat(self) -> Mapping[str, Json]:
        """Every field by its dotted name."""
        return flat(self.lineage.fields)

    @cached_property
    def needs(self) -> list[dict[str, Any]]:
        """What it needs directly, and whether that is made."""
        return [
            {
                "key": need.key,
                "label": need.label,
                "made": self.known.lineages.record(need.key) is not None,
            }
            for need in self.lineage.needs
        ]

    @cached_property
    def nearest(self) -> Lineage | None:
        """The finished step of the same stage that differs in the fewest fields."""
        others = [one for one in self.known.finished(self.lineage.stage) if one.key != self.key]
        distance = Distance()
        return min(others, key=lambda one: (distance(self.lineage, one), one.key), default=None)

    @cached_property
    def news(self) -> list[Difference]:
        """In what it differs from the nearest."""
        return differences(self.lineage, self.nearest) if self.nearest else []

    @property
    def drifted(self) -> str | None:
        """What keeps its record from being used, if a default changed since."""
        if self.record is None or not self.lineage.fields:
            return None
        try:
            refuse_drift(self.key, was=self.record.everything, now=dict(self.lineage.fields))
        except DriftError as error:
            return str(error)
        return None


@dataclass
class Known:
    """Where keys are looked up: the store, its ledger, and the plans of some sweeps."""

    store: Store
    sweeps: Mapping[str, Sweep]
    """Sweeps whose plans may hold the key, by the name they were asked for."""

    def __post_init__(self) -> None:
        """Open what everything else asks."""
        self.lineages = Lineages(self.store)
        self.ledger = Ledger(self.store)

    @cached_property
    def rows(self) -> dict[str, dict[str, Any]]:
        """Rows of the ledger by key."""
        return {row["key"]: row for row in self.ledger.results().to_pylist()}

    @cached_property
    def planned(self) -> dict[str, tuple[Step[Spec], str]]:
        """Steps of all plans by key, each with the name of its sweep."""
        steps: dict[str, tuple[Step[Spec], str]] = {}
        for name, sweep in self.sweeps.items():
            planned = plan(sweep)
            for step in (*planned.steps, *(cell.step for cell in planned.cells)):
                steps.setdefault(str(step.key), (step, name))
        return steps

    def finished(self, stage: str) -> list[Lineage]:
        """Return every finished step of a stage."""
        if stage == FINETUNE:
            return [self.lineages.of_row(row) for row in self.rows.values()]
        return [self.lineages.of(key) for key in self.lineages.keys(stage)]

    def keys(self, stages: Iterable[str]) -> set[str]:
        """Return every key of some stages that is known from anywhere."""
        asked = set(stages)
        recorded = {
            key for stage in asked & set(RECORDED_STAGES) for key in self.lineages.keys(stage)
        }
        everywhere = recorded | self.rows.keys() | self.planned.keys() | self._in_ledger_plans
        return {key for key in everywhere if Key.parse(key).stage in asked}

    @cached_property
    def _in_ledger_plans(self) -> set[str]:
        keys: set[str] = set()
        for name in self.ledger.plans():
            table, _ = self.ledger.plan(name)
            for column in ("key", "features", "checkpoint", "sample"):
                keys |= {key for key in table.column(column).to_pylist() if key is not None}
        return keys


def explain(text: str, *, known: Known) -> Explanation:
    """Return all that is known of a key, or of the one key that begins so.

    Raises:
        UserError: If the text is no key, or stands for none or several.
    """
    key = _complete_key(text, known)
    if key in known.planned:
        return Explanation(of_step(known.planned[key][0]), known=known)
    if key in known.rows:
        return Explanation(known.lineages.of_row(known.rows[key]), known=known)
    if known.lineages.record(key) is not None:
        return Explanation(known.lineages.of(key), known=known)
    raise TerrasweepError(
        f"to explain {key}",
        got="only its key, in a plan of this store",
        fix="name the file of its sweep with --sweep",
    )


def _complete_key(text: str, known: Known) -> str:
    match = PREFIX.fullmatch(text.strip().lower())
    if match is None:
        fix = "write <stage>/<digest>, or how it begins, such as pretrain/3f2a"
        raise UserError("a key", got=repr(text), fix=fix)
    stage, hexes = match.groups()
    stages = (*RECORDED_STAGES, FINETUNE)
    if stage is not None and stage not in stages:
        got = f"the stage {stage!r}"
        raise UserError("a key", got=got, fix=f"use one of {', '.join(stages)}")
    keys = known.keys([stage] if stage else stages)
    found_keys = sorted(key for key in keys if Key.parse(key).digest.startswith(hexes))
    if not found_keys:
        looked = ", ".join(["the store", *(f"the plan of {name}" for name in known.sweeps)])
        fix = "name the sweep it belongs to with --sweep"
        raise UserError(f"the key {text}", got=f"none such in {looked}", fix=fix)
    if len(found_keys) > 1:
        some = ", ".join(found_keys[:5]) + (", ..." if len(found_keys) > 5 else "")
        got = f"{len(found_keys)} that begin so: {some}"
        raise UserError(f"one key for {text}", got=got, fix="write more of it")
    return found_keys[0]
