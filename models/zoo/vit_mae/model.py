"""A masked autoencoder of images as plain as it can be: a token per patch, all bands in it.

Reflectances are divided by 10,000; three patches in four are hidden, and their pixels predicted.
Its features are the norm of the patch tokens, averaged.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from terrasweep.models.contract import WHOLE, Batch, Network
from terrasweep.models.layers import imagery, vit
from terrasweep.models.spec import ModelSpec
from terrasweep.models.zoo.vit_mae.spec import VitMaeSpec

SCALE: Final = 10_000.0


def build(spec: ModelSpec) -> Network:
    """Return a freshly initialised network."""
    assert isinstance(spec, VitMaeSpec)
    return VitMae(spec)


def prepare(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the images as they are: the network scales them, a crop at a time."""
    return {"image": imagery.image_of(arrays, bands=(imagery.BANDS - 1, imagery.BANDS))}


class VitMae(Network):
    """The autoencoder."""

    at_once = 8

    def __init__(self, spec: VitMaeSpec) -> None:
        super().__init__()
        self.spec = spec
        side = spec.image_px // spec.patch_px
        self.num_patches = side**2
        self.cls_token = vit.new_token(spec.width)
        self.pos_embed = vit.fixed(vit.grid_table(side, width=spec.width))
        self.patch_embed = vit.PatchEmbed(imagery.BANDS, spec.width, patch=spec.patch_px)
        self.blocks = vit.blocks(spec.width, depth=spec.depth, heads=spec.heads)
        self.norm = vit.norm(spec.width)
        self.mask_token = vit.new_token(spec.decoder_width)
        self.decoder_embed = nn.Linear(spec.width, spec.decoder_width)
        self.decoder_pos_embed = vit.fixed(vit.grid_table(side, width=spec.decoder_width))
        self.decoder_blocks = vit.blocks(
            spec.decoder_width, depth=spec.decoder_depth, heads=spec.decoder_heads
        )
        self.decoder_norm = vit.norm(spec.decoder_width)
        self.decoder_pred = nn.Linear(spec.decoder_width, imagery.BANDS * spec.patch_px**2)
        self.apply(vit.initialise)

    def loss(self, batch: Batch, *, generator: torch.Generator, part: slice = WHOLE) -> Tensor:
        """Hide patches of a random crop and return the mean squared error of their pixels."""
        images, spec = batch["image"], self.spec
        view = imagery.random_crop(images, size=spec.image_px, generator=generator)
        noise = torch.rand(
            len(images), self.num_patches, generator=generator, device=generator.device
        )
        index = vit.visible(noise, keep=int(self.num_patches * (1 - spec.mask_ratio)))
        num_hidden = len(images) * (self.num_patches - index.shape[1])
        ours = imagery.take(_scaled(images[part]), view.part(part), size=spec.image_px)
        hidden = vit.hidden_of(index[part], tokens=self.num_patches)
        target = vit.patchify(ours, patch=spec.patch_px).flatten(2)
        error = (self.predict(ours, index=index[part]).float() - target).square().mean(dim=2)
        return (error * hidden).sum() / num_hidden

    def encode(self, batch: Batch) -> Tensor:
        """Return the mean over the patch tokens of the middle of each image."""
        images = batch["view"] if "view" in batch else self._middle(batch["image"])
        return self.tokens(images, paths_BL2=batch.get("paths"))[:, 1:].mean(dim=1).float()

    def maps(self, batch: Batch) -> Tensor:
        """Return the patch tokens of whole images."""
        images = imagery.squeezed(_scaled(batch["image"]), size=self.spec.image_px)
        side = self.spec.image_px // self.spec.patch_px
        tokens = self.tokens(images)[:, 1:].float()
        return tokens.reshape(len(tokens), side, side, -1)

    def seen(self, batch: Batch, *, min_area: float | None, generator: torch.Generator) -> Batch:
        """Return the view that each image is finetuned by: a random one, or that of the judge."""
        images, size = batch["image"], self.spec.image_px
        if min_area is None:
            return {"view": self._middle(images)}
        box = imagery.random_resized_crop(images, scale=(min_area, 1.0), generator=generator)
        return {"view": imagery.take_resized(_scaled(images), box, size=size)}

    def _middle(self, images: Tensor) -> Tensor:
        return imagery.middle(_scaled(images), size=self.spec.image_px)

    def tokens(
        self, images: Tensor, *, index: Tensor | None = None, paths_BL2: Tensor | None = None
    ) -> Tensor:
        """Return the class token and the patches that stay, encoded."""
        x_BND = self.patch_embed(images) + self.pos_embed[:, 1:]
        if index is not None:
            x_BND = vit.pick(x_BND, index)
        x_BND = torch.cat([self.cls_token.expand(len(x_BND), -1, -1), x_BND], dim=1)
        normed: Tensor = self.norm(vit.through(self.blocks, x_BND, paths_BL2=paths_BL2))
        return normed

    def predict(self, images: Tensor, *, index: Tensor) -> Tensor:
        """Return the pixels of every patch, channel by channel."""
        x_BKD = self.decoder_embed(self.tokens(images, index=index))
        patches = vit.put_back(
            x_BKD[:, 1:], index, mask_token=self.mask_token, tokens=self.num_patches
        )
        x_BND = torch.cat([x_BKD[:, :1], patches], dim=1) + self.decoder_pos_embed
        for block in self.decoder_blocks:
            x_BND = block(x_BND)
        pixels: Tensor = self.decoder_pred(self.decoder_norm(x_BND)[:, 1:])
        return pixels


def _scaled(images: Tensor) -> Tensor:
    """Return reflectances, of 13 bands also where B10 is missing."""
    return imagery.with_b10(images.float() / SCALE)
