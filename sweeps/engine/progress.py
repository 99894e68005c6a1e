"""How far a sweep is, per stage: done of total, rate, time left; bars, or lines without a terminal.

It is shown on the console that is handed in; any thread may report.
"""

import time
from dataclasses import dataclass, field
from threading import RLock
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from terrasweep.infra.telemetry import logs, metrics
from terrasweep.pipelines.spec import FINETUNE

PAUSE_S = 5.0
"""A line at most this often and for each stage, where there is no terminal."""


@dataclass
class Stage:
    """One stage's count. Parts of a step count too: a pretraining half done is half a step."""

    name: str
    total: int
    before: int
    """How many were made by earlier runs."""
    done: int = 0
    failed: int = 0
    parts: dict[str, float] = field(default_factory=dict)
    began: float | None = None
    last_line_at: float = 0.0

    @property
    def at(self) -> float:
        """How many are done, parts and all."""
        return self.before + self.done + sum(self.parts.values())

    @property
    def is_over(self) -> bool:
        """Whether nothing is left."""
        return self.before + self.done + self.failed >= self.total

    def begin(self) -> None:
        """Start the clock, if it does not run yet; the rate counts from there."""
        if self.began is None:
            self.began = time.monotonic()

    def words(self, *, now: float) -> str:
        """Return it in a few words: ``3 + 0.25/8 · 0.5/s · 10 s left``."""
        part = f" + {sum(self.parts.values()):.2f}" if self.parts else ""
        count = f"{self.before + self.done:,}{part}/{self.total:,}"
        failed = [f"{self.failed:,} failed"] if self.failed else []
        took = now - self.began if self.began is not None else 0.0
        news = self.at - self.before
        if not took or not news:
            return " · ".join([count, *failed])
        if self.is_over:
            return " · ".join([count, _rate(news / took), f"in {_clock(took)}", *failed])
        left = (self.total - self.failed - self.at) * took / news
        return " · ".join([count, _rate(news / took), f"{_clock(left)} left", *failed])


class Stages:
    """All stages of a run, as a context in which they are shown."""

    def __init__(self, console: Console, sweep: str = "") -> None:
        self.console, self._sweep = console, sweep
        self._stages: dict[str, Stage] = {}
        self._rows: dict[str, TaskID] = {}
        self._lock = RLock()
        self._bars = Progress(
            TextColumn("{task.description:>10}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[words]}"),
            console=console,
            refresh_per_second=4,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> "Stages":
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def open(self, name: str, *, total: int, before: int = 0) -> None:
        """Show a stage, from the start or anew."""
        with self._lock:
            self._stages[name] = Stage(name, total, before)
            if name not in self._rows:
                self._rows[name] = self._bars.add_task(name, words="")
            self._show(self._stages[name])

    def begin(self, name: str) -> None:
        """Report that the first step of a stage is being made."""
        with self._lock:
            self._stages[name].begin()

    def part(self, name: str, *, key: str, done: float, total: float) -> None:
        """Report how far one step is."""
        with self._lock:
            stage = self._stages[name]
            stage.begin()
            stage.parts[key] = min(done / total, 1.0) if total else 0.0
            self._show(stage)

    def add(self, name: str, *, done: int = 0, failed: int = 0, key: str = "") -> None:
        """Count what was made or has failed; the part of `key` is no longer one."""
        with self._lock:
            stage = self._stages[name]
            stage.begin()
            stage.parts.pop(key, None)
            stage.done += done
            stage.failed += failed
            self._count(stage, done=done, failed=failed)
            self._show(stage)
        if key and done:
            logs.tell("made", key=key)

    def say(self, text: str) -> None:
        """Print a line between the bars; it is not wrapped, so that it can be pasted."""
        with self._lock:
            self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _count(self, stage: Stage, *, done: int, failed: int) -> None:
        """Count it for Prometheus."""
        tags = {"sweep": self._sweep, "stage": stage.name}
        kind = "cells" if stage.name == FINETUNE else "steps"
        metrics.count(f"terrasweep_{kind}_done", done, **tags)
        metrics.count(f"terrasweep_{kind}_failed", failed, **tags)
        if stage.name == FINETUNE:
            left = stage.total - stage.before - stage.done - stage.failed
            metrics.gauge("terrasweep_cells_waiting", left, **tags)

    def _show(self, stage: Stage) -> None:
        now = time.monotonic()
        words = stage.words(now=now)
        if self.console.is_terminal:
            row = self._rows[stage.name]
            self._bars.update(row, total=stage.total, completed=stage.at, words=words)
        elif stage.is_over or not stage.last_line_at or now - stage.last_line_at >= PAUSE_S:
            stage.last_line_at = now
            self.say(f"{stage.name:>10} {words}")


def _rate(per_s: float) -> str:
    if per_s >= 1:
        return f"{per_s:,.1f}/s"
    return f"{60 * per_s:.1f}/min" if per_s >= 1 / 60 else f"{3600 * per_s:.1f}/h"


def _clock(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes, hours = seconds / 60, seconds / 3600
    return f"{minutes:.0f} min" if minutes < 100 else f"{hours:.1f} h"
