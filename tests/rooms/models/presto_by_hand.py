"""Presto written a second time, slowly and from its description alone.

One sample at a time, one token at a time, in float64, with no module of ours. Every choice that
is easily got wrong is an argument, so that a test can get it wrong on purpose.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

BANDS = {
    "S1": [0, 1],
    "S2_RGB": [2, 3, 4],
    "S2_Red_Edge": [5, 6, 7],
    "S2_NIR_10m": [8],
    "S2_NIR_20m": [9],
    "S2_SWIR": [10, 11],
    "ERA5": [12, 13],
    "SRTM": [14, 15],
    "NDVI": [16],
}


@dataclass(frozen=True)
class Choices:
    eps: float = 1e-5
    sinusoid_base: float = 1000.0
    sinusoid_interleaved: bool = True
    month_in_halves: bool = True
    norm_before_mean: bool = False
    location_in_mean: bool = True
    code_order: str = "month channel position"
    relief_has_time: bool = False
    gelu: str = "none"
    latlon_in_degrees: bool = False
    location_has_code: bool = False


Token = tuple[str, int]
"""A group's name, or `dynamic_world`, and the step."""


@dataclass(frozen=True)
class Reference:
    """One half of the network: `state` is its part of the state dict."""

    state: Mapping[str, Tensor]
    heads: int
    choices: Choices

    def encode(self, x: Tensor, dynamic_world: Tensor, latlon: Tensor, month: int) -> Tensor:
        z = self.encoded(x, dynamic_world, latlon, month, hidden=set())[1]
        pooled = z if self.choices.location_in_mean else z[1:]
        if self.choices.norm_before_mean:
            return self.norm("norm", pooled).mean(0)
        return self.norm("norm", pooled.mean(0))

    def encoded(
        self, x: Tensor, dynamic_world: Tensor, latlon: Tensor, month: int, *, hidden: set[Token]
    ) -> tuple[list[Token], Tensor]:
        """The tokens that are seen, after the blocks, and what they are; the location's first."""
        kinds, tokens = [("location", 0)], [self.location(latlon)]
        for kind, channel in every_token(len(x)):
            name, step = kind
            if kind in hidden or (name == "dynamic_world" and dynamic_world[step] == 9):
                continue
            if name == "dynamic_world":
                bare = self.state["dw_embed.weight"][dynamic_world[step]]
            else:
                bare = self.linear(f"eo_patch_embed.{name}", x[step, BANDS[name]])
            kinds.append(kind)
            tokens.append(
                bare + self.code(name, channel, step, (month + step) % 12, widths=(32, 64))
            )
        return kinds, self.blocks("blocks", torch.stack(tokens))

    def decoded(
        self, kinds: list[Token], z: Tensor, month: int, *, steps: int
    ) -> dict[Token, Tensor]:
        """What is predicted of every token, from those that were seen and are normed by now."""
        seen = dict(zip(kinds, self.linear("decoder_embed", z), strict=True))
        nothing = self.state["mask_token"]
        tokens = [seen[("location", 0)] + self.location_code()]
        for (name, step), channel in every_token(steps):
            code = self.code(name, channel, step, (month + step) % 12, widths=(48, 48))
            tokens.append(seen.get((name, step), nothing) + code)
        z = self.norm("decoder_norm", self.blocks("decoder_blocks", torch.stack(tokens)))[1:]
        made = {}
        for place, (kind, _) in enumerate(every_token(steps)):
            head = "dw_decoder_pred" if kind[0] == "dynamic_world" else f"eo_decoder_pred.{kind[0]}"
            made[kind] = self.linear(head, z[place])
        return made

    def location_code(self) -> Tensor | float:
        if not self.choices.location_has_code:
            return 0.0
        return self.code("location", 0, 0, 0, widths=(48, 48))

    def blocks(self, name: str, z: Tensor) -> Tensor:
        for block in range(sum(key.endswith("norm1.weight") for key in self.state)):
            own = f"{name}.{block}"
            z = z + self.attention(f"{own}.attn", self.norm(f"{own}.norm1", z))
            z = z + self.mlp(f"{own}.mlp", self.norm(f"{own}.norm2", z))
        return z

    def location(self, latlon: Tensor) -> Tensor:
        scale = 1.0 if self.choices.latlon_in_degrees else math.pi / 180
        lat, lon = (float(angle) * scale for angle in latlon)
        place = [math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)]
        return self.linear("latlon_embed", torch.tensor(place, dtype=torch.float64))

    def code(
        self, name: str, channel: int, step: int, month: int, *, widths: tuple[int, int]
    ) -> Tensor:
        still = name == "SRTM" and not self.choices.relief_has_time
        channels = self.state.get(
            "channel_embed.weight", self.state.get("channel_embeddings.weight")
        )
        assert channels is not None
        parts = {
            "month": self.month(month, widths[0]) * (not still),
            "channel": channels[channel],
            "position": self.position(step, widths[1]) * (not still),
        }
        return torch.cat([parts[part] for part in self.choices.code_order.split()])

    def month(self, month: int, width: int) -> Tensor:
        angle = 2 * math.pi * month / 12
        if self.choices.month_in_halves:
            values = [math.sin(angle)] * (width // 2) + [math.cos(angle)] * (width // 2)
        else:
            values = [math.sin(angle), math.cos(angle)] * (width // 2)
        return torch.tensor(values).double()  # through float32, as the published table is

    def position(self, step: int, width: int) -> Tensor:
        base = self.choices.sinusoid_base
        angles = [step / base ** (2 * (j // 2) / width) for j in range(width)]
        values = [math.sin(a) if j % 2 == 0 else math.cos(a) for j, a in enumerate(angles)]
        if not self.choices.sinusoid_interleaved:
            values = values[0::2] + values[1::2]
        return torch.tensor(values).double()

    def attention(self, name: str, z: Tensor) -> Tensor:
        q, k, v = self.linear(f"{name}.qkv", z).chunk(3, dim=-1)
        size = q.shape[1] // self.heads
        mixed = []
        for head in range(self.heads):
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
        spread = z.var(dim=-1, correction=0, keepdim=True) + self.choices.eps
        scaled = (z - z.mean(dim=-1, keepdim=True)) / spread.sqrt()
        return scaled * self.state[f"{name}.weight"] + self.state[f"{name}.bias"]


def every_token(steps: int) -> list[tuple[Token, int]]:
    """Every token but the location's, in order, with the row of its channel code."""
    made: list[tuple[Token, int]] = []
    for channel, name in enumerate([*BANDS, "dynamic_world"]):
        made += [((name, step), channel) for step in range(1 if name == "SRTM" else steps)]
    return made
