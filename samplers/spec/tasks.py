"""Tasks: labelled samples that checkpoints are judged on, and how few of them are drawn."""

from enum import StrEnum
from typing import ClassVar, Final, Literal, TypeAlias

from pydantic import Field

from terrasweep.infra.spec import Spec
from terrasweep.samplers.geography.spec import Russia


class Region(StrEnum):
    """Where a checkpoint is finetuned and judged: one continent, or all of them at once."""

    AFRICA = "africa"
    ASIA = "asia"
    EUROPE = "europe"
    NORTH_AMERICA = "north_america"
    OCEANIA = "oceania"
    SOUTH_AMERICA = "south_america"
    GLOBAL = "global"


ALL_SAMPLES: Final = 0
"""The number of training samples that stands for all there are."""


TestOn: TypeAlias = Literal["same", "others", "all"] | Region
"""Where a cell is judged: where it was trained, on the other continents, anywhere, or there."""


Target: TypeAlias = Literal["binary", "classes", "labels", "number", "map"]
"""What a task asks for: one of two classes, one of several, any of several labels, a number, or a
class for every pixel."""


class DrawSpec(Spec):
    """Which of a task's samples may be trained on, and which may be judged by."""

    assumed: ClassVar[tuple[str, ...]] = (
        *("stratified", "held_out", "block", "test_share", "fewest_test"),
    )

    stratified: bool = False
    """Draw from each class by its share, instead of from all samples alike."""
    held_out: Literal["remainder", "official", "blocks"] = "remainder"
    """What is judged by: all that was not drawn, the task's official test set, or blocks of H3
    cells that are never drawn from, so that neighbours do not leak."""
    block: int = Field(default=3, ge=0, le=5)
    """H3 resolution of a block."""
    test_share: float = Field(default=0.2, gt=0, lt=1)
    """Share of the blocks that is held out; and of the samples, where all the others are drawn."""
    fewest_test: int = Field(default=20, gt=0)
    """With fewer samples to judge by a cell is left out: their score would say nothing."""


class TaskSpec(Spec):
    """Labelled samples that a checkpoint is judged on; each task adds its own fields."""

    synthetic: ClassVar[bool] = False
    """Whether its samples are invented; whatever shows a result from them says so."""

    name: str
    """Which task."""
    metric: str
    """The primary metric, a file in models/metrics."""

    @property
    def target(self) -> Target:
        """What it asks of a sample."""
        return "classes"

    @property
    def gives(self) -> tuple[str, ...]:
        """The arrays of a sample, beside its coordinates."""
        return ("x", "dynamic_world", "month")

    @property
    def has_official_split(self) -> bool:
        """Whether its authors say which samples to train on and which to judge by."""
        return False


BinaryMetric: TypeAlias = Literal[
    "f1", "f1_macro", "f1_weighted", "accuracy", "balanced_accuracy", "auc"
]


ClassMetric: TypeAlias = Literal["f1_macro", "f1_weighted", "accuracy", "balanced_accuracy"]


LabelMetric: TypeAlias = Literal["f1_micro"]


MapMetric: TypeAlias = Literal["miou", "f1_macro", "f1_weighted", "accuracy"]


NumberMetric: TypeAlias = Literal["r2"]


class FiledTaskSpec(TaskSpec):
    """A task that lies in files; each task says which."""

    path: str = Field(min_length=1)
    """The file or folder; it names the task, so let it be the same on every machine.

    A relative path starts at the folder that TERRASWEEP_POOLS names, or else where one stands.
    """
    russia: Russia = "europe"
    """Where Russia counts; as the pool says."""

    @property
    def gives(self) -> tuple[str, ...]:
        """The arrays of a sample, beside its coordinates."""
        return ()
