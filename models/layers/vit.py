"""What the vision transformers of the zoo share: blocks, patches, fixed tables, hidden tokens.

Names of modules are those that published weights use. Norms have an epsilon of 1e-6 here; Presto,
whose norms have 1e-5, keeps layers of its own.

Shapes: B samples, C channels, N tokens, K kept tokens, L patches of one image, D width, P a patch.
"""

from typing import Final, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NORM_EPS: Final = 1e-6
SINUSOID_BASE: Final = 10_000.0
TOKEN_STD: Final = 0.02
"""Spread of a class or mask token before training."""


class Attention(nn.Module):
    """Self-attention among all tokens."""

    def __init__(self, width: int, *, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x_BND: Tensor) -> Tensor:
        """Return the same shape."""
        parts = self.qkv(x_BND).chunk(3, dim=-1)
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        mixed = F.scaled_dot_product_attention(q, k, v)
        return cast("Tensor", self.proj(mixed.transpose(1, 2).flatten(2)))


class Mlp(nn.Module):
    """Two linear layers around an exact GELU."""

    def __init__(self, width: int, *, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x_BND: Tensor) -> Tensor:
        """Return the same shape."""
        return cast("Tensor", self.fc2(F.gelu(self.fc1(x_BND))))


class Block(nn.Module):
    """A pre-norm transformer block."""

    def __init__(self, width: int, *, heads: int, mlp_ratio: int = 4) -> None:
        super().__init__()
        self.norm1 = norm(width)
        self.attn = Attention(width, heads=heads)
        self.norm2 = norm(width)
        self.mlp = Mlp(width, hidden=mlp_ratio * width)

    def forward(self, x_BND: Tensor, *, paths_B2: Tensor | None = None) -> Tensor:
        """Return the same shape; `paths` weighs both branches of each sample, zero skips one."""
        mixed = self.attn(self.norm1(x_BND))
        x_BND = x_BND + (mixed if paths_B2 is None else mixed * paths_B2[:, :1, None])
        out = self.mlp(self.norm2(x_BND))
        return cast("Tensor", x_BND + (out if paths_B2 is None else out * paths_B2[:, 1:, None]))


class PatchEmbed(nn.Module):
    """A linear map of each patch, written as a convolution; patches in rows from the top left."""

    def __init__(self, channels: int, width: int, *, patch: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels, width, kernel_size=patch, stride=patch)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Return tokens, (B, L, D)."""
        return cast("Tensor", self.proj(images_BCHW)).flatten(2).transpose(1, 2)


def norm(width: int) -> nn.LayerNorm:
    """Return a layer norm with the epsilon of vision transformers."""
    return nn.LayerNorm(width, eps=NORM_EPS)


def blocks(width: int, *, depth: int, heads: int, mlp_ratio: int = 4) -> nn.ModuleList:
    """Return a stack of blocks."""
    return nn.ModuleList(Block(width, heads=heads, mlp_ratio=mlp_ratio) for _ in range(depth))


def through(own: nn.ModuleList, x_BND: Tensor, *, paths_BL2: Tensor | None = None) -> Tensor:
    """Return tokens after a stack of blocks; `paths` weighs each sample's branches of each."""
    for at, block in enumerate(own):
        x_BND = block(x_BND) if paths_BL2 is None else block(x_BND, paths_B2=paths_BL2[:, at])
    return x_BND


def fixed(table: Tensor) -> nn.Parameter:
    """Return a table that is in the state dict and is not learnt, with a first axis of one."""
    return nn.Parameter(table[None].float(), requires_grad=False)


def line_table(positions: Tensor, *, width: int) -> Tensor:
    """Return the code of each position, float64 (positions, width): all sines, then all cosines."""
    half = torch.arange(width // 2, dtype=torch.float64)
    angle = positions.double()[:, None] / SINUSOID_BASE ** (half / (width / 2))
    return torch.cat([angle.sin(), angle.cos()], dim=1)


def grid_table(side: int, *, width: int) -> Tensor:
    """Return the code of a class token (zeros), then of each patch in row order.

    The first half of a patch's code says its column and the second half its row.
    """
    place = torch.arange(side)
    column, row = place.repeat(side), place.repeat_interleave(side)
    patches = [line_table(axis, width=width // 2) for axis in (column, row)]
    return F.pad(torch.cat(patches, dim=1), (0, 0, 1, 0))


def patchify(images_BCHW: Tensor, *, patch: int) -> Tensor:
    """Return each patch's pixels, channel by channel and in rows: (B, L, C, P * P)."""
    samples, channels, height, width = images_BCHW.shape
    # (B, C, rows, P, columns, P) -> (B, rows, columns, C, P, P): patches in row order.
    cut = (samples, channels, height // patch, patch, width // patch, patch)
    return images_BCHW.reshape(cut).permute(0, 2, 4, 1, 3, 5).flatten(4).flatten(1, 2)


def visible(noise_BN: Tensor, *, keep: int) -> Tensor:
    """Return which tokens stay, (B, K): those of the smallest noise."""
    return noise_BN.argsort(dim=1)[:, :keep]


def hidden_of(index_BK: Tensor, *, tokens: int) -> Tensor:
    """Return a float mask (B, N), one where a token does not stay."""
    ones = torch.ones(len(index_BK), tokens, device=index_BK.device)
    return ones.scatter(1, index_BK, 0.0)


def pick(x_BND: Tensor, index_BK: Tensor) -> Tensor:
    """Return the tokens that stay, (B, K, D)."""
    return x_BND.gather(1, index_BK[:, :, None].expand(-1, -1, x_BND.shape[-1]))


def put_back(x_BKD: Tensor, index_BK: Tensor, *, mask_token: Tensor, tokens: int) -> Tensor:
    """Return tokens where they stood, and the mask token wherever one was hidden: (B, N, D)."""
    # `expand` copies nothing; `scatter` writes into a new tensor, so the token itself stays.
    empty = mask_token.to(x_BKD.dtype).expand(len(x_BKD), tokens, -1)
    return empty.scatter(1, index_BK[:, :, None].expand_as(x_BKD), x_BKD)


def initialise(module: nn.Module) -> None:
    """Give linear maps, patch embeddings too, Xavier-uniform weights; linear layers no bias."""
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)
    if isinstance(module, PatchEmbed):
        # A convolution over whole patches is a linear layer: initialise it by its flat shape.
        nn.init.xavier_uniform_(module.proj.weight.flatten(1))


def new_token(width: int) -> nn.Parameter:
    """Return a token that is the same in every sample, (1, 1, D), drawn at random."""
    return nn.Parameter(TOKEN_STD * torch.randn(1, 1, width))
