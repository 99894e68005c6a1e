"""A sweep is a named question: the axes of a grid, as a frozen value. It has a name, not a key."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Annotated, Any, Literal, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from terrasweep.infra.errors import InvalidValueError
from terrasweep.models.members import ZOO, AnyModel, AnyProbe
from terrasweep.models.spec import ModelSpec, TrainingSpec
from terrasweep.samplers.geography.spec import GeographySpec
from terrasweep.samplers.members import AnyPool, AnyTask
from terrasweep.samplers.spec.entropy import EntropySpec
from terrasweep.samplers.spec.tasks import DrawSpec, Region
from terrasweep.sweeps.spec.axes import Exclusion, Limits, Part, Samples, Seeds
from terrasweep.sweeps.spec.checks import (
    check_cells,
    check_drawn,
    check_known,
    check_learned,
    check_mapped,
    check_once,
    check_read,
    check_room,
    check_scored,
    check_trained,
    misfit,
)
from terrasweep.sweeps.spec.compositions import Arm, CompositionEntry, check_checkpoints
from terrasweep.sweeps.spec.sizes import expanded, with_size


def _bare_name_of(inner: str, entry: type[BaseModel]) -> BeforeValidator:
    """Let a bare member name stand for an entry of that name with default fields."""

    def expand(value: object) -> object:
        return {"name": value, inner: {"name": value}} if isinstance(value, str) else value

    return BeforeValidator(expand, json_schema_input_type=entry | str)


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
    training: TrainingSpec = TrainingSpec()
    """How it is pretrained; a field left out is as the network's authors publish it."""
    pool: AnyPool
    """Where its pretraining samples come from."""
    geography: GeographySpec = GeographySpec()
    """Maps of one's own that say in which biome and so on a sample lies; see docs/geography.md."""
    entropy: EntropySpec = EntropySpec()
    """How the spectral entropy of its samples is measured; see docs/pools.md."""
    tasks: tuple[Annotated[TaskEntry, _bare_name_of("task", TaskEntry)], ...] = Field(min_length=1)
    """What its checkpoints are judged on."""

    @model_validator(mode="before")
    @classmethod
    def _fill_in_the_official_recipe(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        model, training = data.get("model"), data.get("training", {})
        name = model.get("name") if isinstance(model, dict) else getattr(model, "name", None)
        official = _official_training(name)
        if official is None or not isinstance(training, dict):
            return data
        return {**data, "training": {**official.model_dump(), **training}}


class Sweep(Part):
    """A question: which compositions, judged how."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)
    """The sweep's name: lower-case letters, digits, `-` and `_`."""
    question: str = Field(min_length=1)
    """What one wants to know."""
    hypothesis: str = Field(min_length=1)
    """What one expects, said before the run."""
    compositions: tuple[Arm, ...] = Field(min_length=1)
    """What is compared: pretraining sets, and checkpoints from outside; a bare name is looked up in
    the catalogue."""
    size: int | None = Field(default=None, gt=0)
    """Samples in every composition that does not say its own size."""
    baseline: str
    """The composition, or checkpoint, that all others are compared with."""
    models: tuple[ModelEntry, ...] = Field(min_length=1)
    """What is pretrained on each composition, and judged."""
    continents: tuple[Region, ...] = Field(min_length=1)
    """Where checkpoints are finetuned and judged; `global` is one more value."""
    test_on: Literal["same", "others", "all", "each"] = "same"
    """Where checkpoints are judged: on the continent they were finetuned on, on the others, on all,
    or on each in turn, which makes the transfer matrix."""
    draw: DrawSpec = DrawSpec()
    """Which of a task's samples are trained on and which are judged by."""
    n: tuple[Samples, ...] = Field(min_length=1)
    """Training samples per finetune: numbers, or `all`."""
    protocols: tuple[Annotated[ProtocolEntry, _bare_name_of("protocol", ProtocolEntry)], ...] = (
        Field(min_length=1)
    )
    """What is trained on a frozen checkpoint."""
    seeds: Seeds
    """Finetune seeds: a count, or a list."""
    replicates: int = Field(default=1, gt=0, le=1000)
    """How many times each composition is drawn, and each network initialised, anew."""
    guard_rings: int | None = Field(default=None, ge=0)
    """Keep pretraining this many H3 rings away from every test sample; left out: no guard."""
    exclude: tuple[Exclusion, ...] = ()
    """Cells that are left out on purpose, each with its reason."""
    limits: Limits = Limits()
    """From where on a result is marked as doubtful."""

    @model_validator(mode="before")
    @classmethod
    def _fill_in_the_size(cls, data: object) -> object:
        entries = data.get("compositions") if isinstance(data, dict) else None
        if not isinstance(entries, list | tuple):
            return data
        filled = [with_size(entry, data.get("size")) for entry in expanded(entries)]  # type: ignore[attr-defined]
        return {**data, "compositions": filled}  # type: ignore[dict-item]

    @model_validator(mode="after")
    def _check_consistency(self) -> "Sweep":
        axes = _axis_values(self)
        _check_once(self, axes)
        check_known("baseline", self.baseline, known=axes["composition"], what="a composition")
        _check_sizes(self)
        networks = {entry.model.name for entry in self.models}
        check_checkpoints(self.compositions, networks=networks, baseline=self.baseline)
        _check_exclusions(self, axes)
        _check_judged(self)
        check_cells(prod(len(values) for axis, values in axes.items() if axis != "model"))
        return self

    @property
    def drawn(self) -> tuple[CompositionEntry, ...]:
        """The values of the composition axis that are drawn from a pool."""
        return tuple(one for one in self.compositions if isinstance(one, CompositionEntry))

    @property
    def judged_on(self) -> tuple[str, ...]:
        """The values of the test axis: one word, or the continents that are judged in turn."""
        if self.test_on != "each":
            return (self.test_on,)
        own = [one.value for one in self.continents if one is not Region.GLOBAL]
        return tuple(own or [one.value for one in Region if one is not Region.GLOBAL])


def _official_training(name: object) -> TrainingSpec | None:
    if name not in ZOO.names:
        return None  # the union below says so, with the known names
    return cast("type[ModelSpec]", ZOO.spec(str(name))).official


def _axis_values(sweep: Sweep) -> dict[str, Sequence[str]]:
    """Return what the values of every axis are called; the tasks are those of all models."""
    return {
        "composition": [entry.name for entry in sweep.compositions],
        "model": [entry.name for entry in sweep.models],
        "task": [task.name for model in sweep.models for task in model.tasks],
        "continent": [continent.value for continent in sweep.continents],
        "tested": sweep.judged_on,
        "n": [str(n) for n in sweep.n],
        "protocol": [entry.name for entry in sweep.protocols],
        "seed": [str(seed) for seed in sweep.seeds],
        "replicate": [str(replicate) for replicate in range(sweep.replicates)],
    }


def _check_once(sweep: Sweep, axes: Mapping[str, Sequence[str]]) -> None:
    """Refuse a value that an axis has twice; two models may well have one task."""
    for axis, values in axes.items():
        field = axis if axis == "n" else f"{axis}s"
        if field in Sweep.model_fields and axis != "replicate":
            check_once(field, values)
    for place, model in enumerate(sweep.models):
        check_once(f"models.{place}.tasks", [task.name for task in model.tasks])


def _check_judged(sweep: Sweep) -> None:
    for place, model in enumerate(sweep.models):
        check_learned(f"models.{place}", model.model, model.pool)
        for at, entry in enumerate(model.tasks):
            where = f"models.{place}.tasks.{at}"
            check_read(where, model.model, entry.task)
            check_mapped(where, model.model, entry.task)
            check_scored(where, entry.task)
            check_trained(where, entry.task, protocols=[one.protocol for one in sweep.protocols])
            check_drawn(entry.task, sweep.draw)


def _check_sizes(sweep: Sweep) -> None:
    for place, entry in enumerate(sweep.compositions):
        if not isinstance(entry, CompositionEntry):
            continue
        at = f"compositions.{place}"
        try:
            _ = entry.spec
        except ValidationError as error:
            raise _size_misfit(at, entry, error) from None
        for model in sweep.models:
            names = (entry.name, model.name)
            check_room(f"{at}.size", size=entry.size, room=model.pool.capacity, names=names)


def _size_misfit(at: str, entry: CompositionEntry, error: ValidationError) -> PydanticCustomError:
    cause = error.errors()[0]["ctx"]["error"]
    assert isinstance(cause, InvalidValueError)  # the one check of a composition
    expected = f"a rule and a size that fit each other in {entry.name!r}"
    return misfit(at, expected, got=cause.got, fix=cause.fix)


def _check_exclusions(sweep: Sweep, axes: Mapping[str, Sequence[str]]) -> None:
    for place, rule in enumerate(sweep.exclude):
        at = f"exclude.{place}"
        if not rule.axes:
            fix = "name what is left out, such as `continent: oceania`"
            raise misfit(at, "an exclusion of at least one axis", got="only a reason", fix=fix)
        for axis, value in rule.axes.items():
            check_known(f"{at}.{axis}", str(value), known=axes[axis], what=f"a {axis}")


class PoolFile(Part):
    """A file that holds a pool, perhaps what goes with it, and nothing else."""

    pool: AnyPool
    """Where samples come from."""
    geography: GeographySpec = GeographySpec()
    """Maps of one's own that say in which biome and so on a sample lies; see docs/geography.md."""
    entropy: EntropySpec = EntropySpec()
    """How the spectral entropy of its samples is measured; see docs/pools.md."""


def json_schema() -> dict[str, Any]:
    """Return the schema of what a sweep file may say; every field has a description."""
    schema = Sweep.model_json_schema(mode="validation")
    for node in (schema, *schema.get("$defs", {}).values()):
        for name, field in node.get("properties", {}).items():
            if "const" in field and "description" not in field:
                field["description"] = f"Says that this is `{field['const']}`, by its {name}."
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
