"""Presto: a masked autoencoder of a pixel's monthly observations, at its published size.

The encoder runs on visible tokens alone. Module and parameter names, and what is in the state
dict, are those of the published weights, so these load as they are.

Shapes: B samples, N tokens (the location's apart), K kept tokens, A tokens asked for, D width.
"""

from collections.abc import Mapping
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from terrasweep.models.contract import WHOLE, Batch, Network
from terrasweep.models.spec import ModelSpec
from terrasweep.models.zoo.presto import masking, normalise
from terrasweep.models.zoo.presto.layers import (
    PrestoBlock,
    code_table,
    codes_of,
    initialise,
    month_table,
    pick,
    position_table,
    put,
)
from terrasweep.models.zoo.presto.layout import (
    EVERY_GROUP,
    GROUPS,
    MAX_STEPS,
    MISSING,
    NUM_CHANNELS,
    NUM_CLASSES,
    NUM_SERIES,
    RELIEF,
    group_sizes,
    num_tokens,
)
from terrasweep.models.zoo.presto.objective import masked_loss
from terrasweep.models.zoo.presto.spec import PrestoSpec


def build(spec: ModelSpec) -> Network:
    """Return a freshly initialised Presto."""
    assert isinstance(spec, PrestoSpec)
    return Presto(spec)


def prepare(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the network's input, made from raw arrays and coordinates."""
    return normalise.prepare(arrays)


class Encoder(nn.Module):
    """Embeds the visible tokens of a sample and lets them attend to each other."""

    def __init__(self, spec: PrestoSpec) -> None:
        super().__init__()
        width, channel = spec.width, spec.width // 4
        self.pos_embed = position_table(width // 2)
        self.eo_patch_embed = nn.ModuleDict(
            {name: nn.Linear(len(bands), width) for name, bands in GROUPS.items()}
        )
        self.dw_embed = nn.Embedding(NUM_CLASSES + 1, width)
        self.latlon_embed = nn.Linear(3, width)
        self.blocks = nn.ModuleList(
            PrestoBlock(width, heads=spec.heads, hidden=spec.mlp_ratio * width)
            for _ in range(spec.depth)
        )
        self.norm = nn.LayerNorm(width)
        self.month_embed = month_table(width // 4)
        self.channel_embed = nn.Embedding(NUM_CHANNELS, channel)
        self.apply(initialise)

    def forward(self, batch: Batch, *, hidden_BN: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return (x, index, keep): tokens (B, K, D), where each stood, and whether it counts."""
        index_BK, keep_BK = _visible(hidden_BN)
        all_count = bool(keep_BK.all())
        x_BKD = self.attend(batch, index_BK=index_BK, keep_BK=None if all_count else keep_BK)
        return x_BKD, index_BK, keep_BK

    def attend(self, batch: Batch, *, index_BK: Tensor, keep_BK: Tensor | None) -> Tensor:
        """Return the tokens at some places, (B, K, D); `keep` says which count, if not all do."""
        x_BKD = pick(self._embed(batch), index_BK)
        keys = None if keep_BK is None else keep_BK[:, None, None, :]
        for block in self.blocks:
            x_BKD = block(x_BKD, keys=keys)
        return x_BKD

    def _embed(self, batch: Batch) -> Tensor:
        """Return every token of every sample with its code, (B, N, D)."""
        x = batch["x"]
        tokens = [
            embed(
                x[:, : 1 if name == RELIEF else MAX_STEPS, GROUPS[name][0] : GROUPS[name][-1] + 1]
            )
            for name, embed in self.eo_patch_embed.items()
        ]
        tokens.append(self.dw_embed(batch["dynamic_world"]))
        coded = torch.cat(tokens, dim=1) + self._codes(batch["month"], steps=x.shape[1])
        location = self.latlon_embed(_on_the_sphere(batch["latlon"]))
        return torch.cat([location[:, None], coded], dim=1)

    def _codes(self, month: Tensor, *, steps: int) -> Tensor:
        """Return each token's code, (B, N, D), from the first month or from the month of each step.

        A step is not always a calendar month: of thirty days, two may begin in one.
        """
        tables = {"months": self.month_embed, "channels": self.channel_embed}
        if month.ndim == 2:
            return codes_of(month, positions=self.pos_embed, **tables)
        return code_table(steps=steps, positions=self.pos_embed, **tables).index_select(0, month)


class Decoder(nn.Module):
    """Puts tokens back where they stood and predicts every token's bands or class."""

    def __init__(self, spec: PrestoSpec, *, channels: nn.Embedding) -> None:
        super().__init__()
        width = spec.width
        rest = (width - channels.embedding_dim) // 2
        self.mask_token = nn.Parameter(torch.zeros(width))
        self.pos_embed = position_table(rest)
        self.decoder_embed = nn.Linear(width, width)
        self.decoder_blocks = nn.ModuleList(
            PrestoBlock(width, heads=spec.heads, hidden=spec.mlp_ratio * width)
            for _ in range(spec.depth)
        )
        self.decoder_norm = nn.LayerNorm(width)
        self.eo_decoder_pred = nn.ModuleDict(
            {name: nn.Linear(width, len(bands)) for name, bands in GROUPS.items()}
        )
        self.dw_decoder_pred = nn.Linear(width, NUM_CLASSES)
        self.channel_embeddings = channels
        self.month_embed = month_table(rest)
        self.apply(initialise)

    def forward(
        self, x_BKD: Tensor, *, index_BK: Tensor, keep_BK: Tensor, hidden_BN: Tensor, month: Tensor
    ) -> dict[str, Tensor]:
        """Return a prediction per token of each group, (B, its tokens, its bands or classes).

        Only predictions of hidden tokens mean anything; every sample hides as many.
        """
        steps = (hidden_BN.shape[1] - 1) // NUM_SERIES
        x_BKD = self.decoder_embed(x_BKD)
        nothing = self.mask_token.to(x_BKD.dtype)
        x_BND = put(
            torch.where(keep_BK[:, :, None], x_BKD, nothing),
            index_BK,
            into_BND=nothing.expand(len(x_BKD), hidden_BN.shape[1] + 1, -1),
        )
        x_BND = x_BND + F.pad(self._codes(steps), (0, 0, 1, 0)).index_select(0, month)
        for block in self.decoder_blocks[:-1]:
            x_BND = block(x_BND)
        asked_BA = hidden_BN.nonzero()[:, 1].view(len(x_BKD), -1) + 1
        x_BAD = self.decoder_norm(self.decoder_blocks[-1](x_BND, asked_BA=asked_BA))
        x_BND = put(x_BAD, asked_BA, into_BND=x_BAD.new_zeros(x_BND.shape))[:, 1:]
        heads = [*self.eo_decoder_pred.values(), self.dw_decoder_pred]
        tokens = torch.split(
            x_BND, group_sizes(steps), dim=1
        )  # slices would each fill a whole gradient
        return {name: head(own) for name, head, own in zip(EVERY_GROUP, heads, tokens, strict=True)}

    def _codes(self, steps: int) -> Tensor:
        return code_table(
            steps=steps,
            months=self.month_embed,
            channels=self.channel_embeddings,
            positions=self.pos_embed,
        )


class Presto(Network):
    """The autoencoder; its features are the encoder's."""

    at_once = 64

    def __init__(self, spec: PrestoSpec) -> None:
        super().__init__()
        self.mask_ratio = spec.mask_ratio
        self.encoder = Encoder(spec)
        self.decoder = Decoder(spec, channels=self.encoder.channel_embed)

    def loss(self, batch: Batch, *, generator: torch.Generator, part: slice = WHOLE) -> Tensor:
        """Hide tokens and return how badly they are predicted; see `objective`."""
        samples, steps = batch["x"].shape[:2]
        hidden_BN = masking.draw(samples, steps=steps, ratio=self.mask_ratio, generator=generator)
        ours = {name: values[part] for name, values in batch.items()}
        predicted = self.predict(ours, hidden_BN=hidden_BN[part])
        return masked_loss(predicted, batch=batch, hidden_BN=hidden_BN, part=part)

    def predict(self, batch: Batch, *, hidden_BN: Tensor) -> dict[str, Tensor]:
        """Return what the decoder makes of the hidden tokens, group by group."""
        classes = batch["dynamic_world"]
        x_BKD, index_BK, keep_BK = self.encoder(
            batch, hidden_BN=hidden_BN | _without_land_cover(classes)
        )
        predicted = self.decoder(
            self.encoder.norm(x_BKD),
            index_BK=index_BK,
            keep_BK=keep_BK,
            hidden_BN=hidden_BN,
            month=batch["month"],
        )
        return cast("dict[str, Tensor]", predicted)

    def encode(self, batch: Batch) -> Tensor:
        """Return the norm of the mean over visible tokens, the location's among them.

        What a `mask` hides is not visible; one hidden band hides its whole token.
        """
        if "index" not in batch:
            batch = self.settled(batch)
        index_BK, keep_BK = batch["index"], batch.get("keep")
        x_BKD = self.encoder.attend(batch, index_BK=index_BK, keep_BK=keep_BK)
        counts = torch.ones_like(index_BK) if keep_BK is None else keep_BK
        counts = counts[:, :, None].to(x_BKD.dtype)
        mean = (x_BKD * counts).sum(dim=1) / counts.sum(dim=1)
        return cast("Tensor", self.encoder.norm(mean).float())

    def settled(self, batch: Batch) -> Batch:
        """Return a batch that says which tokens are visible, and which count if not all do."""
        unseen = _without_land_cover(batch["dynamic_world"])
        if "mask" in batch:
            unseen = unseen | _with_hidden_bands(batch["mask"])
        index_BK, keep_BK = _visible(unseen)
        counting = {} if bool(keep_BK.all()) else {"keep": keep_BK}
        return {**batch, "index": index_BK, **counting}


def _visible(hidden_BN: Tensor) -> tuple[Tensor, Tensor]:
    """Return which tokens are visible, the location's first, and which of them count, (B, K).

    Rows that keep fewer tokens than the longest are filled up with tokens that do not count.
    """
    visible_BN = F.pad(~hidden_BN, (1, 0), value=True)
    most = int(visible_BN.sum(dim=1).max())
    index_BK = (~visible_BN).byte().argsort(dim=1, stable=True)[:, :most]
    return index_BK, visible_BN.gather(1, index_BK)


def _without_land_cover(dynamic_world: Tensor) -> Tensor:
    """Return (B, tokens but the location's), True where land cover is missing."""
    missing = dynamic_world == MISSING
    return F.pad(missing, (num_tokens(missing.shape[1]) - missing.shape[1], 0))


def _with_hidden_bands(mask_BTC: Tensor) -> Tensor:
    """Return (B, tokens but the location's), True where a band of the token is hidden."""
    samples, steps = mask_BTC.shape[:2]
    groups = [
        mask_BTC[:, : 1 if name == RELIEF else steps, list(bands)].any(dim=2)
        for name, bands in GROUPS.items()
    ]
    return torch.cat([*groups, mask_BTC.new_zeros(samples, steps)], dim=1)


def _on_the_sphere(latlon: Tensor) -> Tensor:
    lat, lon = latlon.deg2rad().unbind(dim=1)
    return torch.stack([lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()], dim=1)
