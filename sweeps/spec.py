"""A sweep is a named question: the axes of a grid, as a frozen value. It has a name, not a key."""

from collections import Counter
from typing import Annotated, TypeAlias, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from models.members import ZOO, AnyModel, AnyProbe
from models.spec import ModelSpec, TrainingSpec
from samplers.members import AnyPool, AnyTask
from samplers.spec import CompositionSpec, Region, Rule


class Part(BaseModel):
    """Common to every part of a sweep file: frozen, closed, documented under each field."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )


def _named(inner: str) -> BeforeValidator:
    """Let a bare member name stand for an entry of that name with default fields."""

    def expand(value: object) -> object:
        return {"name": value, inner: {"name": value}} if isinstance(value, str) else value

    return BeforeValidator(expand)


class CompositionEntry(Part):
    """One value of the composition axis."""

    name: str = Field(min_length=1)
    """What tables and figures call it."""
    rule: Rule
    """How the samples are chosen."""
    size: int = Field(default=0, ge=0)
    """How many samples; left out, the sweep's own `size` counts."""

    @property
    def spec(self) -> CompositionSpec:
        """The part that enters the key."""
        return CompositionSpec(rule=self.rule, size=self.size)


class TaskEntry(Part):
    """One value of the task axis."""

    name: str = Field(min_length=1)
    """What tables and figures call it."""
    task: AnyTask
    """Which task, with its fields."""


class ProtocolEntry(Part):
    """One value of the protocol axis."""

    name: str = Field(min_length=1)
    """What tables and figures call it."""
    protocol: AnyProbe
    """Which probe, with its fields."""


class ModelEntry(Part):
    """A network, the pool it learns from and the tasks it is judged on."""

    name: str = Field(min_length=1)
    """What tables and figures call it."""
    model: AnyModel
    """Which network, with its fields."""
    training: TrainingSpec
    """How it is pretrained; a field left out is as the network's authors publish it."""
    pool: AnyPool
    """Where its pretraining samples come from."""
    tasks: tuple[Annotated[TaskEntry, _named("task")], ...] = Field(min_length=1)
    """What its checkpoints are judged on."""

    @model_validator(mode="before")
    @classmethod
    def _fill_in_the_official_recipe(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        model, training = data.get("model"), data.get("training", {})
        name = model.get("name") if isinstance(model, dict) else getattr(model, "name", None)
        official = _official(name)
        if official is None or not isinstance(training, dict):
            return data
        return {**data, "training": {**official.model_dump(), **training}}


class Exclusion(Part):
    """Cells that are left out on purpose: those that agree with every axis named here."""

    reason: str = Field(min_length=1)
    """Why; shown in status and report."""
    composition: str | None = None
    model: str | None = None
    task: str | None = None
    continent: Region | None = None
    n: int | None = None
    protocol: str | None = None
    seed: int | None = None
    replicate: int | None = None


def _count_up(value: object) -> object:
    """Let `seeds: 50` stand for the seeds 0 to 49."""
    counts = isinstance(value, int) and not isinstance(value, bool)
    return tuple(range(value)) if counts else value  # type: ignore[call-overload]


Seeds: TypeAlias = Annotated[
    tuple[Annotated[int, Field(ge=0)], ...], BeforeValidator(_count_up), Field(min_length=1)
]


class Sweep(Part):
    """A question: which compositions, judged how."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)
    """The sweep's name: lower-case letters, digits, `-` and `_`."""
    question: str = Field(min_length=1)
    """What one wants to know."""
    hypothesis: str = Field(min_length=1)
    """What one expects, said before the run."""
    compositions: tuple[CompositionEntry, ...] = Field(min_length=1)
    """The pretraining sets that are compared; a bare name is looked up in the catalogue."""
    size: int | None = Field(default=None, gt=0)
    """Samples in every composition that does not say its own size."""
    baseline: str
    """The composition that all others are compared with."""
    models: tuple[ModelEntry, ...] = Field(min_length=1)
    """What is pretrained on each composition, and judged."""
    continents: tuple[Region, ...] = Field(min_length=1)
    """Where checkpoints are finetuned and judged; `global` is one more value."""
    n: tuple[Annotated[int, Field(gt=0)], ...] = Field(min_length=1)
    """Training samples per finetune."""
    protocols: tuple[Annotated[ProtocolEntry, _named("protocol")], ...] = Field(min_length=1)
    """What is trained on a frozen checkpoint."""
    seeds: Seeds
    """Finetune seeds: a count, or a list."""
    replicates: int = Field(default=1, gt=0)
    """How many times each composition is drawn, and each network initialised, anew."""
    guard_rings: int | None = Field(default=None, ge=0)
    """Keep pretraining this many H3 rings away from every test sample; left out: no guard."""
    exclude: tuple[Exclusion, ...] = ()
    """Cells that are left out on purpose, each with its reason."""

    @model_validator(mode="after")
    def _hangs_together(self) -> "Sweep":
        for axis, values in _axes(self).items():
            twice = [value for value, times in Counter(values).items() if times > 1]
            if twice:
                raise ValueError(f"{axis}: {twice[0]!r} is named twice; give each its own name")
        if self.baseline not in _axes(self)["compositions"]:
            names = ", ".join(_axes(self)["compositions"])
            raise ValueError(f"baseline {self.baseline!r} is not a composition; there are {names}")
        _check_sizes(self)
        _check_exclusions(self)
        return self


def _official(name: object) -> TrainingSpec | None:
    if name not in ZOO.names:
        return None  # the union below says so, with the known names
    return cast("type[ModelSpec]", ZOO.spec(str(name))).official


def _axes(sweep: Sweep) -> dict[str, list[str]]:
    """Every axis and what its values are called."""
    return {
        "compositions": [entry.name for entry in sweep.compositions],
        "models": [entry.name for entry in sweep.models],
        "tasks": [f"{m.name}/{task.name}" for m in sweep.models for task in m.tasks],
        "protocols": [entry.name for entry in sweep.protocols],
        "continents": [continent.value for continent in sweep.continents],
        "n": [str(n) for n in sweep.n],
        "seeds": [str(seed) for seed in sweep.seeds],
    }


def _check_sizes(sweep: Sweep) -> None:
    for entry in sweep.compositions:
        _ = entry.spec  # says so where rule and size disagree
        for model in sweep.models:
            room = model.pool.capacity
            if room is not None and entry.size > room:
                raise ValueError(
                    f"composition {entry.name!r} asks for {entry.size:,} samples; "
                    f"the pool of {model.name!r} holds {room:,}; lower size or enlarge the pool"
                )


def _check_exclusions(sweep: Sweep) -> None:
    axes = _axes(sweep)
    axes["tasks"] = [task.name for model in sweep.models for task in model.tasks]
    axes["replicates"] = [str(replicate) for replicate in range(sweep.replicates)]
    plural = {"n": "n"}
    for rule in sweep.exclude:
        said = rule.model_dump(mode="json", exclude={"reason"}, exclude_none=True)
        for axis, value in said.items():
            known = axes[plural.get(axis, f"{axis}s")]
            if str(value) not in known:
                raise ValueError(
                    f"exclude names {axis} {value!r}, which the sweep does not have; "
                    f"there are {', '.join(known)}"
                )
