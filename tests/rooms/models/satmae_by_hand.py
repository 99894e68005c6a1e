"""SatMAE written a second time, token by token and from its description alone, in float64.

Every choice that is easily got wrong is an argument, so that a test can get it wrong on purpose.
Of one image at a time; tokens are (group, patch) pairs.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

GROUPS = ((0, 1, 2, 6), (3, 4, 5, 7), (8, 9))


@dataclass(frozen=True)
class Choices:
    eps: float = 1e-6
    base: float = 10_000.0
    interleaved: bool = False
    column_first: bool = True
    place_first: bool = True
    class_token_has_code: bool = False
    decoder_class_row: int = -1
    group_major: bool = True
    gelu: str = "none"
    pooled: str = "patches"
    encoder_norm: bool = False
    fc_norm: bool = True
    loss_order: str = "official"


@dataclass(frozen=True)
class Reference:
    state: Mapping[str, Tensor]
    side: int
    patch: int
    heads: int
    decoder_heads: int
    choices: Choices

    @property
    def tokens(self) -> list[tuple[int, int]]:
        every = self.side**2
        if self.choices.group_major:
            return [(group, place) for group in range(3) for place in range(every)]
        return [(group, place) for place in range(every) for group in range(3)]

    def features(self, image: Tensor) -> Tensor:
        made = self.encode(image, list(range(3 * self.side**2)))
        if self.choices.encoder_norm:
            made = self.norm("norm", made)
        pooled = {"patches": made[1:].mean(0), "all": made.mean(0), "class": made[0]}
        mean = pooled[self.choices.pooled]
        return self.bare_norm(mean) if self.choices.fc_norm else mean

    def encode(self, image: Tensor, kept: list[int]) -> Tensor:
        width = self.state["cls_token"].shape[-1]
        channel = self.state["channel_embed"].shape[-1]
        made = [self.state["cls_token"][0, 0]]
        if self.choices.class_token_has_code:
            made[0] = made[0] + torch.cat([torch.zeros(width - channel), self.line(3, channel)])
        for number in kept:
            group, place = self.tokens[number]
            weight = self.state[f"patch_embed.{group}.proj.weight"]
            pixels = self.pixels(image, place)[list(GROUPS[group])]
            token = (weight * pixels).sum((1, 2, 3)) + self.state[f"patch_embed.{group}.proj.bias"]
            made.append(token + self.code(place, group, width=width, channel=channel))
        return self.trunk("blocks", torch.stack(made), heads=self.heads)

    def loss(self, image: Tensor, kept: list[int]) -> Tensor:
        """Return the sum over hidden tokens."""
        predicted = self.decode(image, kept)
        order = [channel for group in GROUPS for channel in group]
        total = torch.zeros((), dtype=torch.float64)
        for group, place in (self.tokens[n] for n in range(len(self.tokens)) if n not in kept):
            pixels = self.pixels(image, place).flatten(1)
            outputs = torch.cat([predicted[number, place] for number in range(3)])
            for channel in GROUPS[group]:
                official = self.choices.loss_order == "official"
                slot = channel if official else order.index(channel)
                error = (outputs[slot] - pixels[channel]).square().mean()
                total = total + error / len(GROUPS[group])
        return total

    def decode(self, image: Tensor, kept: list[int]) -> dict[tuple[int, int], Tensor]:
        width = self.state["mask_token"].shape[-1]
        channel = self.state["decoder_channel_embed"].shape[-1]
        seen = self.linear("decoder_embed", self.norm("norm", self.encode(image, kept)))
        places = torch.zeros(width - channel, dtype=torch.float64)
        row = range(4)[self.choices.decoder_class_row]
        z = [seen[0] + self.join(places, self.line(row, channel))]
        for number, (group, place) in enumerate(self.tokens):
            hidden = number not in kept
            token = self.state["mask_token"][0, 0] if hidden else seen[1 + kept.index(number)]
            z.append(token + self.code(place, group, width=width, channel=channel))
        made = self.trunk("decoder_blocks", torch.stack(z), heads=self.decoder_heads)
        made = self.norm("decoder_norm", made)[1:]
        return {
            (group, place): self.linear(f"decoder_pred.{group}", made[number]).view(
                len(GROUPS[group]), -1
            )
            for number, (group, place) in enumerate(self.tokens)
        }

    def pixels(self, image: Tensor, place: int) -> Tensor:
        row, column = (self.patch * at for at in divmod(place, self.side))
        return image[:, row : row + self.patch, column : column + self.patch]

    def code(self, place: int, group: int, *, width: int, channel: int) -> Tensor:
        row, column = divmod(place, self.side)
        axes = (column, row) if self.choices.column_first else (row, column)
        half = (width - channel) // 2
        return self.join(torch.cat([self.line(at, half) for at in axes]), self.line(group, channel))

    def join(self, place: Tensor, group: Tensor) -> Tensor:
        return torch.cat([place, group] if self.choices.place_first else [group, place])

    def line(self, at: int, width: int) -> Tensor:
        angles = [at / self.choices.base ** (2 * j / width) for j in range(width // 2)]
        sines, cosines = [math.sin(a) for a in angles], [math.cos(a) for a in angles]
        both = torch.tensor([sines, cosines])
        both = both.T if self.choices.interleaved else both
        return both.reshape(-1).double()  # through float32, as the published table is

    def trunk(self, name: str, z: Tensor, *, heads: int) -> Tensor:
        for number in range(sum(key.startswith(f"{name}.") for key in self.state) // 12):
            own = f"{name}.{number}"
            z = z + self.attention(f"{own}.attn", self.norm(f"{own}.norm1", z), heads=heads)
            z = z + self.mlp(f"{own}.mlp", self.norm(f"{own}.norm2", z))
        return z

    def attention(self, name: str, z: Tensor, *, heads: int) -> Tensor:
        q, k, v = self.linear(f"{name}.qkv", z).chunk(3, dim=-1)
        size = q.shape[1] // heads
        mixed = []
        for head in range(heads):
            own = slice(head * size, (head + 1) * size)
            weights = (q[:, own] @ k[:, own].T / math.sqrt(size)).softmax(dim=-1)
            mixed.append(weights @ v[:, own])
        return self.linear(f"{name}.proj", torch.cat(mixed, dim=1))

    def mlp(self, name: str, z: Tensor) -> Tensor:
        hidden = self.linear(f"{name}.fc1", z)
        curved = torch.nn.functional.gelu(hidden, approximate=self.choices.gelu)
        return self.linear(f"{name}.fc2", curved)

    def linear(self, name: str, z: Tensor) -> Tensor:
        return z @ self.state[f"{name}.weight"].T + self.state[f"{name}.bias"]

    def norm(self, name: str, z: Tensor) -> Tensor:
        return self.bare_norm(z) * self.state[f"{name}.weight"] + self.state[f"{name}.bias"]

    def bare_norm(self, z: Tensor) -> Tensor:
        spread = z.var(dim=-1, correction=0, keepdim=True) + self.choices.eps
        return (z - z.mean(dim=-1, keepdim=True)) / spread.sqrt()
