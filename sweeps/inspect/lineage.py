"""A step as explain and estimate see it: every field, and the same of all that it needs.

A planned step and a record in the store tell the same things in two forms; here they are one.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from terrasweep.infra.spec import Json, Spec, everything
from terrasweep.infra.step import Key, Step
from terrasweep.infra.storage.record import Record
from terrasweep.infra.storage.store import Store
from terrasweep.pipelines.spec import FINETUNE, STAGES

RECORDED_STAGES = tuple(
    stage.name for stage in sorted(STAGES, key=lambda one: one.row) if stage.name != FINETUNE
)
"""Stages that leave records, as tables list them; finetune leaves rows of the ledger."""

ANOTHER_KIND = 100
"""What a need without a counterpart counts: more than any number of changed fields."""


@dataclass(frozen=True)
class Lineage:
    """One step with all its fields, and the lineages of what it needs."""

    key: str
    stage: str
    label: str
    recipe: int | None
    """None where it was not written down."""
    fields: Mapping[str, Json]
    needs: tuple["Lineage", ...] = ()

    def need(self, stage: str) -> "Lineage | None":
        """Return the first direct need of a stage, if there is one."""
        return next((need for need in self.needs if need.stage == stage), None)


@dataclass(frozen=True)
class Difference:
    """One field that two lineages do not share."""

    field: str
    there: Json
    """What the older one says; None if it does not know the field."""
    here: Json


@dataclass
class Lineages:
    """The lineages of what a store holds; each record is read once."""

    store: Store
    _records: dict[str, Record | None] = field(default_factory=dict)
    _lineages: dict[str, Lineage] = field(default_factory=dict)

    def keys(self, stage: str) -> list[str]:
        """Return the keys of all records of a stage, sorted."""
        paths = self.store.blobs.sizes(stage, deep=False)
        return sorted(path.removesuffix(".json") for path in paths if path.endswith(".json"))

    def record(self, key: str) -> Record | None:
        """Return the record of a key."""
        if key not in self._records:
            self._records[key] = self.store.record(Key.parse(key))
        return self._records[key]

    def of(self, key: str) -> Lineage:
        """Return what the store knows of a key; an empty lineage if it knows nothing."""
        if key not in self._lineages:
            self._lineages[key] = self._of(key)
        return self._lineages[key]

    def _of(self, key: str) -> Lineage:
        record = self.record(key)
        if record is None:
            return Lineage(key, Key.parse(key).stage, "", None, {})
        return Lineage(
            key=key,
            stage=record.stage,
            label=record.label,
            recipe=record.recipe,
            fields=cast("Mapping[str, Json]", record.everything),
            needs=tuple(self.of(need) for need in record.needs),
        )

    def of_row(self, row: Mapping[str, object]) -> Lineage:
        """Return the lineage of a row of the ledger, a finished cell."""
        fields = json.loads(str(row.get("fields") or "{}"))
        needs = (self.of(str(row["features"])),)
        return Lineage(str(row["key"]), FINETUNE, "", None, fields, needs)


def of_step(step: Step[Spec]) -> Lineage:
    """Return the lineage of a planned step."""
    return Lineage(
        key=str(step.key),
        stage=step.stage,
        label=step.label,
        recipe=type(step.spec).recipe,
        fields=everything(step.spec),
        needs=tuple(of_step(need) for need in step.needs),
    )


def differences(here: Lineage, there: Lineage) -> list[Difference]:
    """Return every field, however deep, in which a lineage differs from another."""
    return list(_differences(here, there, ""))


@dataclass
class Distance:
    """In how many fields two lineages differ; pairs of needs are compared once."""

    _seen: dict[tuple[str, str], int] = field(default_factory=dict)

    def __call__(self, here: Lineage, there: Lineage) -> int:
        """Return the number of fields that differ, those of all needs too."""
        pair = (here.key, there.key)
        if pair not in self._seen:
            own = len(list(_fields(here.fields, there.fields, "")))
            needs = _pairs(here.needs, there.needs)
            self._seen[pair] = own + sum(self._between(mine, theirs) for mine, theirs in needs)
        return self._seen[pair]

    def _between(self, mine: Lineage | None, theirs: Lineage | None) -> int:
        if mine is None or theirs is None:
            return ANOTHER_KIND
        return 0 if mine.key == theirs.key else self(mine, theirs)


def flat(fields: Mapping[str, Json], prefix: str = "") -> dict[str, Json]:
    """Return fields by their dotted names, fields of fields too."""
    values: dict[str, Json] = {}
    for name, value in fields.items():
        if isinstance(value, Mapping):
            values |= flat(value, f"{prefix}{name}.")
        else:
            values[f"{prefix}{name}"] = value
    return values


def _differences(here: Lineage, there: Lineage, prefix: str) -> Iterator[Difference]:
    if here.recipe != there.recipe and None not in (here.recipe, there.recipe):
        yield Difference(f"{prefix}recipe", there.recipe, here.recipe)
    yield from _fields(here.fields, there.fields, prefix)
    for mine, theirs in _pairs(here.needs, there.needs):
        if mine is None or theirs is None:
            was, now = theirs.key if theirs else None, mine.key if mine else None
            yield Difference(f"{prefix}{(mine or theirs or here).stage}", was, now)
        elif mine.key != theirs.key:
            yield from _differences(mine, theirs, f"{prefix}{mine.stage}.")


def _pairs(
    mine: Sequence[Lineage], theirs: Sequence[Lineage]
) -> Iterator[tuple[Lineage | None, Lineage | None]]:
    """Pair the needs of two steps: equal keys first, then the rest stage by stage."""
    shared = {need.key for need in mine} & {need.key for need in theirs}
    left = [need for need in theirs if need.key not in shared]
    for need in (need for need in mine if need.key not in shared):
        match = next((other for other in left if other.stage == need.stage), None)
        if match is not None:
            left.remove(match)
        yield need, match
    yield from ((None, other) for other in left)


def _fields(
    here: Mapping[str, Json], there: Mapping[str, Json], prefix: str
) -> Iterator[Difference]:
    flat_here, flat_there = flat(here, prefix), flat(there, prefix)
    for name in sorted(flat_here.keys() | flat_there.keys()):
        if flat_here.get(name) != flat_there.get(name):
            yield Difference(name, flat_there.get(name), flat_here.get(name))
