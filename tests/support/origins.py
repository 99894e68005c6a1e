"""Networks small enough to be finetuned in a test, and problems that are asked of them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from terrasweep.models.contract import WHOLE, Batch, Network
from terrasweep.models.probing.problem import FinetuneSource, Problem
from terrasweep.models.spec import ProbeSpec
from terrasweep.models.zoo.tiny.spec import TinySpec


class Plain(Network):
    """A linear map of `x`, which begins as it stands."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.embed = nn.Linear(width, width)
        nn.init.eye_(self.embed.weight)
        nn.init.zeros_(self.embed.bias)

    def loss(self, batch: Batch, *, generator: torch.Generator, part: slice = WHOLE) -> Tensor:
        """Learn nothing."""
        return self.encode(batch).sum() * 0

    def encode(self, batch: Batch) -> Tensor:
        """Return the map."""
        return self.embed(batch["x"])


def plain(features: np.ndarray) -> FinetuneSource:
    """Return a task whose input are its features, and a network that hands them on."""
    batch = {"x": torch.from_numpy(features.astype(np.float32))}
    return FinetuneSource(TinySpec(name="tiny"), Plain(features.shape[1]).eval(), batch)


def asked(problems: Sequence[Problem], *, spec: ProbeSpec) -> list[Problem]:
    """Return problems as a probe wants them: a network and places, where it trains the network."""
    if spec.trains == "features":
        return list(problems)
    return [_placed(problem) for problem in problems]


def _placed(problem: Problem) -> Problem:
    whole = np.concatenate([problem.train_x, problem.test_x])
    n = len(problem.train_x)
    return replace(
        problem,
        train_x=np.arange(n),
        test_x=np.arange(n, len(whole)),
        origin=plain((whole - whole[:n].mean(axis=0)) / (whole[:n].std(axis=0) + 1e-6)),
    )
