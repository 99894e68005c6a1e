"""What each stage makes, as light values, and one table of all stages."""

from dataclasses import dataclass
from typing import ClassVar, Final

from pydantic import Field

from terrasweep.infra.spec import Spec
from terrasweep.models.members import AnyModel, AnyProbe
from terrasweep.models.spec import TrainingSpec
from terrasweep.samplers.geography.spec import GeographySpec
from terrasweep.samplers.members import AnyPool, AnyTask
from terrasweep.samplers.spec.composition import CompositionSpec
from terrasweep.samplers.spec.entropy import EntropySpec
from terrasweep.samplers.spec.tasks import DrawSpec, Region, TestOn


class ShardSpec(Spec):
    """The pool as Parquet, partitioned by coarse H3 cell, with a census. Needs nothing."""

    recipe: ClassVar[int] = 3

    pool: AnyPool
    """Where the samples come from."""
    coarse: int = Field(default=1, ge=0, le=3)
    """H3 resolution of a shard."""
    fine: int = Field(default=5, ge=3, le=9)
    """H3 resolution of a sample's cell; clustering and leakage are measured in these."""
    geography: GeographySpec = GeographySpec()
    """A user's own maps in place of the embedded ones."""
    entropy: EntropySpec = EntropySpec()
    """How the spectral entropy of every sample is measured."""


class SampleSpec(Spec):
    """The ids one composition draws. Needs the shards, and with a guard also the tasks."""

    composition: CompositionSpec
    """The rule and the size."""
    replicate: int = Field(default=0, ge=0)
    """Another replicate is another draw."""
    guard_rings: int | None = Field(default=None, ge=0)
    """Leave out pool samples within this many fine cells of a test sample; none: no guard."""


class InitSpec(Spec):
    """A network as it was initialised. Needs nothing."""

    model: AnyModel
    """Which network."""
    replicate: int = Field(default=0, ge=0)
    """Another replicate is another initialisation."""


class CheckpointSpec(Spec):
    """A network with weights from outside: neither drawn nor trained here. Needs nothing."""

    model: AnyModel
    """Which network."""
    weights: str = Field(pattern=r"^[0-9a-f]{64}$")
    """The sha256 of the weights' file, as safetensors under our names."""


class TowerSpec(Spec):
    """What a network's frozen part makes of every sample of a pool. Needs an init and shards."""


class PretrainSpec(Spec):
    """A pretrained network. Needs an init and a sample, and a tower if part of it is frozen."""

    training: TrainingSpec = TrainingSpec()
    """The optimiser, its schedule and the batch."""


class TaskDataSpec(Spec):
    """A task's labelled samples, laid out for encoding. Needs nothing."""

    task: AnyTask
    """Which task."""


class EncodeSpec(Spec):
    """One feature vector per sample of a task. Needs a checkpoint and a task.

    The checkpoint is an init, a pretrain or one from outside.
    """


class FinetuneSpec(Spec):
    """One cell of the grid: one row of the ledger. Needs the features."""

    continent: Region
    """Where it is finetuned and judged; `global` is all continents at once."""
    n: int = Field(ge=0)
    """Training samples; 0 for all there are."""
    protocol: AnyProbe
    """What is trained on the features."""
    seed: int = Field(default=0, ge=0)
    """Fixes the draw of training samples, the same for every composition, and the probe."""
    draw: DrawSpec = DrawSpec()
    """Which samples may be trained on, and which may be judged by."""
    test_on: TestOn = "same"
    """Where it is judged, if not where it was trained."""


@dataclass(frozen=True)
class StageInfo:
    """What the rest of the project knows of a stage."""

    name: str
    """The stage word: the first part of a key."""
    spec: type[Spec]
    """What its steps say."""
    row: int
    """Its row in the table of `plan`."""
    lane: str | None = None
    """The driver does its jobs, and of each lane only so many at once; none: a worker does them."""
    has_module: bool = True
    """Whether the module of its name in pipelines/stages makes one step after another."""


FINETUNE: Final = "finetune"
"""The stage of cells; its steps leave rows of the ledger, all others leave records."""

STAGES: Final = (
    StageInfo("shard", ShardSpec, row=0, lane="data"),
    StageInfo("task", TaskDataSpec, row=6),
    StageInfo("init", InitSpec, row=2),
    StageInfo("checkpoint", CheckpointSpec, row=3, has_module=False),
    StageInfo("sample", SampleSpec, row=1, lane="data"),
    StageInfo("tower", TowerSpec, row=4, lane="tower"),
    StageInfo("pretrain", PretrainSpec, row=5, lane="training"),
    StageInfo("encode", EncodeSpec, row=7),
    StageInfo(FINETUNE, FinetuneSpec, row=8, has_module=False),
)
"""All stages, each after all that it may need."""

STAGE_NAMES: Final = tuple(stage.name for stage in STAGES)
