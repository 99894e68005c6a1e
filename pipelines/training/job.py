"""What the workers of a pretraining need to know; sending it needs no torch."""

from dataclasses import dataclass
from typing import Final, cast

from terrasweep.infra.context import Context, Resources
from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Key, Step
from terrasweep.infra.storage.store import Store
from terrasweep.models.spec import ModelSpec, TrainingSpec
from terrasweep.pipelines.spec import InitSpec, PretrainSpec, SampleSpec

HISTORY: Final = "history.parquet"
FEWEST_PASSES: Final = 1_000_000
"""Samples times epochs below which a lone worker does without Ray Train."""


def needs_ray_train(step: Step[Spec], resources: Resources) -> bool:
    """Say whether a step is a pretraining by several workers, or one worth Ray Train's start."""
    if step.stage != "pretrain":
        return False
    size = cast("SampleSpec", step.need("sample").spec).composition.size
    passes = size * cast("PretrainSpec", step.spec).training.epochs
    return resources.train_workers > 1 or passes >= FEWEST_PASSES


@dataclass(frozen=True)
class TrainingJob:
    """What every worker of one training knows; it travels to them."""

    store: Store
    key: Key
    init: Key
    sample: Key
    arrays: Key
    """The step whose files are learnt from: the shards, or a tower's features."""
    model: ModelSpec
    training: TrainingSpec
    together: bool
    """Whether Ray Train starts the workers; else it is a plain task."""
    resources: Resources

    @classmethod
    def of(cls, step: Step[Spec], *, context: Context) -> "TrainingJob":
        """Gather what a pretrain step says and needs."""
        init, sample = step.need("init"), step.need("sample")
        tower = [need.key for need in step.needs if need.stage == "tower"]
        return cls(
            store=context.store,
            key=step.key,
            init=init.key,
            sample=sample.key,
            arrays=(tower or [sample.need("shard").key])[0],
            model=cast("InitSpec", init.spec).model,
            training=cast("PretrainSpec", step.spec).training,
            together=needs_ray_train(step, context.resources),
            resources=context.resources,
        )

    @property
    def home(self) -> str:
        """Where in the store the training keeps how far it is."""
        return f"progress/{self.key}"
