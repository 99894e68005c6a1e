"""SatCLIP, under the names of its published weights: what matters of it is the location network.

In training the network of images is frozen, and its projection and the location network learn to
agree. The state dict has the location network twice, as `nnet` and as `location.nnet`: one
module.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from terrasweep.infra.errors import BadDataError
from terrasweep.models.contract import WHOLE, Batch, Network
from terrasweep.models.layers import imagery
from terrasweep.models.spec import ModelSpec
from terrasweep.models.zoo.satclip import augment, normalise
from terrasweep.models.zoo.satclip.augment import ImageView
from terrasweep.models.zoo.satclip.layers import Location, Siren, draw_dropout
from terrasweep.models.zoo.satclip.spec import SatClipSpec
from terrasweep.models.zoo.satclip.towers import tower

TEMPERATURE: Final = 0.07
"""Where the learnt temperature starts."""


def build(spec: ModelSpec) -> Network:
    """Return a freshly initialised SatCLIP."""
    assert isinstance(spec, SatClipSpec)
    return SatClip(spec)


def prepare(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the network's input, made from coordinates and, to learn from, images."""
    return normalise.prepare(arrays)


@dataclass(frozen=True)
class Augmentation:
    """What training does to each sample of a batch; in evaluation it does nothing."""

    lonlat: Tensor
    dropout: list[Tensor] | None
    views: ImageView | None
    features: Tensor | None
    """Of the images, where the batch brings them."""


class Pair(nn.Module):
    """Both networks and the temperature between them."""

    def __init__(self, spec: SatClipSpec) -> None:
        super().__init__()
        self.visual = tower(spec)
        self.nnet = Siren(spec)
        self.location = Location(spec, nnet=self.nnet)
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / TEMPERATURE)))


class SatClip(Network):
    """The pair; its features are the location network's, in evaluation mode."""

    def __init__(self, spec: SatClipSpec) -> None:
        super().__init__()
        self.spec = spec
        self.model = Pair(spec)

    def loss(self, batch: Batch, *, generator: torch.Generator, part: slice = WHOLE) -> Tensor:
        """Return how badly images and places know each other.

        The batch falls into groups whose samples are each other's negatives; a part asks its own
        samples, among all of their group.
        """
        samples, group = len(batch["lonlat"]), self.spec.negatives
        drawn = self._draw(batch, generator=generator)
        first, last, _ = part.indices(samples)
        total = torch.zeros((), device=batch["lonlat"].device)
        for start in range(first - first % group, last, group):
            whole = slice(start, min(start + group, samples))
            total = total + matching(
                self._images(batch, drawn=drawn, part=whole),
                self._places(drawn, part=whole),
                logit_scale=self.model.logit_scale,
                rows=slice(max(first, start) - start, min(last, whole.stop) - start),
            )
        return total / samples

    def encode(self, batch: Batch) -> Tensor:
        """Return the location network's features; images are not looked at."""
        return cast("Tensor", self.model.location(batch["lonlat"])).float()

    @torch.no_grad()
    def image_features(self, images: Tensor) -> Tensor:
        """Return what the frozen network makes of the middle of images: a pool may keep it."""
        middle = imagery.middle(augment.scaled(images), size=self.side_px)
        return self.model.visual.features(middle).float()

    @property
    def side_px(self) -> int:
        """Side of the crop that the network of images sees."""
        return min(self.spec.crop_px, self.model.visual.most_px)

    def _draw(self, batch: Batch, *, generator: torch.Generator) -> Augmentation:
        spec, lonlat, features = self.spec, batch["lonlat"], batch.get("features")
        if features is None and "image" not in batch:
            raise _nothing_to_match()
        if features is not None:
            features = _one_view(features, generator=generator, training=self.training)
        if not self.training:
            return Augmentation(lonlat, dropout=None, views=None, features=features)
        moved = augment.moved(lonlat, spec=spec, generator=generator)
        dropout = draw_dropout(spec, samples=len(lonlat), generator=generator)
        if features is not None or self.spec.view == "middle":
            return Augmentation(moved, dropout=dropout, views=None, features=features)
        views = augment.draw_views(
            batch["image"], spec=spec, size=self.side_px, generator=generator
        )
        return Augmentation(moved, dropout=dropout, views=views, features=None)

    def _images(self, batch: Batch, *, drawn: Augmentation, part: slice) -> Tensor:
        """Return the projections of the images of a part, or of their features."""
        if drawn.features is not None:
            return self.model.visual.project(drawn.features[part])
        if drawn.views is None:
            return self.model.visual.project(self.image_features(batch["image"][part]))
        seen = augment.seen(batch["image"], drawn.views, part=part, size=self.side_px)
        with torch.no_grad():
            features = self.model.visual.features(seen)
        return self.model.visual.project(features)

    def _places(self, drawn: Augmentation, *, part: slice) -> Tensor:
        dropout = drawn.dropout and [factor[part] for factor in drawn.dropout]
        return cast("Tensor", self.model.location(drawn.lonlat[part], dropout=dropout))


def _one_view(features: Tensor, *, generator: torch.Generator, training: bool) -> Tensor:
    """Return one row of features per sample; where it has several views, one of them."""
    if features.ndim == 2:
        return features
    if not training:
        return features[:, 0]
    samples, views = features.shape[:2]
    device = generator.device
    chosen = torch.randint(views, (samples,), generator=generator, device=device)
    return features[torch.arange(samples, device=device), chosen]


def _nothing_to_match() -> BadDataError:
    return BadDataError(
        "an array `image` or `features` to train on",
        got="only coordinates",
        fix="choose a pool with images, or with features of them",
    )


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
