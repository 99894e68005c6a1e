"""The values that axes of a sweep may have, and the cells that are left out of their product."""

from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, ConfigDict, Field

from terrasweep.infra.spec import Documented
from terrasweep.samplers.spec.tasks import ALL_SAMPLES, Region
from terrasweep.sweeps.spec.checks import misfit

MAX_SEEDS = 100_000


class Part(Documented):
    """Common to every part of a sweep file: frozen, closed, documented under each field."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _parse_all(value: object) -> object:
    """Let `all` stand for every sample there is."""
    if value == "all":
        return ALL_SAMPLES
    if value == ALL_SAMPLES and not isinstance(value, bool):
        expected = "a number of training samples from 1 up, or `all`"
        raise misfit("", expected, got="0", fix="write how many samples to train on")
    return value


Samples: TypeAlias = Annotated[
    int,
    Field(ge=0),
    BeforeValidator(_parse_all, json_schema_input_type=Annotated[int, Field(gt=0)] | str),
]
"""How many samples to train on, or `all`."""


def _parse_seeds(value: object) -> object:
    """Let `seeds: 50` stand for the seeds 0 to 49."""
    if not isinstance(value, int) or isinstance(value, bool):
        return value
    if not 0 < value <= MAX_SEEDS:
        raise misfit(
            "",
            f"a count of seeds from 1 to {MAX_SEEDS:,}",
            got=str(value),
            fix="write a count such as `seeds: 20`, or a list",
        )
    return tuple(range(value))


Seeds: TypeAlias = Annotated[
    tuple[Annotated[int, Field(ge=0)], ...],
    BeforeValidator(_parse_seeds, json_schema_input_type=int | list[int]),
    Field(min_length=1),
]


class Exclusion(Part):
    """Cells that are left out on purpose: those that agree with every axis named here."""

    reason: str = Field(min_length=1)
    """Why; shown in status and report."""
    composition: str | None = None
    """Only this composition; left out: all of them, and so for every axis below."""
    model: str | None = None
    """Only this model entry."""
    task: str | None = None
    """Only this task."""
    continent: Region | None = None
    """Only this continent."""
    n: Samples | None = None
    """Only this number of training samples."""
    protocol: str | None = None
    """Only this protocol."""
    seed: int | None = None
    """Only this seed."""
    replicate: int | None = None
    """Only this replicate."""

    @property
    def axes(self) -> dict[str, str | int]:
        """The axes that are named here, each with its value."""
        return self.model_dump(mode="json", exclude={"reason"}, exclude_none=True)


class Limits(Part):
    """From where on a result is marked as doubtful in status and report; no result changes."""

    spread: float = Field(default=0.03, gt=0)
    """Standard deviation over finetune seeds; above 0.03 the first study blames pretraining."""
    near_random: float = Field(default=0.05, ge=0, lt=1)
    """Skill (0 is guessing, 1 is perfect) below which a score is as good as guessed; assumed."""
