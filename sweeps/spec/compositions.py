"""The values of the composition axis: a pretraining set, or a checkpoint from outside.

Both stand in one list and one table. What is drawn has a rule and a size; a checkpoint has
neither, for nobody here knows what it was trained on.
"""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import (
    Field,
    PrivateAttr,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from terrasweep.infra.errors import InvalidValueError, UserError
from terrasweep.pipelines import checkpoint_card
from terrasweep.samplers.spec.composition import CompositionSpec
from terrasweep.samplers.spec.rules import Rule
from terrasweep.sweeps.spec.axes import Part
from terrasweep.sweeps.spec.checks import misfit


class CompositionEntry(Part):
    """One value of the composition axis."""

    name: str = Field(min_length=1)
    """What tables and figures call it."""
    rule: Rule
    """How the samples are chosen."""
    size: int = Field(default=0, ge=0)
    """How many samples; left out, the sweep's own `size` counts."""
    sizes: tuple[Annotated[int, Field(gt=0)], ...] = ()
    """Several sizes at once: `[1000, 10000]` makes this `<name>_1k` and `<name>_10k`, nested."""
    priority: int = 0
    """What has more is made and judged first; it changes no result."""

    @model_validator(mode="after")
    def _has_one_size(self) -> "CompositionEntry":
        if self.size and self.sizes:
            raise InvalidValueError("both size and sizes", fix="keep one of them")
        return self

    @property
    def spec(self) -> CompositionSpec:
        """The part that enters the key."""
        return CompositionSpec(rule=self.rule, size=self.size)


class CheckpointEntry(Part):
    """A checkpoint from outside, compared with the compositions: nothing is drawn or trained."""

    name: str = Field(min_length=1)
    """What tables and figures call it."""
    checkpoint: str = Field(min_length=1)
    """The folder that `terrasweep checkpoint import` wrote; a relative path starts where one
    stands. It is known by its weights, and not by this path."""

    _card: checkpoint_card.Card = PrivateAttr()

    @model_validator(mode="after")
    def _has_a_card(self) -> "CheckpointEntry":
        try:
            self._card = checkpoint_card.read(Path(self.checkpoint))
        except UserError as error:
            raise misfit("checkpoint", error.expected, got=error.got, fix=error.fix) from None
        return self

    @property
    def card(self) -> checkpoint_card.Card:
        """What the folder says of the weights in it."""
        return self._card


def _validate_entry(
    value: object, _: ValidatorFunctionWrapHandler
) -> CompositionEntry | CheckpointEntry:
    """Tell what is drawn from what is not, so that errors are of the one that was meant."""
    if isinstance(value, CompositionEntry | CheckpointEntry):
        return value
    if isinstance(value, str):
        raise misfit(
            "",
            "a composition with its name and its rule",
            got=f"the bare name {value!r}",
            fix="bare names are looked up in the catalogue where a YAML file is read; in Python, "
            "write the entry out",
        )
    if isinstance(value, dict) and "checkpoint" in value:
        return CheckpointEntry.model_validate(value)
    return CompositionEntry.model_validate(value)


Arm: TypeAlias = Annotated[
    CompositionEntry | CheckpointEntry,
    WrapValidator(_validate_entry, json_schema_input_type=CompositionEntry | CheckpointEntry | str),
]


def check_checkpoints(
    entries: Sequence[CompositionEntry | CheckpointEntry],
    *,
    networks: Collection[str],
    baseline: str,
) -> None:
    """Refuse a checkpoint of no network of the sweep, and one of some networks as the baseline."""
    for place, entry in enumerate(entries):
        if not isinstance(entry, CheckpointEntry):
            continue
        own, at = entry.card.model.name, f"compositions.{place}.checkpoint"
        if own not in networks:
            expected = f"a checkpoint of a network of this sweep ({', '.join(sorted(networks))})"
            fix = "name another, or add a model entry of its network"
            raise misfit(at, expected, got=f"one of {own}", fix=fix)
        if entry.name == baseline and set(networks) != {own}:
            expected = "a baseline that every model of the sweep has"
            fix = "choose a composition, or leave the other networks to a sweep of their own"
            raise misfit("baseline", expected, got=f"a checkpoint of {own} alone", fix=fix)
