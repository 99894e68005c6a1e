"""One run as MLflow should show it, and what is found there: plain values that know no MLflow."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Point:
    """One value of one metric."""

    metric: str
    value: float
    when_ms: int
    step: int = 0


@dataclass(frozen=True)
class Dataset:
    """The manifest a pretraining drew its samples from."""

    name: str
    digest: str
    uri: str


@dataclass(frozen=True)
class RunEntry:
    """One run as MLflow should show it."""

    key: str
    kind: str
    name: str
    parent: str | None
    started_ms: int
    ended_ms: int | None
    """``None`` while more is to come."""
    status: str = "FINISHED"
    params: Mapping[str, str] = field(default_factory=dict)
    points: tuple[Point, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    """What it says of itself, in Markdown."""
    links: Mapping[str, str] = field(default_factory=dict)
    """Other runs that it hangs on: their keys, by what they are to it."""
    dataset: Dataset | None = None

    @property
    def grows(self) -> bool:
        """Whether it tells of others, and so changes as they come."""
        return self.kind in ("sweep", "summary")

    @property
    def shown(self) -> str:
        """The status that its run has."""
        return "RUNNING" if self.ended_ms is None else self.status

    @property
    def latest(self) -> dict[str, float]:
        """The last value of each metric."""
        ordered = sorted(self.points, key=lambda point: (point.step, point.when_ms))
        return {point.metric: point.value for point in ordered}


@dataclass(frozen=True)
class MirrorReport:
    """What one pass did."""

    created: int
    """Runs that were not there."""
    updated: int
    """Runs that were there, but unfinished or behind."""
    unchanged: int
    removed: int
    """Second runs of one key, left by two mirrors that raced."""
    lag: int
    """Runs still to be mirrored, because the pass was asked to stop."""
    seconds: float
    busy_s: float
    """Processor time that it took here, over all its threads."""


@dataclass
class ExistingRun:
    """What MLflow holds under a key."""

    run_id: str
    status: str
    parent: str | None
    latest: Mapping[str, float]

    def is_as(self, entry: RunEntry, *, parent: str | None) -> bool:
        """Whether nothing is left to tell; only a run that grows is compared value by value."""
        behind = entry.grows and dict(self.latest) != entry.latest
        return self.status == entry.shown and self.parent == parent and not behind


def points(values: Mapping[str, float | None], *, when_ms: int, step: int = 0) -> tuple[Point, ...]:
    """Return the finite ones among some values; MLflow would keep the others as 0."""
    return tuple(
        Point(metric, float(value), when_ms, step)
        for metric, value in values.items()
        if value is not None and math.isfinite(value)
    )


def milliseconds(when: str | datetime) -> int:
    """Return a moment as MLflow counts it."""
    moment = datetime.fromisoformat(when) if isinstance(when, str) else when
    return round(1000 * moment.timestamp())


def sweep_key(name: str) -> str:
    """Return the key that a sweep's own run is found again by."""
    return f"sweep/{name}"
