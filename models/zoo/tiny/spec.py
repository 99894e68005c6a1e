"""The fields of the tiny network."""

from typing import ClassVar, Literal

from pydantic import Field

from terrasweep.models.spec import ModelSpec, TrainingSpec


class TinySpec(ModelSpec):
    """A two-layer masked autoencoder of a flattened series, for tests and smoke runs."""

    recipe: ClassVar[int] = 2

    official: ClassVar[TrainingSpec] = TrainingSpec(
        epochs=2, batch_size=256, lr=3e-3, warmup_epochs=0
    )

    knows_places: ClassVar[bool] = False
    most_months: ClassVar[int] = 12

    name: Literal["tiny"]
    """Which network of the zoo."""
    width: int = Field(default=32, gt=0)
    """Width of the hidden layer and of the features."""
