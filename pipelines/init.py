"""The init step: a network as it was initialised, by the seed of its own key."""

from pathlib import Path
from typing import cast

import torch

from infra.context import Context
from infra.seeds import seed
from infra.spec import Spec, everything
from infra.step import Key, Step
from models import weights
from models.contract import Architecture, Network
from models.members import ZOO
from models.spec import ModelSpec
from pipelines.spec import InitSpec


def make(step: Step[Spec], *, context: Context, folder: Path) -> None:
    """Write the weights of a freshly initialised network, and its card."""
    model = cast("InitSpec", step.spec).model
    network = build(model, key=step.key)
    weights.write(network, folder, card={"model": everything(model), **sizes(network)})


def build(model: ModelSpec, *, key: Key) -> Network:
    """Return a network whose first weights follow from a key; no global generator is moved."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed(str(key), "init"))
        return architecture(model).build(model)


def architecture(model: ModelSpec) -> Architecture:
    """Return the zoo's module of a network."""
    return cast("Architecture", ZOO[model.name])


def sizes(network: Network) -> dict[str, int]:
    """Return how many parameters there are, and how many of them learn."""
    parameters = list(network.parameters())
    return {
        "parameters": sum(values.numel() for values in parameters),
        "learnt": sum(values.numel() for values in parameters if values.requires_grad),
    }
