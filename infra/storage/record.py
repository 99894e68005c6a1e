"""A record is the proof that a step was made: what was asked, what came out, by which code.

It keeps every field of the spec, defaults too. Two steps share a key when they agree in what was
said; the record tells whether they also agree in what was left unsaid.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import cast

from pydantic import BaseModel, ConfigDict, JsonValue

from terrasweep.infra.errors import DriftError
from terrasweep.infra.spec import Json, Spec, canonical, digest, everything
from terrasweep.infra.step import Step
from terrasweep.infra.storage.artifacts import Artefact
from terrasweep.infra.telemetry.provenance import Provenance, provenance

FORMAT = 1


class Record(BaseModel):
    """The proof that a step was made; written last and whole."""

    model_config = ConfigDict(frozen=True)

    format: int = FORMAT
    """The form of this file."""
    key: str
    """`<stage>/<digest>`."""
    stage: str
    """What kind of step."""
    label: str
    """What people call it."""
    recipe: int
    """The spec's recipe number."""
    spec: JsonValue
    """The canonical form that the key hashes."""
    everything: dict[str, JsonValue]
    """Every field, defaults too."""
    needs: tuple[str, ...]
    """Keys of the steps it was made from."""
    assumed: tuple[str, ...]
    """Fields whose value is our assumption because the source does not say."""
    artefacts: dict[str, Artefact]
    """What it made, by path within its folder."""
    provenance: Provenance
    """By which code, where and when."""
    origin: dict[str, JsonValue] = {}
    """Where it came from, if it was made outside: a file's name and checksum."""

    @cached_property
    def content(self) -> str:
        """An address that follows from what was made: the artefacts lie under it.

        It is asked for with every file that is read, and a pool's shards are thousands.
        """
        return digest({name: artefact.sha256 for name, artefact in self.artefacts.items()})

    @property
    def folder(self) -> str:
        """The folder of the artefacts, within the store."""
        return f"{self.key}/{self.content}"


def new_record(
    step: Step[Spec], *, artefacts: Mapping[str, Artefact], started: datetime, seconds: float
) -> Record:
    """Return the record of a step that was just made here."""
    return Record(
        key=str(step.key),
        stage=step.stage,
        label=step.label,
        recipe=type(step.spec).recipe,
        spec=cast("JsonValue", canonical(step.spec)),
        everything=cast("dict[str, JsonValue]", everything(step.spec)),
        needs=tuple(str(need.key) for need in step.needs),
        assumed=assumed(step.spec),
        artefacts=dict(sorted(artefacts.items())),
        provenance=provenance(started=started, seconds=seconds),
        origin=cast("dict[str, JsonValue]", dict(step.origin)),
    )


def assumed(spec: Spec) -> tuple[str, ...]:
    """Return the dotted names of all fields that rest on our assumption, however deep."""
    return tuple(sorted(_assumed(spec, "")))


@dataclass(frozen=True)
class Drift:
    """One field whose default was another when a record was written."""

    field: str
    was: Json
    now: Json


def drift(was: Json, now: Json, *, field: str = "") -> Iterator[Drift]:
    """Yield the fields that both know and that differ; a field only one knows is no drift."""
    match was, now:
        case Mapping(), Mapping():
            for name in sorted(set(was) & set(now)):
                yield from drift(was[name], now[name], field=f"{field}.{name}".lstrip("."))
        case [*old], [*new] if len(old) == len(new):
            for at, (one, other) in enumerate(zip(old, new, strict=True)):
                yield from drift(one, other, field=f"{field}[{at}]")
        case _ if was != now:
            yield Drift(field, was, now)


def refuse_drift(key: str, *, was: Json, now: Json) -> None:
    """Refuse to use a result under a key that no longer says how it was made.

    Raises:
        DriftError: If a field that the key does not see has another value by now.
    """
    for change in drift(was, now):
        raise DriftError(
            f"to use {key}, made with {change.field} = {change.was!r}",
            got=f"a default that is now {change.now!r}",
            fix=f"restore the default, set {change.field} in the sweep, or raise the spec's recipe",
        )


def _assumed(spec: Spec, path: str) -> Iterator[str]:
    fields = type(spec).model_fields
    for name in type(spec).assumed:
        default = fields[name].get_default(call_default_factory=True, validated_data={})
        if getattr(spec, name) == default:
            yield f"{path}{name}"
    for name in fields:
        yield from _assumed_below(getattr(spec, name), f"{path}{name}")


def _assumed_below(value: object, path: str) -> Iterator[str]:
    if isinstance(value, Spec):
        yield from _assumed(value, f"{path}.")
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for at, item in enumerate(value):
            yield from _assumed_below(item, f"{path}[{at}]")
