"""The init step: a network as it was initialised, by the seed of its own key."""

from pathlib import Path
from typing import cast

from terrasweep.infra.context import Context
from terrasweep.infra.spec import Spec, everything
from terrasweep.infra.step import Step
from terrasweep.models.checkpoints import weights
from terrasweep.pipelines.networks import build, sizes
from terrasweep.pipelines.spec import InitSpec


def make(step: Step[Spec], *, context: Context, folder: Path) -> None:
    """Write the weights of a freshly initialised network, and its card."""
    model = cast("InitSpec", step.spec).model
    network = build(model, key=step.key)
    weights.write(network, folder, card={"model": everything(model), **sizes(network)})
