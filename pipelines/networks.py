"""Networks from specs and from finished steps."""

from typing import cast

import torch

from terrasweep.infra.context import Context
from terrasweep.infra.seeds import seed
from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Key, Step
from terrasweep.models.checkpoints import weights
from terrasweep.models.contract import Architecture, Network
from terrasweep.models.members import ZOO
from terrasweep.models.spec import ModelSpec
from terrasweep.pipelines.spec import CheckpointSpec, InitSpec


def build(model: ModelSpec, *, key: Key) -> Network:
    """Return a network whose first weights follow from a key; no global generator is moved."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed(str(key), "init"))
        return architecture(model).build(model)


def architecture(model: ModelSpec) -> Architecture:
    """Return the zoo's module of a network."""
    return ZOO[model.name]


def sizes(network: Network) -> dict[str, int]:
    """Return how many parameters there are, and how many of them learn."""
    parameters = list(network.parameters())
    return {
        "parameters": sum(values.numel() for values in parameters),
        "learnt": sum(values.numel() for values in parameters if values.requires_grad),
    }


def model_of(checkpoint: Step[Spec]) -> ModelSpec:
    """Return which network a checkpoint is of."""
    own = checkpoint.need("init") if checkpoint.stage == "pretrain" else checkpoint
    return cast("InitSpec | CheckpointSpec", own.spec).model


def network_of(checkpoint: Step[Spec], *, context: Context) -> Network:
    """Return the network of a checkpoint with its weights, where a trial computes."""
    spec = model_of(checkpoint)
    with torch.random.fork_rng(devices=[]):  # its first weights are drawn, then overwritten
        network = ZOO[spec.name].build(spec)
    weights.read(network, context.store.folder(checkpoint.key))
    on_gpu = context.resources.gpus_per_trial > 0 and torch.cuda.is_available()
    return network.to("cuda" if on_gpu else "cpu").eval()
