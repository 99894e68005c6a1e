"""Presto as its authors publish it: the file is the state dict, and nothing else.

Its storages are CUDA's. The fixed tables of positions and months are among the entries, and so is
the channel code, twice: once for the encoder and once for the decoder that shares it.
"""

from collections.abc import Mapping
from typing import Final

from terrasweep.infra.spec import Json
from terrasweep.models.checkpoints.published import Shape, State, count, size
from terrasweep.models.zoo.presto.spec import PrestoSpec

HOME: Final = ""
SAID: Final = ""
DROPPED: Final[tuple[str, ...]] = ()


def spec(shapes: Mapping[str, Shape], hyperparameters: Mapping[str, Json]) -> PrestoSpec:
    """Return the fields; how many heads there are no shape tells, and the published one has 8."""
    width = size(shapes, "encoder.latlon_embed.weight", axis=0, otherwise=128)
    hidden = size(shapes, "encoder.blocks.0.mlp.fc1.weight", axis=0, otherwise=4 * width)
    return PrestoSpec(
        name="presto",
        width=width,
        depth=count(shapes, "encoder.blocks.", otherwise=2),
        mlp_ratio=hidden // width,
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
