"""What to draw: pools, tasks, and the composition of a pretraining set."""

from enum import StrEnum
from typing import ClassVar, Final, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from terrasweep.infra.spec import Spec
from terrasweep.samplers.geography.spec import Russia
from terrasweep.samplers.spec.rules import Rule, Zero


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


LogBase: TypeAlias = Literal["e", "2", "10"]
"""The base of the logarithm: entropies come out in nats, bits or hartleys."""


class SeriesEntropy(Spec):
    """How the spectral entropy of a monthly series is measured."""

    assumed: ClassVar[tuple[str, ...]] = ("bands", "bins", "low", "high", "log_base")

    bands: tuple[int, ...] = Field(default=tuple(range(2, 13)), min_length=1)
    """Which of the 18 bands count, from 0 on: the 11 of Sentinel-2, B2 to B12."""
    bins: int = Field(default=32, ge=2, le=4096)
    """Equal bins; as narrow as for images, and twelve months would fall each into its own."""
    low: float = 0.0
    """Where the first bin begins; smaller values fall into it."""
    high: float = 10_000.0
    """Where the last bin ends; larger values fall into it."""
    log_base: LogBase = "e"
    """The base of the logarithm."""

    @model_validator(mode="after")
    def _low_is_lower(self) -> Self:
        _check(self)
        return self


class ImageEntropy(Spec):
    """How the spectral entropy of an image is measured."""

    assumed: ClassVar[tuple[str, ...]] = ("bands", "bins", "low", "high", "log_base")

    bands: tuple[int, ...] | None = Field(default=None, min_length=1)
    """Which bands count, from 0 on; left out, all of them."""
    bins: int = Field(default=256, ge=2, le=4096)
    """Equal bins."""
    low: float = 0.0
    """Where the first bin begins; smaller values fall into it."""
    high: float = 10_000.0
    """Where the last bin ends; larger values fall into it."""
    log_base: LogBase = "e"
    """The base of the logarithm."""

    @model_validator(mode="after")
    def _low_is_lower(self) -> Self:
        _check(self)
        return self


class EntropySpec(Spec):
    """How the spectral entropy of a sample is measured; no source paper says it."""

    assumed: ClassVar[tuple[str, ...]] = ("first",)

    first: Literal["series", "image"] = "series"
    """What is measured of a sample that has both."""
    series: SeriesEntropy = Field(default_factory=SeriesEntropy)
    """Of `x`, a series in Presto's format."""
    image: ImageEntropy = Field(default_factory=ImageEntropy)
    """Of `image`, a patch."""


class PoolSpec(Spec):
    """All samples one may draw from; each adapter adds its own fields."""

    synthetic: ClassVar[bool] = False
    """Whether its samples are invented; whatever shows a result from them says so."""

    name: str
    """Which pool adapter reads it."""
    max_rejects: float = Field(default=0.01, ge=0, le=1)
    """The largest share of the pool's rows that may be rejected (unreadable, off the Earth, named
    twice and so on) before the shard step fails with the table of reasons."""
    russia: Russia = "europe"
    """Where Russia counts, unless `geography` says; it is three quarters of Europe's area."""

    @property
    def capacity(self) -> int | None:
        """How many samples the pool holds, if that is known before reading it."""
        return None

    @property
    def num_months(self) -> int | None:
        """How long its series are, if that is known before reading them."""
        return None

    @property
    def in_reflectance(self) -> bool:
        """Whether its images hold reflectances times 10,000.

        Spectral entropy takes it for granted where its range is left at the default.
        """
        return True


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


def _check(how: SeriesEntropy | ImageEntropy) -> None:
    if how.low >= how.high:
        raise ValueError(f"low {how.low:g} is not below high {how.high:g}")
    if any(band < 0 for band in how.bands or ()):
        raise ValueError("bands are counted from 0 on")
