"""Checkpoints from outside: their cards and their steps.

A card says which network the weights belong to and what they are; the key follows from that, and
not from the path, the name of the file or whoever took it in. What is read here is light, for a
sweep is planned from it.
"""

import json
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from terrasweep.infra.errors import UserError
from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Step
from terrasweep.models.members import AnyModel
from terrasweep.pipelines.spec import CheckpointSpec

CARD: Final = "card.json"
WEIGHTS: Final = "weights.safetensors"
STAGE: Final = "checkpoint"


class Card(BaseModel):
    """What lies beside imported weights."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    model: AnyModel
    """Which network they belong to, with its fields."""
    weights: str = Field(pattern=r"^[0-9a-f]{64}$")
    """The sha256 of the weights' file."""
    origin: dict[str, JsonValue]
    """Whose file it was: its name, size and checksum, and what it says of itself."""
    folder: Path
    """Where this card was read; it is no part of what it says."""


def read(folder: Path) -> Card:
    """Return the card of an imported checkpoint; the weights are not looked at.

    Raises:
        UserError: If there is no such card.
    """
    expected = f"an imported checkpoint in {folder}"
    fix = "use a folder that `terrasweep checkpoint import` wrote"
    try:
        fields = json.loads((folder / CARD).read_text())
        return Card(**{**fields, "folder": folder})
    except FileNotFoundError:
        got = f"no {CARD} in it" if folder.is_dir() else "no such folder"
        raise UserError(expected, got=got, fix=fix) from None
    except OSError as error:
        raise UserError(expected, got=error.strerror or str(error), fix=fix) from None
    except (ValidationError, ValueError, TypeError):
        got = f"a {CARD} of something else"
        raise UserError(expected, got=got, fix=fix) from None


def step(card: Card, *, label: str) -> Step[Spec]:
    """Return the step that an imported checkpoint is; where it came from travels with it."""
    spec = CheckpointSpec(model=card.model, weights=card.weights)
    return Step(STAGE, spec, label=label, origin=card.origin)
