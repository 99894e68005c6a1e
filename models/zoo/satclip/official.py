"""SatCLIP as its authors publish it: a checkpoint of Lightning.

Beside the weights lie hyper-parameters, of which three name things of the authors' own training.
The location network is there twice, under `model.nnet` and `model.location.nnet`.
"""

import math
from collections.abc import Mapping
from typing import Final, Literal

from terrasweep.infra.errors import UserError
from terrasweep.infra.spec import Json
from terrasweep.models.checkpoints.published import Shape, State, count, size
from terrasweep.models.zoo.satclip.spec import SatClipSpec

HOME: Final = "state_dict"
SAID: Final = "hyper_parameters"
DROPPED: Final = ("eval_downstream", "air_temp_data_path", "election_data_path")

VISUAL: Final = "model.visual."
NNET: Final = "model.nnet."


def spec(shapes: Mapping[str, Shape], hyperparameters: Mapping[str, Json]) -> SatClipSpec:
    """Return the fields that the shapes tell.

    Raises:
        UserError: If the harmonics were computed in a way that ours are not.
    """
    how = hyperparameters.get("harmonics_calculation", "analytic")
    if how != "analytic":
        raise UserError(
            "weights trained on analytic spherical harmonics",
            got=f"harmonics_calculation {how!r}, which has another scale and other signs",
            fix="use a published file, such as satclip-resnet18-l10.ckpt",
        )
    inputs = size(shapes, f"{NNET}layers.0.weight", axis=1, otherwise=100)
    return SatClipSpec(
        name="satclip",
        degrees=math.isqrt(inputs),
        capacity=size(shapes, f"{NNET}layers.0.weight", axis=0, otherwise=512),
        hidden_layers=count(shapes, f"{NNET}layers.", otherwise=2),
        width=size(shapes, f"{NNET}last_layer.weight", axis=0, otherwise=256),
        tower=_tower(shapes),
    )


def may_lack(shapes: Mapping[str, Shape]) -> tuple[str, ...]:
    """Every entry must be there."""
    return ()


def may_add(shapes: Mapping[str, Shape]) -> tuple[str, ...]:
    """No entry may be added."""
    return ()


def folded(state: State) -> State:
    """Nothing is left out."""
    return state


def _tower(shapes: Mapping[str, Shape]) -> Literal["resnet18", "resnet50", "vit_small"]:
    """Return which network of images it is; another one is told when entries are compared."""
    if any(name.startswith(f"{VISUAL}blocks.") for name in shapes):
        return "vit_small"
    return "resnet50" if f"{VISUAL}layer1.0.conv3.weight" in shapes else "resnet18"
