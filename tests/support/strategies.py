"""Any spec, step or sweep that the house can say; a new member of a family is in here at once."""

from collections.abc import Sequence
from contextlib import suppress
from types import UnionType
from typing import Annotated, Literal, Union, get_args, get_origin

from hypothesis import assume
from hypothesis import strategies as st
from pydantic import ValidationError

from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Step
from terrasweep.models.members import METRICS, PROBES, ZOO
from terrasweep.models.spec import ModelSpec, Target
from terrasweep.pipelines import spec as stages
from terrasweep.pipelines.spec import (
    CheckpointSpec,
)
from terrasweep.samplers.geography.spec import GeographySpec, LandCoverMap
from terrasweep.samplers.members import POOLS, TASKS
from terrasweep.samplers.spec.composition import CompositionSpec
from terrasweep.samplers.spec.rules import Zero
from terrasweep.samplers.spec.tasks import Region, TaskSpec
from terrasweep.sweeps.spec.compositions import CompositionEntry
from terrasweep.sweeps.spec.sweep import ModelEntry, ProtocolEntry, Sweep, TaskEntry
from tests.support import rules

STAGES: dict[str, type[Spec]] = {stage.name: stage.spec for stage in stages.STAGES}
MEMBERS = [spec for family in (POOLS, TASKS, ZOO, PROBES) for spec in family.specs()]


def _values(kind: type[Spec]) -> st.SearchStrategy[Spec]:
    if kind is CompositionSpec:
        return _compositions
    if kind is GeographySpec:
        return _geographies
    if kind is CheckpointSpec:
        return st.builds(CheckpointSpec, model=specs(*ZOO.specs()), weights=_checksums)
    return rules.FIELDS[kind] if kind in rules.FIELDS else _fields(kind)


@st.composite
def _fields(draw: st.DrawFn, kind: type[Spec]) -> Spec:
    fields = kind.model_fields
    asked = [name for name, field in fields.items() if field.is_required() or draw(st.booleans())]
    said = {name: draw(_kind(fields[name].annotation, fields[name].metadata)) for name in asked}
    with suppress(ValidationError):
        return kind(**said)
    try:  # fields that do not go together; the required ones alone mostly do
        return kind(**{name: said[name] for name in said if fields[name].is_required()})
    except ValidationError:
        assume(False)
        raise


def specs(*kinds: type[Spec]) -> st.SearchStrategy[Spec]:
    """Any value of one of the kinds of spec; of any kind there is, if none is named."""
    return st.one_of([_values(kind) for kind in kinds or (*STAGES.values(), *MEMBERS)])


@st.composite
def steps(draw: st.DrawFn, *, depth: int = 3) -> Step[Spec]:
    """A step over any steps; what a stage needs in truth does not matter to its key."""
    stage = draw(st.sampled_from(sorted(STAGES)))
    below = st.lists(steps(depth=depth - 1), max_size=2) if depth else st.just([])
    return Step(stage, draw(specs(STAGES[stage])), tuple(draw(below)), label=draw(st.text()))


@st.composite
def sweeps(draw: st.DrawFn) -> Sweep:
    """A small sweep over any axes."""
    compositions = draw(_some(_entries(), by="name"))
    return Sweep(
        name="any",
        question="?",
        hypothesis="!",
        compositions=compositions,
        baseline=compositions[0].name,
        size=None,
        models=draw(_some(_models(), by="name", most=2)),
        continents=draw(_some(st.sampled_from(Region))),
        n=draw(_some(st.integers(1, 1000))),
        protocols=draw(_some(_protocols(), by="name", most=2)),
        seeds=draw(_some(st.integers(0, 1000))),
        replicates=draw(st.integers(1, 2)),
        guard_rings=draw(st.none() | st.integers(0, 2)),
    )


def _some(
    items: st.SearchStrategy[object], *, by: str = "", most: int = 3
) -> st.SearchStrategy[tuple[object, ...]]:
    """One to a few items, no two alike."""
    unlike = (lambda item: getattr(item, by)) if by else (lambda item: item)
    return st.lists(items, min_size=1, max_size=most, unique_by=unlike).map(tuple)


_names = st.text("abcdefgh", min_size=1, max_size=4)
_contents = st.sampled_from(["0123456789abcdef", "f" * 16])
_checksums = st.sampled_from(["0123456789abcdef" * 4, "f" * 64])
_legends = st.sampled_from(["worldcover", "dynamic_world"]) | st.dictionaries(
    st.integers(0, 255), _names, min_size=1, max_size=3
)
_geographies = st.builds(
    GeographySpec,
    ecoregions=st.none() | _contents,
    land_cover=st.none() | st.builds(LandCoverMap, content=_contents, legend=_legends),
    russia=st.sampled_from([None, "europe", "split_60e", "asia"]),
)


_compositions = st.builds(CompositionSpec, rule=specs(Zero)) | st.builds(
    CompositionSpec, rule=rules.rules, size=st.integers(1, 1000)
)


def _entries() -> st.SearchStrategy[CompositionEntry]:
    return st.builds(
        lambda name, said: CompositionEntry(name=name, rule=said.rule, size=said.size),
        name=_names,
        said=_compositions,
    )


@st.composite
def _models(draw: st.DrawFn) -> ModelEntry:
    model = draw(specs(*ZOO.specs()))
    asked = specs(*TASKS.specs()).filter(lambda task: _suits(task, model))
    tasks = st.builds(TaskEntry, name=_names, task=asked)
    pool = draw(specs(*POOLS.specs()))
    assume(pool.capacity is None or pool.capacity >= 1000)
    assume(pool.num_months is None or pool.num_months <= model.most_months)
    return ModelEntry(
        name=draw(_names),
        model=model,
        training={},
        pool=pool,
        geography=draw(_geographies),
        tasks=draw(_some(tasks, by="name", most=2)),
    )


def _protocols() -> st.SearchStrategy[ProtocolEntry]:
    every = set(get_args(Target)) - {"map"}
    able = [spec for spec in PROBES.specs() if set(spec.judges) >= every]
    return st.builds(ProtocolEntry, name=_names, protocol=specs(*able))


def _suits(task: TaskSpec, model: ModelSpec) -> bool:
    """Say whether a network can be judged on a task by any protocol; maps have one of their own."""
    if task.target == "map":
        return False
    known = task.metric in METRICS.names and METRICS[task.metric].HIGHER_IS_BETTER
    scored = known and task.target in METRICS[task.metric].JUDGES
    return scored and set(model.encodes) <= set(task.gives)


def _kind(kind: object, bounds: Sequence[object] = ()) -> st.SearchStrategy[object]:
    """Any value of a type, within bounds as pydantic writes them."""
    origin, inner = get_origin(kind), get_args(kind)
    if isinstance(kind, type) and issubclass(kind, Spec):
        return _values(kind)
    if origin is Annotated:
        return _kind(inner[0], (*inner[1:], *bounds))
    if origin in (Union, UnionType):
        return st.one_of([_kind(each, bounds) for each in inner])
    if origin is tuple and inner[-1] is Ellipsis:
        fewest = int(_bound(bounds, "min_length", 0))
        return st.lists(_kind(inner[0]), min_size=fewest, max_size=3, unique=True).map(tuple)
    if origin is tuple:
        return st.tuples(*[_kind(each) for each in inner])
    if origin is Literal or kind is type(None):
        return st.sampled_from(inner or (None,))
    return _plain(kind, bounds)


def _plain(kind: object, bounds: Sequence[object]) -> st.SearchStrategy[object]:
    """Numbers near their lower bound, where most fields live; words that mean something."""
    low = _bound(bounds, "ge", _bound(bounds, "gt", 0))
    high = _bound(bounds, "le", _bound(bounds, "lt", 1e12))
    above = _bound(bounds, "gt", -1) >= 0
    if kind is int:
        least = int(low) + above
        return st.integers(least, min(least + 10, int(high))) | st.integers(least, int(high))
    if kind is float:
        below = _bound(bounds, "lt", -1) >= 0
        return st.floats(low, high, exclude_min=above, exclude_max=below)
    assert isinstance(kind, type)
    words = st.sampled_from(["africa", "asia", "europe"])
    return words if kind is str else st.from_type(kind)


def _bound(bounds: Sequence[object], name: str, otherwise: float) -> float:
    found = [getattr(each, name) for each in bounds if getattr(each, name, None) is not None]
    return found[0] if found else otherwise
