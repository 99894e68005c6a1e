"""What to draw: pools, tasks, and the composition of a pretraining set."""

from enum import StrEnum
from typing import ClassVar

from pydantic import Field, model_validator

from infra.spec import Spec
from samplers.rules import Rule, Zero


class Region(StrEnum):
    """Where a checkpoint is finetuned and judged: one continent, or all of them at once."""

    AFRICA = "africa"
    ASIA = "asia"
    EUROPE = "europe"
    NORTH_AMERICA = "north_america"
    OCEANIA = "oceania"
    SOUTH_AMERICA = "south_america"
    GLOBAL = "global"


class PoolSpec(Spec):
    """All samples one may draw from; each adapter adds its own fields."""

    synthetic: ClassVar[bool] = False
    """Whether its samples are invented; whatever shows a result from them says so."""

    name: str
    """Which pool adapter reads it."""
    max_rejects: float = Field(default=0.01, ge=0, le=1)
    """The largest share of the pool's rows that may be rejected (unreadable, off the Earth, named
    twice and so on) before the shard step fails with the table of reasons."""

    @property
    def capacity(self) -> int | None:
        """How many samples the pool holds, if that is known before reading it."""
        return None


class FilesSpec(PoolSpec):
    """A pool that lies in files; each adapter says which."""

    path: str = Field(min_length=1)
    """The file or folder; it names the pool, so let it be the same on every machine.

    A relative path starts at the folder that TERRASWEEP_POOLS names, or else where one stands.
    """
    content: str | None = None
    """What `terrasweep plan` prints as the content of the files; where it is given, files with
    another content are refused. Files that may change under the same path want it."""


class TaskSpec(Spec):
    """Labelled samples that a checkpoint is judged on; each task adds its own fields."""

    synthetic: ClassVar[bool] = False
    """Whether its samples are invented; whatever shows a result from them says so."""

    name: str
    """Which task."""
    metric: str
    """The primary metric, a file in models/metrics."""


class CompositionSpec(Spec):
    """The rule and the size of a pretraining set."""

    rule: Rule
    """How the samples are chosen."""
    size: int = Field(default=0, ge=0)
    """How many samples; 0 only for the rule `zero`."""

    @model_validator(mode="after")
    def _zero_has_no_size(self) -> "CompositionSpec":
        if isinstance(self.rule, Zero) and self.size:
            raise ValueError(f"rule zero draws nothing, but size is {self.size}; leave size out")
        if not isinstance(self.rule, Zero) and not self.size:
            raise ValueError(f"rule {self.rule.kind} needs a size; say how many samples to draw")
        return self

    @property
    def is_zero(self) -> bool:
        """Whether nothing is drawn, and so nothing is trained."""
        return isinstance(self.rule, Zero)
