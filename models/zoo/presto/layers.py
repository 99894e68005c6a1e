"""Transformer blocks and the fixed tables of Presto, under the names of its published weights.

Shapes: B samples, N tokens, A tokens asked for, D width, T steps.
"""

from typing import Final, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from terrasweep.models.zoo.presto.layout import BEFORE_RELIEF, GROUPS, MAX_STEPS, RELIEF

MONTHS: Final = 12
SINUSOID_BASE: Final = 1000.0
"""Not the usual 10,000."""


class PrestoAttention(nn.Module):
    """Self-attention; keys that are masked out take no part."""

    def __init__(self, width: int, *, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x_BND: Tensor, *, keys: Tensor | None, asked_BA: Tensor | None) -> Tensor:
        """Mix tokens; `keys` is True, of shape (B, 1, 1, N), where a token takes part."""
        if asked_BA is None:
            q, k, v = self.qkv(x_BND).chunk(3, dim=-1)
        else:
            sizes = [x_BND.shape[-1], 2 * x_BND.shape[-1]]
            weights = torch.split(self.qkv.weight, sizes)
            biases = torch.split(self.qkv.bias, sizes)
            q = F.linear(pick(x_BND, asked_BA), weights[0], biases[0])
            k, v = F.linear(x_BND, weights[1], biases[1]).chunk(2, dim=-1)
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (q, k, v))
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=keys)
        return cast("Tensor", self.proj(mixed.transpose(1, 2).flatten(2)))


class PrestoMlp(nn.Module):
    """Two linear layers around an exact GELU."""

    def __init__(self, width: int, *, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x_BND: Tensor) -> Tensor:
        """Return the same shape."""
        return cast("Tensor", self.fc2(F.gelu(self.fc1(x_BND))))


class PrestoBlock(nn.Module):
    """A pre-norm transformer block."""

    def __init__(self, width: int, *, heads: int, hidden: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn = PrestoAttention(width, heads=heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = PrestoMlp(width, hidden=hidden)

    def forward(
        self, x_BND: Tensor, *, keys: Tensor | None = None, asked_BA: Tensor | None = None
    ) -> Tensor:
        """Return the same shape, or only the tokens asked for, (B, A, D), by their places."""
        mixed = self.attn(self.norm1(x_BND), keys=keys, asked_BA=asked_BA)
        x_BND = mixed + (x_BND if asked_BA is None else pick(x_BND, asked_BA))
        return cast("Tensor", x_BND + self.mlp(self.norm2(x_BND)))


def pick(x_BND: Tensor, places_BA: Tensor) -> Tensor:
    """Return the tokens at some places, (B, A, D)."""
    return x_BND.gather(1, places_BA[:, :, None].expand(-1, -1, x_BND.shape[-1]))


def put(x_BAD: Tensor, places_BA: Tensor, *, into_BND: Tensor) -> Tensor:
    """Return tokens, (B, N, D), with some put at their places."""
    return into_BND.scatter(1, places_BA[:, :, None].expand_as(x_BAD), x_BAD)


def position_table(width: int) -> nn.Parameter:
    """Return the frozen code of a step, (1, 24, width): sines and cosines in turn."""
    column = torch.arange(width, dtype=torch.float64)
    step = torch.arange(MAX_STEPS, dtype=torch.float64)[:, None]
    angle = step / SINUSOID_BASE ** (2 * torch.div(column, 2, rounding_mode="floor") / width)
    table = torch.where(column % 2 == 0, angle.sin(), angle.cos())
    return nn.Parameter(table[None].float(), requires_grad=False)


def month_table(width: int) -> nn.Embedding:
    """Return the frozen code of a month: its sine in the first half, its cosine in the second."""
    angle = 2 * torch.pi * torch.arange(MONTHS, dtype=torch.float64)[:, None] / MONTHS
    half = (MONTHS, width // 2)
    table = torch.cat([angle.sin().expand(half), angle.cos().expand(half)], dim=1)
    return nn.Embedding(MONTHS, width, _weight=table.float(), _freeze=True)


def code_table(
    *, steps: int, months: nn.Embedding, channels: nn.Embedding, positions: Tensor
) -> Tensor:
    """Return what is added to each token but the location's, for each first month: (12, N, D)."""
    first = torch.arange(MONTHS, device=positions.device)[:, None]
    month_MT = (first + torch.arange(steps, device=positions.device)) % MONTHS
    return codes_of(month_MT, months=months, channels=channels, positions=positions)


def codes_of(
    month_MT: Tensor, *, months: nn.Embedding, channels: nn.Embedding, positions: Tensor
) -> Tensor:
    """Return what is added to each token but the location's in M series of months: (M, N, D).

    The code is month, channel and position side by side, in that order. Relief has no time.
    """
    steps, month = month_MT.shape[1], months(month_MT)
    relief = list(GROUPS).index(RELIEF)
    series = channels.weight[[row for row in range(channels.num_embeddings) if row != relief]]
    shape = (len(month_MT), len(series), steps, -1)
    code = torch.cat(
        [
            month[:, None].expand(shape),
            series[None, :, None].expand(shape),
            positions[0, :steps].expand(shape),
        ],
        dim=-1,
    ).flatten(1, 2)
    still = F.pad(channels.weight[relief], (month.shape[-1], positions.shape[-1]))
    cut = BEFORE_RELIEF * steps
    return torch.cat([code[:, :cut], still.expand(len(month_MT), 1, -1), code[:, cut:]], dim=1)


def initialise(module: nn.Module) -> None:
    """Give linear layers Xavier-uniform weights and no bias; norms start as the identity."""
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)
