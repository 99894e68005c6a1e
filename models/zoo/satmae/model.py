"""SatMAE with groups of channels, under the names of its published weights.

A patch has a token per group of bands. A token's fixed code is its place (the larger part) and
its group, side by side. The encoder sees visible tokens alone, and its class token has no code;
in the decoder the class token has the place of none and the last row of the group table.

Shapes: B samples, C bands left, G groups, L patches, N tokens (group by group), D width.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from terrasweep.infra.errors import BadDataError
from terrasweep.models.contract import WHOLE, Batch, Network
from terrasweep.models.layers import imagery, vit
from terrasweep.models.layers.vit import visible
from terrasweep.models.spec import ModelSpec
from terrasweep.models.zoo.satmae import normalise
from terrasweep.models.zoo.satmae.objective import in_channel_order, masked_error, target_of
from terrasweep.models.zoo.satmae.spec import NUM_BANDS, SatMaeSpec

BYTE: Final = 255.0
EVAL_MARGIN: Final = 224 / 256
"""Share of a resized image's side that its middle takes when it is judged."""


def build(spec: ModelSpec) -> Network:
    """Return a freshly initialised SatMAE."""
    assert isinstance(spec, SatMaeSpec)
    return SatMae(spec)


def prepare(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the network's input, made from raw images."""
    return normalise.prepare(arrays)


class SatMae(Network):
    """The autoencoder; its features are the mean over the encoder's patch tokens."""

    at_once = 8

    def __init__(self, spec: SatMaeSpec) -> None:
        super().__init__()
        self.spec = spec
        self.side = spec.image_px // spec.patch_px
        self.kept = [band for band in range(NUM_BANDS) if band not in spec.dropped]
        self._add_encoder(spec)
        self._add_decoder(spec)
        self.apply(vit.initialise)

    def _add_encoder(self, spec: SatMaeSpec) -> None:
        place, groups = spec.width - spec.channel_width, torch.arange(len(spec.groups))
        self.cls_token = vit.new_token(spec.width)
        self.pos_embed = vit.fixed(vit.grid_table(self.side, width=place))
        self.channel_embed = vit.fixed(vit.line_table(groups, width=spec.channel_width))
        self.patch_embed = nn.ModuleList(
            vit.PatchEmbed(len(group), spec.width, patch=spec.patch_px) for group in spec.groups
        )
        self.blocks = vit.blocks(
            spec.width, depth=spec.depth, heads=spec.heads, mlp_ratio=spec.mlp_ratio
        )
        self.norm = vit.norm(spec.width)

    def _add_decoder(self, spec: SatMaeSpec) -> None:
        width, channel = spec.decoder_width, spec.decoder_channel_width
        rows = torch.arange(len(spec.groups) + 1)
        self.mask_token = vit.new_token(width)
        self.decoder_embed = nn.Linear(spec.width, width)
        self.decoder_pos_embed = vit.fixed(vit.grid_table(self.side, width=width - channel))
        self.decoder_channel_embed = vit.fixed(vit.line_table(rows, width=channel))
        self.decoder_blocks = vit.blocks(
            width, depth=spec.decoder_depth, heads=spec.decoder_heads, mlp_ratio=spec.mlp_ratio
        )
        self.decoder_norm = vit.norm(width)
        self.decoder_pred = nn.ModuleList(
            nn.Linear(width, len(group) * spec.patch_px**2) for group in spec.groups
        )

    def loss(self, batch: Batch, *, generator: torch.Generator, part: slice = WHOLE) -> Tensor:
        """Hide tokens of a random view and return how badly they are predicted."""
        spec, images = self.spec, batch["image"]
        view = imagery.random_resized_crop(images, scale=(spec.min_area, 1.0), generator=generator)
        index = draw_visible(len(images), spec=spec, patches=self.side**2, generator=generator)
        ours = imagery.take_resized(self._bands(images[part]), view.part(part), size=spec.image_px)
        hidden = vit.hidden_of(index[part], tokens=self.num_tokens)
        num_hidden = len(images) * (self.num_tokens - index.shape[1])
        error = masked_error(
            in_channel_order(
                self.predict(ours, index=index[part]), groups=spec.groups, order=spec.loss_order
            ),
            target_BLCP=target_of(ours, patch=spec.patch_px, norm_pix_loss=spec.norm_pix_loss),
            hidden_BGL=hidden.reshape(len(hidden), len(spec.groups), -1),
            groups=spec.groups,
        )
        return error / num_hidden

    @property
    def num_tokens(self) -> int:
        """How many tokens an image has, the class token apart."""
        return len(self.spec.groups) * self.side**2

    def encode(self, batch: Batch) -> Tensor:
        """Return the mean over patch tokens of the last block, and its norm if the spec says so.

        The norm is that of a fine-tuned network before it is tuned: it has no weights yet, and
        the encoder's own norm is not used.
        """
        images = batch["view"] if "view" in batch else self._whole(batch["image"])
        tokens = self.tokens(images, paths_BL2=batch.get("paths"))
        mean = tokens[:, 1:].mean(dim=1).float()
        if not self.spec.fc_norm:
            return mean
        return F.layer_norm(mean, mean.shape[1:], eps=vit.NORM_EPS)

    def maps(self, batch: Batch) -> Tensor:
        """Return the mean over groups of each patch's tokens, and its norm if the spec says so."""
        images = imagery.squeezed(self._bands(batch["image"]), size=self.spec.image_px)
        tokens = self.tokens(images)[:, 1:]
        by_group = (len(images), len(self.spec.groups), self.side, self.side, -1)
        mean = tokens.reshape(by_group).mean(dim=1).float()
        if not self.spec.fc_norm:
            return mean
        return F.layer_norm(mean, mean.shape[3:], eps=vit.NORM_EPS)

    def seen(self, batch: Batch, *, min_area: float | None, generator: torch.Generator) -> Batch:
        """Return the view that each image is finetuned by: a random one, or that of the judge."""
        images = batch["image"]
        if min_area is None:
            return {"view": self._whole(images)}
        box = imagery.random_resized_crop(images, scale=(min_area, 1.0), generator=generator)
        return {"view": imagery.take_resized(self._bands(images), box, size=self.spec.image_px)}

    def tokens(
        self, images_BCHW: Tensor, *, index: Tensor | None = None, paths_BL2: Tensor | None = None
    ) -> Tensor:
        """Return what the last block makes of the class token and of the tokens that stay."""
        embedded = [
            embed(images_BCHW[:, list(group)])
            for embed, group in zip(self.patch_embed, self.spec.groups, strict=True)
        ]
        code = _code(self.pos_embed[:, 1:], self.channel_embed)
        x_BND = torch.cat(embedded, dim=1) + code
        if index is not None:
            x_BND = vit.pick(x_BND, index)
        x_BND = torch.cat([self.cls_token.expand(len(x_BND), -1, -1), x_BND], dim=1)
        return vit.through(self.blocks, x_BND, paths_BL2=paths_BL2)

    def predict(self, images_BCHW: Tensor, *, index: Tensor) -> list[Tensor]:
        """Return each group's output for each patch, (B, L, its channels * pixels)."""
        x_BKD = self.decoder_embed(self.norm(self.tokens(images_BCHW, index=index)))
        patches = vit.put_back(
            x_BKD[:, 1:], index, mask_token=self.mask_token, tokens=self.num_tokens
        )
        places, rows = self.decoder_pos_embed, self.decoder_channel_embed
        code = torch.cat(
            [torch.cat([places[:, :1], rows[:, -1:]], dim=2), _code(places[:, 1:], rows[:, :-1])],
            dim=1,
        )
        x_BND = torch.cat([x_BKD[:, :1], patches], dim=1) + code
        for block in self.decoder_blocks:
            x_BND = block(x_BND)
        own = self.decoder_norm(x_BND)[:, 1:].chunk(len(self.decoder_pred), dim=1)
        return [head(tokens) for head, tokens in zip(self.decoder_pred, own, strict=True)]

    def _whole(self, images: Tensor) -> Tensor:
        """Return the view that a network is judged on: resized, then the middle."""
        size = self.spec.image_px
        resized = imagery.resize(self._bands(images), shorter=int(size / EVAL_MARGIN))
        return imagery.middle(resized, size=size)

    def _bands(self, images: Tensor) -> Tensor:
        """Return the bands that are left, from 0 to 1."""
        officially = self.spec.dropped == normalise.OFFICIALLY_DROPPED
        if images.shape[1] == NUM_BANDS:
            images = images[:, self.kept]
        elif not officially:
            raise BadDataError(
                "images of 13 bands, because `dropped` differs from the official bands",
                got=f"{images.shape[1]} bands",
                fix="leave `dropped` out, or choose a pool and a task with all bands",
            )
        return images.float() / BYTE


def _code(places_1LD: Tensor, groups_1GD: Tensor) -> Tensor:
    """Return the code of each token, (1, G * L, D): its place, then its group."""
    shape = (1, groups_1GD.shape[1], places_1LD.shape[1], -1)
    both = [places_1LD[:, None].expand(shape), groups_1GD[:, :, None].expand(shape)]
    return torch.cat(both, dim=3).flatten(1, 2)


def draw_visible(
    samples: int, *, spec: SatMaeSpec, patches: int, generator: torch.Generator
) -> Tensor:
    """Return which tokens stay, (samples, tokens kept), as indices.

    Each token is hidden by itself, or whole patches are. Tokens stand group by group, and within a
    group in the order of patches.
    """
    groups, spatial = len(spec.groups), spec.masking == "spatial"
    shuffled = patches if spatial else groups * patches
    noise = torch.rand(samples, shuffled, generator=generator, device=generator.device)
    index = visible(noise, keep=int(shuffled * (1 - spec.mask_ratio)))
    if not spatial:
        return index
    # The same patches stay in every group: shift their indices by the groups before.
    first = patches * torch.arange(groups, device=index.device)
    return (index[:, None] + first[:, None]).flatten(1)
