"""How the learning rate goes up and down: linear warm-up, then half a cosine to zero, or level."""

import math
from dataclasses import dataclass

from terrasweep.models.spec import TrainingSpec


@dataclass(frozen=True)
class LearningRateSchedule:
    """The steps of a training and the learning rate of each."""

    peak: float
    steps_per_epoch: int
    warmup_steps: int
    total_steps: int
    is_level: bool = False
    """Whether the peak is kept to the end."""

    @classmethod
    def of(cls, training: TrainingSpec, *, samples: int) -> "LearningRateSchedule":
        """Lay out the steps; the last batch of an epoch may be smaller and counts as one."""
        per_epoch = math.ceil(samples / training.batch_size)
        warmup = round(training.warmup_epochs * per_epoch)
        total, is_level = training.epochs * per_epoch, training.decay == "none"
        return cls(training.lr, per_epoch, warmup, total, is_level)

    def lr(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0; no step stands still."""
        if step < self.warmup_steps:
            return self.peak * (step + 1) / self.warmup_steps
        if self.is_level:
            return self.peak
        share = (step - self.warmup_steps) / (self.total_steps - self.warmup_steps)
        return self.peak * 0.5 * (1 + math.cos(math.pi * share))
