"""How badly hidden patches are predicted: squared error per pixel, averaged over hidden tokens.

The published code lines its predictions up group by group, but compares them with the channels
in their own order, and picks a group's share by the channels' own numbers. With its groups, the
fourth output of the first group learns B5, weighted by the second group's mask; the second group's
outputs learn B6, B7, B8 and B8A, the third of them weighted by the first group's mask. Published
weights were made so, and their outputs are to be read in plain channel order. `official` does
the same; `corrected` holds each output against its own channel.

Shapes: B samples, L patches, C channels, P*P pixels of a patch, G groups.
"""

from itertools import chain
from typing import Literal

import torch
from torch import Tensor

from terrasweep.models.layers.vit import patchify

Groups = tuple[tuple[int, ...], ...]


def target_of(images_BCHW: Tensor, *, patch: int, norm_pix_loss: bool) -> Tensor:
    """Return what is to be predicted, (B, L, C, P*P)."""
    target = patchify(images_BCHW, patch=patch)
    if not norm_pix_loss:
        return target
    every = target.flatten(2)
    mean, variance = every.mean(dim=2), every.var(dim=2)
    return (target - mean[:, :, None, None]) / (variance[:, :, None, None] + 1e-6).sqrt()


def in_channel_order(
    predicted: list[Tensor], *, groups: Groups, order: Literal["official", "corrected"]
) -> Tensor:
    """Return the outputs of all groups as (B, L, C, P*P), each at the channel it stands for."""
    shapes = [
        (*output.shape[:2], len(group), -1) for output, group in zip(predicted, groups, strict=True)
    ]
    lined_up = torch.cat(
        [output.reshape(shape) for output, shape in zip(predicted, shapes, strict=True)], dim=2
    )
    if order == "official":
        return lined_up
    channels = list(chain(*groups))
    return lined_up[:, :, [channels.index(channel) for channel in range(len(channels))]]


def masked_error(
    predicted_BLCP: Tensor, *, target_BLCP: Tensor, hidden_BGL: Tensor, groups: Groups
) -> Tensor:
    """Return the sum over hidden tokens of the mean squared error over a token's channels."""
    error_BLC = (predicted_BLCP.float() - target_BLCP).square().mean(dim=3)
    per_group = [error_BLC[:, :, list(group)].mean(dim=2) for group in groups]
    return (torch.stack(per_group, dim=1) * hidden_BGL).sum()
