"""Weights on disk: safetensors beside a card that says whose they are.

Every entry of the state dict is written, also one that is another's twin, so the file has the
names its authors gave; a twin is one again when read, for the modules share it.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import load_file, save
from torch import nn

from terrasweep.infra.errors import TornError
from terrasweep.infra.spec import Json

WEIGHTS: Final = "weights.safetensors"
CARD: Final = "card.json"


def pack(network: nn.Module) -> bytes:
    """Return the weights as one safetensors file; equal weights give equal bytes."""
    state = network.state_dict()
    return save({name: value.detach().cpu().clone() for name, value in state.items()})


def write(network: nn.Module, folder: Path, *, card: Mapping[str, Json]) -> None:
    """Write the weights and their card into a folder."""
    write_packed(pack(network), folder, card=card)


def write_packed(packed: bytes, folder: Path, *, card: Mapping[str, Json]) -> None:
    """Write weights that were packed elsewhere, and their card, into a folder."""
    (folder / WEIGHTS).write_bytes(packed)
    (folder / CARD).write_text(json.dumps(card, indent=2, sort_keys=True) + "\n")


def read(network: nn.Module, folder: Path) -> None:
    """Read weights into a network of the same architecture.

    Raises:
        TornError: If the file lacks an entry, has one too many, or one of another shape.
    """
    state = load_file(folder / WEIGHTS)
    wrong = _differences(network.state_dict(), state)
    if wrong:
        raise TornError(
            "weights of the network's own names and shapes",
            got=f"{len(wrong)} that differ, such as {wrong[0]}",
            fix="make the checkpoint again with this version",
        )
    network.load_state_dict(state)


def _differences(ours: Mapping[str, torch.Tensor], theirs: Mapping[str, torch.Tensor]) -> list[str]:
    names = sorted({*ours, *theirs})
    shapes = {
        name: tuple(state[name].shape if name in state else None for state in (ours, theirs))
        for name in names
    }
    return [
        f"{name} (expected {_shape(wanted)}, got {_shape(actual)})"
        for name, (wanted, actual) in shapes.items()
        if wanted != actual
    ]


def _shape(shape: torch.Size | None) -> str:
    return "none" if shape is None else str(tuple(shape))
