"""The fields of the masked autoencoder of monthly series."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from terrasweep.infra.errors import InvalidValueError
from terrasweep.models.spec import ModelSpec, TrainingSpec


class SeriesMaeSpec(ModelSpec):
    """A small transformer that learns a year of weather by filling in hidden months.

    Its recipe is our own: it has no published one.
    """

    official: ClassVar[TrainingSpec] = TrainingSpec(
        epochs=40, batch_size=256, lr=2e-3, warmup_epochs=12, betas=(0.9, 0.999)
    )
    assumed: ClassVar[tuple[str, ...]] = ("width", "depth", "heads", "mask_ratio")
    learns_from: ClassVar[tuple[str, ...]] = ("series",)
    encodes: ClassVar[tuple[str, ...]] = ("series",)
    knows_places: ClassVar[bool] = False
    most_months: ClassVar[int] = 12

    name: Literal["series_mae"]
    """Which network of the zoo."""
    width: int = Field(default=64, gt=0)
    """Width of a token and of the features; a multiple of 2 and of the heads."""
    depth: int = Field(default=2, gt=0)
    """Blocks of the encoder; the decoder has one."""
    heads: int = Field(default=4, gt=0)
    """Attention heads."""
    mask_ratio: float = Field(default=0.6, gt=0, lt=1)
    """Share of the months that is hidden while pretraining."""

    @model_validator(mode="after")
    def _parts_fit(self) -> "SeriesMaeSpec":
        if self.width % 2 or self.width % self.heads:
            raise InvalidValueError(
                f"width {self.width}", fix=f"write a multiple of 2 and of {self.heads} heads"
            )
        return self
