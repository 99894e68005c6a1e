"""Symmetric cross-entropy: an image knows its place, a place its image, among the negatives."""

import torch
import torch.nn.functional as F
from torch import Tensor


def matching(images: Tensor, places: Tensor, *, logit_scale: Tensor, rows: slice) -> Tensor:
    """Return what some rows add to the sum over samples of the two cross-entropies' mean.

    Both sides are float32 and come to length one here; every sample is among the negatives,
    and only the rows named are asked.
    """
    with torch.autocast(images.device.type, enabled=False):  # similarities keep their precision
        images, places = (F.normalize(side.float(), dim=1) for side in (images, places))
        scale = logit_scale.exp()
        labels = torch.arange(len(images), device=images.device)[rows]
        sums = [
            F.cross_entropy(scale * asked[rows] @ others.T, labels, reduction="sum")
            for asked, others in ((images, places), (places, images))
        ]
        return (sums[0] + sums[1]) / 2
