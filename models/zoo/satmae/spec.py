"""The fields of SatMAE."""

from itertools import chain
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from terrasweep.infra.errors import InvalidValueError
from terrasweep.models.spec import FinetuningSpec, ModelSpec, TrainingSpec

NUM_BANDS = 13


class SatMaeSpec(ModelSpec):
    """SatMAE with groups of channels: a masked autoencoder of 13-band Sentinel-2 images.

    The defaults are ViT-B; ViT-L is width 1024, depth 24 and heads 16.
    """

    official: ClassVar[TrainingSpec] = TrainingSpec(
        epochs=200, batch_size=4096, lr=1.6e-3, warmup_epochs=20
    )
    finetuning: ClassVar[FinetuningSpec] = FinetuningSpec(
        epochs=30,
        batch_size=1024,
        lr=2e-4,
        lr_per=256,
        min_lr=1e-6,
        warmup_epochs=5,
        decay="cosine",
        weight_decay=0.05,
        layer_decay=0.75,
        head_std=2e-5,
        scaled_head=True,
        smoothing=0.1,
        min_area=0.2,
        mixup=0.8,
        cutmix=1.0,
        erased=0.25,
        drop_path=0.2,
    )
    thaws: ClassVar[tuple[str, ...]] = ("pos_embed", "channel_embed")
    learns_from: ClassVar[tuple[str, ...]] = ("image",)
    encodes: ClassVar[tuple[str, ...]] = ("image",)
    makes_maps: ClassVar[bool] = True
    knows_places: ClassVar[bool] = False

    name: Literal["satmae"]
    """Which network of the zoo."""
    image_px: int = Field(default=96, gt=0)
    """Side of what the network sees; images are cropped and resized to it."""
    patch_px: int = Field(default=8, gt=0)
    """Side of a patch; it divides the image's."""
    dropped: tuple[int, ...] = (0, 9, 10)
    """Bands of the 13 that are left out: B1, B9 and B10."""
    groups: tuple[tuple[int, ...], ...] = ((0, 1, 2, 6), (3, 4, 5, 7), (8, 9))
    """Which of the bands that are left share a token; the order of groups is that of tokens."""
    width: int = Field(default=768, gt=0)
    """Width of a token; a multiple of the heads."""
    depth: int = Field(default=12, gt=0)
    """Blocks of the encoder."""
    heads: int = Field(default=12, gt=0)
    """Attention heads of the encoder."""
    channel_width: int = Field(default=256, gt=0)
    """How much of a token's code says its group; the rest says its place."""
    decoder_width: int = Field(default=512, gt=0)
    """Width of a token in the decoder."""
    decoder_depth: int = Field(default=8, gt=0)
    """Blocks of the decoder."""
    decoder_heads: int = Field(default=16, gt=0)
    """Attention heads of the decoder."""
    decoder_channel_width: int = Field(default=128, gt=0)
    """How much of a token's code says its group in the decoder."""
    mlp_ratio: int = Field(default=4, gt=0)
    """Hidden width of a block's MLP, as a multiple of the token's width."""
    mask_ratio: float = Field(default=0.75, gt=0, lt=1)
    """Share of tokens that are hidden while pretraining."""
    masking: Literal["independent", "spatial"] = "independent"
    """Whether tokens are hidden one by one, or all groups of a patch at once."""
    loss_order: Literal["official", "corrected"] = "official"
    """Which channel each output is held against: the published code compares outputs in the order
    of the groups with channels in their own order; corrected compares each with its own."""
    norm_pix_loss: bool = False
    """Whether the pixels of a patch are brought to mean 0 and variance 1 before they are
    predicted."""
    min_area: float = Field(default=0.2, gt=0, le=1)
    """Smallest share of an image that a view takes while pretraining."""
    fc_norm: bool = True
    """Whether features are the norm of the mean over tokens, as a head sees them, or the mean."""

    @model_validator(mode="after")
    def _parts_fit(self) -> "SatMaeSpec":
        left = NUM_BANDS - len(set(self.dropped))
        if sorted(chain(*self.groups)) != list(range(left)):
            raise InvalidValueError(
                f"the groups {self.groups}",
                fix=f"name each of the {left} remaining bands once, counted from 0",
            )
        if self.image_px % self.patch_px:
            raise InvalidValueError(
                f"patch_px {self.patch_px} and image_px {self.image_px}",
                fix="write an image_px that is a multiple of patch_px",
            )
        _splits(self.width, heads=self.heads, channel=self.channel_width)
        _splits(self.decoder_width, heads=self.decoder_heads, channel=self.decoder_channel_width)
        return self


def _splits(width: int, *, heads: int, channel: int) -> None:
    place = width - channel
    if width % heads or channel % 2 or place <= 0 or place % 4:
        raise InvalidValueError(
            f"width {width} with {heads} heads and a channel code of {channel}",
            fix="write a width that is a multiple of the heads, and an even channel code that is "
            "smaller than it by a multiple of 4",
        )
