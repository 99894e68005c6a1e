"""A masked autoencoder of monthly series: a token per month, all its values in it.

Values are scaled by their usual mean and spread over land, so that each counts alike; months are
told apart by a fixed code. Its features are the mean over the months. Where a sample lies it is
not told.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from terrasweep.infra.errors import BadDataError
from terrasweep.models.contract import WHOLE, Batch, Network
from terrasweep.models.layers import vit
from terrasweep.models.spec import ModelSpec
from terrasweep.models.zoo.series_mae.spec import SeriesMaeSpec

MONTHS: Final = 12
USUAL: Final = np.array([13.9, 7.1, 19.6, 7.9], dtype=np.float32)
"""The mean over land of air temperature, root of precipitation, and the temperature of the
surface by day and by night."""
SPREAD: Final = np.array([15.4, 4.7, 18.0, 14.2], dtype=np.float32)
"""Its deviation."""
NUM_VALUES: Final = len(USUAL)


def build(spec: ModelSpec) -> Network:
    """Return a freshly initialised network."""
    assert isinstance(spec, SeriesMaeSpec)
    return SeriesMae(spec)


def prepare(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the network's input.

    Raises:
        BadDataError: If the series have another form.
    """
    series = arrays.get("series")
    shape = None if series is None else series.shape
    if series is None or series.shape[1:] != (MONTHS, NUM_VALUES):
        raise BadDataError(
            f"an array `series` of shape (samples, {MONTHS}, {NUM_VALUES})",
            got="none" if shape is None else f"shape {shape}",
            fix="choose a pool and a task with such series, as the pool `earth` gives them",
        )
    values = series.astype(np.float32)  # a copy, which may be written to
    values[..., 1] = np.sqrt(values[..., 1])  # most months are dry, and a few very wet
    return {"series": (values - USUAL) / SPREAD}


class SeriesMae(Network):
    """The autoencoder."""

    at_once = 256

    def __init__(self, spec: SeriesMaeSpec) -> None:
        super().__init__()
        self.spec = spec
        code = vit.line_table(torch.arange(MONTHS), width=spec.width)
        self.embed = nn.Linear(NUM_VALUES, spec.width)
        self.pos_embed = vit.fixed(code)
        self.blocks = vit.blocks(spec.width, depth=spec.depth, heads=spec.heads)
        self.norm = vit.norm(spec.width)
        self.mask_token = vit.new_token(spec.width)
        self.decoder_pos_embed = vit.fixed(code)
        self.decoder_blocks = vit.blocks(spec.width, depth=1, heads=spec.heads)
        self.decoder_norm = vit.norm(spec.width)
        self.decoder_pred = nn.Linear(spec.width, NUM_VALUES)
        self.apply(vit.initialise)

    def loss(self, batch: Batch, *, generator: torch.Generator, part: slice = WHOLE) -> Tensor:
        """Hide months and return the mean squared error of their values."""
        series_BMV = batch["series"]
        noise = torch.rand(len(series_BMV), MONTHS, generator=generator, device=generator.device)
        keep = max(1, round(MONTHS * (1 - self.spec.mask_ratio)))
        index = vit.visible(noise, keep=keep)
        ours, kept = series_BMV[part], index[part]
        predicted = self._predict(ours, index=kept).float()
        error = (predicted - ours).square().mean(dim=2)
        hidden = vit.hidden_of(kept, tokens=MONTHS)
        return (error * hidden).sum() / (len(series_BMV) * (MONTHS - keep))

    def encode(self, batch: Batch) -> Tensor:
        """Return the mean over the months' tokens."""
        tokens = self.embed(batch["series"]) + self.pos_embed
        return self._encoded(tokens).mean(dim=1).float()

    def _encoded(self, x_BND: Tensor) -> Tensor:
        normed: Tensor = self.norm(vit.through(self.blocks, x_BND))
        return normed

    def _predict(self, series: Tensor, *, index: Tensor) -> Tensor:
        """Return the values of every month, seen from those that stay."""
        tokens = vit.pick(self.embed(series) + self.pos_embed, index)
        months = vit.put_back(
            self._encoded(tokens), index, mask_token=self.mask_token, tokens=MONTHS
        )
        x_BND = vit.through(self.decoder_blocks, months + self.decoder_pos_embed)
        values: Tensor = self.decoder_pred(self.decoder_norm(x_BND))
        return values
