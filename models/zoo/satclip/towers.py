"""Image networks over 13 bands, under the names that ResNet and ViT weights usually have.

All of a tower is frozen and stays in evaluation mode, so that an image has one output and pools
can keep it; only the projection at its end learns. An untrained tower is a random projection:
features of a trained one come from its weights, or with the pool.
"""

import sys
from abc import ABC, abstractmethod
from typing import Final, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from terrasweep.models.layers import vit
from terrasweep.models.layers.imagery import BANDS
from terrasweep.models.zoo.satclip.spec import SatClipSpec

VIT_PX: Final = 224
VIT_PATCH: Final = 16
VIT_WIDTH: Final = 384
RESNET_STAGES: Final = ((64, 1), (128, 2), (256, 2), (512, 2))
"""Width and stride of each stage."""


class Tower(nn.Module, ABC):
    """A frozen network with a projection that learns."""

    most_px: int = sys.maxsize
    """The largest side of an image that it takes."""

    @abstractmethod
    def features(self, images_BCHW: Tensor) -> Tensor:
        """Return what the frozen part makes of images, (B, its width)."""

    @abstractmethod
    def project(self, features: Tensor) -> Tensor:
        """Return the projection of features."""

    def train(self, mode: bool = True) -> "Tower":
        """Stay in evaluation mode: the statistics of a frozen network do not move."""
        return super().train(False)

    def freeze(self, *, but: nn.Module) -> None:
        """Let nothing learn but one module."""
        self.requires_grad_(False)
        but.requires_grad_(True)
        self.eval()


class Bottleneck(nn.Module):
    """A residual block of three convolutions; the middle one has the stride."""

    expansion: Final = 4

    def __init__(self, inputs: int, width: int, *, stride: int) -> None:
        super().__init__()
        outputs = self.expansion * width
        self.conv1, self.bn1 = _conv(inputs, width, size=1), nn.BatchNorm2d(width)
        self.conv2 = _conv(width, width, size=3, stride=stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3, self.bn3 = _conv(width, outputs, size=1), nn.BatchNorm2d(outputs)
        self.downsample = _downsample(inputs, outputs, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of four times the width."""
        hidden = F.relu(self.bn1(self.conv1(x)))
        hidden = F.relu(self.bn2(self.conv2(hidden)))
        return F.relu(self.bn3(self.conv3(hidden)) + self.downsample(x))


class Basic(nn.Module):
    """A residual block of two convolutions; the first one has the stride."""

    expansion: Final = 1

    def __init__(self, inputs: int, width: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = _conv(inputs, width, size=3, stride=stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2, self.bn2 = _conv(width, width, size=3), nn.BatchNorm2d(width)
        self.downsample = _downsample(inputs, width, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the width."""
        hidden = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(hidden)) + self.downsample(x))


class ResNet(Tower):
    """A residual network; its features are the mean over the last map."""

    def __init__(
        self, block: type[Basic] | type[Bottleneck], *, depths: tuple[int, ...], width: int
    ) -> None:
        super().__init__()
        self.conv1 = _conv(BANDS, 64, size=7, stride=2)
        self.bn1 = nn.BatchNorm2d(64)
        inputs = 64
        for number, (depth, (inner, stride)) in enumerate(
            zip(depths, RESNET_STAGES, strict=True), start=1
        ):
            stage = [block(inputs, inner, stride=stride)]
            inputs = block.expansion * inner
            stage += [block(inputs, inner, stride=1) for _ in range(depth - 1)]
            self.add_module(f"layer{number}", nn.Sequential(*stage))
        self.fc = nn.Linear(inputs, width)
        self.apply(_initialise)
        self.freeze(but=self.fc)

    def features(self, images_BCHW: Tensor) -> Tensor:
        """Return the mean over places of the last map."""
        x = F.relu(self.bn1(self.conv1(images_BCHW)))
        x = F.max_pool2d(x, kernel_size=3, stride=2, padding=1)
        for number in range(1, len(RESNET_STAGES) + 1):
            x = self.get_submodule(f"layer{number}")(x)
        return x.mean(dim=(2, 3))

    def project(self, features: Tensor) -> Tensor:
        """Return the projection of features."""
        return cast("Tensor", self.fc(features))


class VisionTransformer(Tower):
    """ViT-S with patches of 16 pixels; its features are the normed class token."""

    most_px = VIT_PX

    def __init__(self, *, width: int) -> None:
        super().__init__()
        patches = (VIT_PX // VIT_PATCH) ** 2
        self.cls_token = vit.new_token(VIT_WIDTH)
        self.pos_embed = nn.Parameter(vit.TOKEN_STD * torch.randn(1, patches + 1, VIT_WIDTH))
        self.patch_embed = vit.PatchEmbed(BANDS, VIT_WIDTH, patch=VIT_PATCH)
        self.blocks = vit.blocks(VIT_WIDTH, depth=12, heads=6)
        self.norm = vit.norm(VIT_WIDTH)
        self.head = nn.Linear(VIT_WIDTH, width)
        self.apply(vit.initialise)
        self.freeze(but=self.head)

    def features(self, images_BCHW: Tensor) -> Tensor:
        """Return the class token."""
        patches = self.patch_embed(images_BCHW)
        first = self.cls_token.expand(len(patches), -1, -1)
        x_BND = torch.cat([first, patches], dim=1) + self.pos_embed
        for block in self.blocks:
            x_BND = block(x_BND)
        return cast("Tensor", self.norm(x_BND)[:, 0])

    def project(self, features: Tensor) -> Tensor:
        """Return the projection of features."""
        return cast("Tensor", self.head(features))


class Precomputed(Tower):
    """No image network: a projection of features that the pool brings."""

    def __init__(self, *, inputs: int, width: int) -> None:
        super().__init__()
        self.fc = nn.Linear(inputs, width)

    def features(self, images_BCHW: Tensor) -> Tensor:
        """Refuse: there is nothing to look at images with."""
        raise NotImplementedError("a batch for the tower `features` holds features")

    def project(self, features: Tensor) -> Tensor:
        """Return the projection of features."""
        return cast("Tensor", self.fc(features))


def tower(spec: SatClipSpec) -> Tower:
    """Return the image network that a spec names."""
    match spec.tower:
        case "resnet18":
            return ResNet(Basic, depths=(2, 2, 2, 2), width=spec.width)
        case "resnet50":
            return ResNet(Bottleneck, depths=(3, 4, 6, 3), width=spec.width)
        case "vit_small":
            return VisionTransformer(width=spec.width)
        case "features":
            return Precomputed(inputs=spec.feature_width, width=spec.width)


def _conv(inputs: int, outputs: int, *, size: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, size, stride=stride, padding=size // 2, bias=False)


def _downsample(inputs: int, outputs: int, *, stride: int) -> nn.Module:
    """Return what a block adds to its output; no entry of the state dict where it is the input."""
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    return nn.Sequential(_conv(inputs, outputs, size=1, stride=stride), nn.BatchNorm2d(outputs))


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
