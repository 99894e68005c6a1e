"""Pretraining as public code does it, for comparison: the same networks, a plain loop.

A Dataset returns one sample at a time and draws its mask (and its view) by itself. A DataLoader
stacks them, and the whole batch passes the network at once, eagerly. `pretrain.py` runs it.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from terrasweep.models.contract import Network
from terrasweep.models.zoo.presto.layout import BEFORE_RELIEF, NUM_SERIES
from terrasweep.models.zoo.presto.masking import Strategy, num_hidden
from terrasweep.models.zoo.presto.model import Presto
from terrasweep.models.zoo.presto.objective import masked_loss
from terrasweep.models.zoo.satmae.model import SatMae
from terrasweep.models.zoo.satmae.objective import in_channel_order, masked_error, target_of

STEPS = 12
Sample = dict[str, Tensor]


class PrestoSamples(Dataset[Sample]):
    """Samples, each with a mask that is drawn when it is asked for."""

    def __init__(self, arrays: Mapping[str, np.ndarray], *, ratio: float) -> None:
        self.arrays, self.ratio = arrays, ratio
        self.draw = np.random.Generator(np.random.PCG64(0))

    def __len__(self) -> int:
        return len(self.arrays["x"])

    def __getitem__(self, index: int) -> Sample:
        """Return one sample and its mask."""
        sample = {name: torch.as_tensor(a[index].copy()) for name, a in self.arrays.items()}
        return {**sample, "hidden": torch.from_numpy(self._mask())}

    def _mask(self) -> np.ndarray:
        """Hide relief, then whole groups or steps, then single tokens, up to the exact count."""
        relief = self.draw.random() < self.ratio
        left = num_hidden(STEPS, ratio=self.ratio) - int(relief)
        hidden = np.zeros((NUM_SERIES, STEPS), dtype=bool)
        match Strategy(self.draw.integers(len(Strategy))):
            case Strategy.GROUP_BANDS:
                hidden[self.draw.choice(NUM_SERIES, left // STEPS, replace=False)] = True
            case Strategy.RANDOM_TIMESTEPS:
                hidden[:, self.draw.choice(STEPS, left // NUM_SERIES, replace=False)] = True
            case Strategy.CHUNK_TIMESTEPS:
                first = self.draw.integers(STEPS - left // NUM_SERIES + 1)
                hidden[:, first : first + left // NUM_SERIES] = True
            case _:
                pass
        rest = np.flatnonzero(~hidden.ravel())
        more = self.draw.choice(rest, left - int(hidden.sum()), replace=False)
        hidden.ravel()[more] = True
        return np.insert(hidden.ravel(), BEFORE_RELIEF * STEPS, relief)


class SatMaeSamples(Dataset[Sample]):
    """Images, each cropped, resized, flipped and masked when it is asked for."""

    def __init__(self, arrays: Mapping[str, np.ndarray], *, network: SatMae) -> None:
        self.images, self.spec = arrays["image"], network.spec
        self.kept, self.tokens = network.kept, network.num_tokens
        self.draw = np.random.Generator(np.random.PCG64(0))

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Sample:
        """Return one view and the tokens that stay."""
        image = torch.from_numpy(self.images[index][self.kept].astype(np.float32) / 255)
        side = int(image.shape[-1] * np.sqrt(self.draw.uniform(self.spec.min_area, 1)))
        top, left = self.draw.integers(image.shape[-1] - side + 1, size=2)
        crop = image[None, :, top : top + side, left : left + side]
        view = F.interpolate(crop, (self.spec.image_px,) * 2, mode="bicubic")[0]
        if self.draw.random() < 0.5:
            view = view.flip(-1)
        keep = int(self.tokens * (1 - self.spec.mask_ratio))
        stays = self.draw.permutation(self.tokens)[:keep]
        return {"view": view, "stays": torch.from_numpy(stays)}


def presto_loss(network: Network, batch: Sample) -> Tensor:
    """Return the loss of a batch whose masks came with it."""
    assert isinstance(network, Presto)
    hidden = batch["hidden"]
    predicted = network.predict(batch, hidden_BN=hidden)
    return masked_loss(predicted, batch=batch, hidden_BN=hidden, part=slice(None))


def satmae_loss(network: Network, batch: Sample) -> Tensor:
    """Return the loss of a batch whose masks came with it."""
    assert isinstance(network, SatMae)
    spec, views, index = network.spec, batch["view"], batch["stays"]
    hidden = torch.ones(len(views), network.num_tokens, device=views.device)
    hidden = hidden.scatter(1, index, 0.0)
    predicted = in_channel_order(
        network.predict(views, index=index), groups=spec.groups, order=spec.loss_order
    )
    target = target_of(views, patch=spec.patch_px, norm_pix_loss=spec.norm_pix_loss)
    by_group = hidden.reshape(len(hidden), len(spec.groups), -1)
    error = masked_error(predicted, target_BLCP=target, hidden_BGL=by_group, groups=spec.groups)
    return error / hidden.sum()


def train(
    network: Network,
    samples: Dataset[Sample],
    *,
    loss_of: Callable[[Network, Sample], Tensor],
    batch_size: int,
    device: torch.device,
    narrow: torch.dtype | None,
    workers: int,
) -> Iterator[int]:
    """Pass over the samples once; yield the size of each batch after its step."""
    loader = DataLoader(samples, batch_size, shuffle=True, num_workers=workers)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-4)
    network.to(device).train()
    for batch in loader:
        there = {name: values.to(device) for name, values in batch.items()}
        with torch.autocast(device.type, narrow, enabled=narrow is not None):
            loss = loss_of(network, there)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        loss.item()  # the usual line of a log
        yield len(next(iter(there.values())))
