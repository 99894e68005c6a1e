"""Presto's encoder written a second time, slowly and from its description alone.

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


@dataclass(frozen=True)
class Reference:
    state: Mapping[str, Tensor]
    heads: int
    choices: Choices

    def encode(self, x: Tensor, dynamic_world: Tensor, latlon: Tensor, month: int) -> Tensor:
        tokens = [self.location(latlon)]
        for step in range(len(x)):
            for channel, (name, bands) in enumerate(BANDS.items()):
                if name == "SRTM" and step > 0:
                    continue
                bare = self.linear(f"eo_patch_embed.{name}", x[step, bands])
                tokens.append(bare + self.code(name, channel, step, (month + step) % 12))
            if dynamic_world[step] != 9:
                bare = self.state["dw_embed.weight"][dynamic_world[step]]
                tokens.append(bare + self.code("dynamic_world", 9, step, (month + step) % 12))
        z = torch.stack(tokens)
        for block in range(sum(name.endswith("norm1.weight") for name in self.state)):
            z = z + self.attention(f"blocks.{block}.attn", self.norm(f"blocks.{block}.norm1", z))
            z = z + self.mlp(f"blocks.{block}.mlp", self.norm(f"blocks.{block}.norm2", z))
        pooled = z if self.choices.location_in_mean else z[1:]
        if self.choices.norm_before_mean:
            return self.norm("norm", pooled).mean(0)
        return self.norm("norm", pooled.mean(0))

    def location(self, latlon: Tensor) -> Tensor:
        scale = 1.0 if self.choices.latlon_in_degrees else math.pi / 180
        lat, lon = (float(angle) * scale for angle in latlon)
        place = [math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)]
        return self.linear("latlon_embed", torch.tensor(place, dtype=torch.float64))

    def code(self, name: str, channel: int, step: int, month: int) -> Tensor:
        still = name == "SRTM" and not self.choices.relief_has_time
        parts = {
            "month": self.month(month) * (not still),
            "channel": self.state["channel_embed.weight"][channel],
            "position": self.position(step) * (not still),
        }
        return torch.cat([parts[part] for part in self.choices.code_order.split()])

    def month(self, month: int) -> Tensor:
        width = self.state["norm.weight"].numel() // 4
        angle = 2 * math.pi * month / 12
        if self.choices.month_in_halves:
            values = [math.sin(angle)] * (width // 2) + [math.cos(angle)] * (width // 2)
        else:
            values = [math.sin(angle), math.cos(angle)] * (width // 2)
        return torch.tensor(values).double()  # through float32, as the published table is

    def position(self, step: int) -> Tensor:
        width = self.state["norm.weight"].numel() // 2
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
