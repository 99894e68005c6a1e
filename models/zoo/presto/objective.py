"""How badly hidden tokens are predicted: MSE of bands, plus cross-entropy of land cover.

The mean is over the whole batch, so the parts of a batch add up to its loss. Relief counts once,
at its one token. Land cover that was never there cannot be predicted and does not count.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from terrasweep.models.contract import Batch
from terrasweep.models.zoo.presto.layout import GROUPS, MISSING, spans


def masked_loss(
    predicted: dict[str, Tensor], *, batch: Batch, hidden_BN: Tensor, part: slice
) -> Tensor:
    """Return MSE over hidden values plus w times cross-entropy over hidden land cover.

    w = min(1, 2 * hidden land cover / hidden values): land cover never weighs more than its due.
    """
    steps = batch["x"].shape[1]
    where = spans(steps)
    classes = batch["dynamic_world"]
    scored = hidden_BN[:, where["dynamic_world"]] & (classes != MISSING)
    num_values = _count_values(hidden_BN, where).clamp(min=1)
    num_classes = scored.sum()
    weight = (2 * num_classes / num_values).clamp(max=1)
    squared = _squared_error(predicted, x=batch["x"][part], hidden_BN=hidden_BN[part], where=where)
    missed = F.cross_entropy(
        predicted["dynamic_world"].float().flatten(0, 1),
        torch.where(scored[part], classes[part], MISSING).flatten(),
        ignore_index=MISSING,
        reduction="sum",
    )
    return squared / num_values + weight * missed / num_classes.clamp(min=1)


def _count_values(hidden_BN: Tensor, where: dict[str, slice]) -> Tensor:
    hidden_N = hidden_BN.sum(dim=0)
    counts = [len(bands) * hidden_N[where[name]].sum() for name, bands in GROUPS.items()]
    return torch.stack(counts).sum()


def _squared_error(
    predicted: dict[str, Tensor], *, x: Tensor, hidden_BN: Tensor, where: dict[str, slice]
) -> Tensor:
    """Return the sum over hidden values."""
    terms = []
    for name, bands in GROUPS.items():
        output = predicted[name].float()
        truth = x[:, : output.shape[1], bands[0] : bands[-1] + 1]
        hidden = hidden_BN[:, where[name]][:, :, None]
        terms.append(((output - truth).square() * hidden).sum())
    return torch.stack(terms).sum()
