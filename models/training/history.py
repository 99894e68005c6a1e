"""The history of a training: a row now and then, with its loss, its speed and its memory."""

import math
import time
from dataclasses import dataclass, field
from typing import Any, Final, TypedDict

import torch

from terrasweep.models.training.optimiser import LearningRateSchedule
from terrasweep.models.training.throughput import Yardstick, peak_mb

MOST_ROWS: Final = 200
"""Rows of history at most, however long the training."""


class HistoryRow(TypedDict):
    """One row of the history; the loss is the mean since the row before."""

    step: int
    epoch: float
    loss: float
    lr: float
    samples_per_s: float
    mfu: float | None
    """Share of what the device can do; nothing where there is no yardstick."""
    peak_mb: float
    """The most memory so far."""


@dataclass
class History:
    """The rows so far, and what the next one is made of."""

    schedule: LearningRateSchedule
    device: torch.device
    yardstick: Yardstick | None
    workers: int
    rows: list[HistoryRow] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    """Since the last row."""
    samples: int = 0
    """Since the last row, or since the training went on."""
    clock: float = field(default_factory=time.perf_counter)

    def note(self, loss: float, *, step: int, lr: float, samples: int) -> None:
        """Take in a step that was just taken; now and then that makes a row."""
        self.losses.append(loss)
        self.samples += samples
        total = self.schedule.total_steps
        if step % math.ceil(total / MOST_ROWS) and step != total:
            return
        now = time.perf_counter()
        speed = self.samples / (now - self.clock)
        yardstick = self.yardstick
        row = HistoryRow(
            step=step,
            epoch=step / self.schedule.steps_per_epoch,
            loss=math.fsum(self.losses) / len(self.losses),
            lr=lr,
            samples_per_s=speed,
            mfu=None if yardstick is None else yardstick.share(speed, workers=self.workers),
            peak_mb=peak_mb(self.device),
        )
        self.rows.append(row)
        self.losses, self.clock, self.samples = [], now, 0

    def state_dict(self) -> dict[str, Any]:
        """Return what the rows to come depend on."""
        return {"rows": self.rows, "losses": self.losses}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on after the rows that were saved."""
        self.rows, self.losses = state["rows"], state["losses"]
