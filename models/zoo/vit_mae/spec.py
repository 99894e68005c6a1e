"""The fields of the plain masked autoencoder of images."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from terrasweep.infra.errors import InvalidValueError
from terrasweep.models.spec import ModelSpec, TrainingSpec


class VitMaeSpec(ModelSpec):
    """A masked autoencoder of 13-band images: a plain vision transformer, small by default."""

    official: ClassVar[TrainingSpec] = TrainingSpec(
        epochs=50, batch_size=1024, lr=6e-4, warmup_epochs=5
    )
    learns_from: ClassVar[tuple[str, ...]] = ("image",)
    encodes: ClassVar[tuple[str, ...]] = ("image",)
    makes_maps: ClassVar[bool] = True
    knows_places: ClassVar[bool] = False

    name: Literal["vit_mae"]
    """Which network of the zoo."""
    image_px: int = Field(default=64, gt=0)
    """Side of the crop that the network sees."""
    patch_px: int = Field(default=8, gt=0)
    """Side of a patch; it divides the image's."""
    width: int = Field(default=192, gt=0)
    """Width of a token; a multiple of 4 and of the heads."""
    depth: int = Field(default=6, gt=0)
    """Blocks of the encoder."""
    heads: int = Field(default=3, gt=0)
    """Attention heads of the encoder."""
    decoder_width: int = Field(default=128, gt=0)
    """Width of a token in the decoder; a multiple of 4 and of its heads."""
    decoder_depth: int = Field(default=2, gt=0)
    """Blocks of the decoder."""
    decoder_heads: int = Field(default=4, gt=0)
    """Attention heads of the decoder."""
    mask_ratio: float = Field(default=0.75, gt=0, lt=1)
    """Share of patches that are hidden while pretraining."""

    @model_validator(mode="after")
    def _parts_fit(self) -> "VitMaeSpec":
        if self.image_px % self.patch_px:
            raise InvalidValueError(
                f"patch_px {self.patch_px} and image_px {self.image_px}",
                fix="write an image_px that is a multiple of patch_px",
            )
        for width, heads in ((self.width, self.heads), (self.decoder_width, self.decoder_heads)):
            if width % 4 or width % heads:
                raise InvalidValueError(
                    f"width {width}", fix=f"write a multiple of 4 and of {heads} heads"
                )
        return self
