"""From a question to its steps: the full product within each model entry; pure and light."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Step, closure
from terrasweep.pipelines import checkpoint_card
from terrasweep.pipelines.spec import (
    FINETUNE,
    EncodeSpec,
    FinetuneSpec,
    InitSpec,
    PretrainSpec,
    SampleSpec,
    ShardSpec,
    TaskDataSpec,
    TowerSpec,
)
from terrasweep.samplers.spec.tasks import Region, TestOn
from terrasweep.sweeps.spec.axes import Exclusion
from terrasweep.sweeps.spec.compositions import Arm, CheckpointEntry
from terrasweep.sweeps.spec.sweep import ModelEntry, PoolFile, Sweep, TaskEntry


@dataclass(frozen=True)
class Cell:
    """One cell of the grid: its step, and what people call its place on each axis."""

    step: Step[FinetuneSpec]
    composition: str
    model: str
    task: str
    continent: str
    tested: str
    """Where it is judged: `same`, `others`, `all`, or a continent."""
    n: int
    """Training samples; 0 for all."""
    protocol: str
    seed: int
    replicate: int
    metric: str
    excluded: str | None
    """Why this cell is left out on purpose; ``None`` for a cell that is wanted."""

    @property
    def features(self) -> Step[Spec]:
        """The features this cell is trained on; cells that share them make one bundle."""
        return self.step.need("encode")

    @property
    def checkpoint(self) -> Step[Spec]:
        """The checkpoint this cell judges: pretrained, as initialised, or from outside."""
        return self.features.needs[0]


@dataclass(frozen=True)
class Plan:
    """All cells of a sweep, in an order that does not depend on how the axes were written."""

    sweep: Sweep
    cells: tuple[Cell, ...]

    @cached_property
    def included(self) -> tuple[Cell, ...]:
        """The cells that are not excluded."""
        return tuple(cell for cell in self.cells if cell.excluded is None)

    @cached_property
    def steps(self) -> tuple[Step[Spec], ...]:
        """Everything the wanted cells need, each once, needs first; the cells are not among it."""
        return tuple(closure({cell.features.key: cell.features for cell in self.included}.values()))


def plan(sweep: Sweep) -> Plan:
    """Return every cell of the grid; what they need hangs under them."""
    cells = [cell for entry in sweep.models for cell in _entry_cells(sweep, entry)]
    return Plan(sweep, tuple(sorted(cells, key=_sort_key)))


def shard(entry: PoolFile | ModelEntry, *, label: str) -> Step[Spec]:
    """Return the step that takes in a pool and files its samples under the maps that go with it."""
    spec = ShardSpec(pool=entry.pool, geography=entry.geography, entropy=entry.entropy)
    return Step("shard", spec, label=label)


def _sort_key(cell: Cell) -> tuple[str, str, str, str, str, int, str, int, int]:
    return (
        cell.model,
        cell.task,
        cell.composition,
        cell.continent,
        cell.tested,
        cell.n,
        cell.protocol,
        cell.replicate,
        cell.seed,
    )


def _entry_cells(sweep: Sweep, entry: ModelEntry) -> Iterator[Cell]:
    shards = shard(entry, label=entry.name)
    tasks: dict[str, Step[Spec]] = {
        task.name: Step("task", TaskDataSpec(task=task.task), label=task.name)
        for task in entry.tasks
    }
    by_key = tuple(sorted(tasks.values(), key=lambda step: step.key.digest))
    guarded = by_key if sweep.guard_rings is not None else ()
    for composition, replicate in product(sweep.compositions, range(sweep.replicates)):
        checkpoint = _checkpoint(sweep, entry, composition, replicate, (shards, *guarded))
        for task in entry.tasks:
            label = f"{checkpoint.label}--{task.name}"
            features = Step("encode", EncodeSpec(), (checkpoint, tasks[task.name]), label)
            yield from _feature_cells(sweep, entry, composition, replicate, task, features)


def _checkpoint(
    sweep: Sweep,
    entry: ModelEntry,
    composition: Arm,
    replicate: int,
    drawn_from: tuple[Step[Spec], ...],
) -> Step[Spec]:
    if isinstance(composition, CheckpointEntry):
        return checkpoint_card.step(composition.card, label=f"{entry.name}--{composition.name}")
    label = f"{entry.name}--{composition.name}--r{replicate}"
    init = Step("init", InitSpec(model=entry.model, replicate=replicate), label=label)
    if composition.spec.is_zero:
        return init
    spec = SampleSpec(
        composition=composition.spec, replicate=replicate, guard_rings=sweep.guard_rings
    )
    sample = Step("sample", spec, drawn_from, f"{composition.name}--r{replicate}")
    needs = [init, sample]
    if entry.model.has_frozen_tower:  # whatever the composition: all of them share it
        tower_label = f"{entry.name}--tower--r{replicate}"
        needs.append(Step("tower", TowerSpec(), (init, drawn_from[0]), tower_label))
    return Step("pretrain", PretrainSpec(training=entry.training), tuple(needs), label)


def _feature_cells(
    sweep: Sweep,
    entry: ModelEntry,
    composition: Arm,
    replicate: int,
    task: TaskEntry,
    features: Step[Spec],
) -> Iterator[Cell]:
    axes = product(sweep.continents, sweep.judged_on, sweep.n, sweep.protocols, sweep.seeds)
    for continent, tested, n, protocol, seed in axes:
        spec = FinetuneSpec(
            continent=continent,
            n=n,
            protocol=protocol.protocol.for_network(entry.model),
            seed=seed,
            draw=sweep.draw,
            test_on=_test_on(tested, trained_on=continent),
        )
        cell = Cell(
            step=Step(FINETUNE, spec, (features,), _label(spec, protocol.name, features.label)),
            composition=composition.name,
            model=entry.name,
            task=task.name,
            continent=continent.value,
            tested=tested,
            n=n,
            protocol=protocol.name,
            seed=seed,
            replicate=replicate,
            metric=task.task.metric,
            excluded=None,
        )
        absent = _why_not_there(composition, entry, replicate)
        reason = absent or _why_excluded(cell, sweep.exclude)
        yield cell if reason is None else replace(cell, excluded=reason)


def _test_on(tested: str, *, trained_on: Region) -> TestOn:
    """Return where a cell is judged; on its own continent it is the cell of the plain grid."""
    match tested:
        case "same" | "others" | "all":
            return tested
        case _ if tested == trained_on.value:
            return "same"
        case _:
            return Region(tested)


def _label(spec: FinetuneSpec, protocol: str, features: str) -> str:
    where = str(spec.continent) if spec.test_on == "same" else f"{spec.continent}-{spec.test_on}"
    return f"{features}--{where}--n{spec.n or 'all'}--{protocol}--s{spec.seed}"


def _why_not_there(composition: Arm, entry: ModelEntry, replicate: int) -> str | None:
    """Say why a checkpoint from outside has no cell here: it is one network, of one kind."""
    if not isinstance(composition, CheckpointEntry):
        return None
    own = composition.card.model.name
    if own != entry.model.name:
        return f"a checkpoint of {own}"
    return "one network from outside, judged once" if replicate else None


def _why_excluded(cell: Cell, rules: tuple[Exclusion, ...]) -> str | None:
    for rule in rules:
        if all(getattr(cell, axis) == value for axis, value in rule.axes.items()):
            return rule.reason
    return None
