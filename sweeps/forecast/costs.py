"""What the rest of a plan will cost, from the records of what was made before.

A stage that was never made here has no record, and then nothing is guessed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from terrasweep.infra.spec import Json, Spec
from terrasweep.infra.step import Step
from terrasweep.sweeps.inspect.lineage import Lineage, Lineages, of_step

MOST_RECORDS = 40
"""Records of a stage that are looked at; more would not sharpen a median."""


@dataclass(frozen=True)
class Cost:
    """Seconds of work, one step after another, and bytes in the store."""

    seconds: float
    bytes: int


@dataclass(frozen=True)
class _PastCost:
    """What one unit of a step cost when it was made."""

    kind: str
    seconds: float
    bytes: float


def cost_of(steps: Iterable[Step[Spec]], *, lineages: Lineages) -> Cost | None:
    """Return what steps of one stage will cost together; None if there is no record to go by."""
    costs = costs_of(list(steps), lineages=lineages)
    known = [cost for cost in costs if cost is not None]
    if len(known) < len(costs):
        return None
    return Cost(sum(cost.seconds for cost in known), sum(cost.bytes for cost in known))


def costs_of(steps: Sequence[Step[Spec]], *, lineages: Lineages) -> list[Cost | None]:
    """Return what each step of one stage will cost; None where there is no record to go by."""
    if not steps:
        return []
    past_costs = _past_costs(steps[0].stage, lineages)
    return [_cost(of_step(step), past_costs) for step in steps]


def cost_of_cells(protocols: Sequence[str], *, rows: Sequence[Mapping[str, object]]) -> Cost | None:
    """Return what finetune cells, named by their protocol's member, will cost together."""
    took: dict[str, list[float]] = {}
    for row in rows:
        took.setdefault(str(row["protocol"]), []).append(float(str(row["seconds"])))
    if not set(protocols) <= took.keys():
        return None
    each = {name: median(seconds) for name, seconds in took.items()}
    return Cost(sum(each[name] for name in protocols), 0)


def _cost(one: Lineage, past_costs: Sequence[_PastCost]) -> Cost | None:
    same = [past for past in past_costs if past.kind == _kind(one)]
    if not same:
        return None
    size = _units(one)
    seconds = median(past.seconds for past in same) * size
    return Cost(seconds, round(median(past.bytes for past in same) * size))


def _past_costs(stage: str, lineages: Lineages) -> list[_PastCost]:
    past_costs = []
    for key in lineages.keys(stage)[:MOST_RECORDS]:
        record, lineage = lineages.record(key), lineages.of(key)
        if record is None or any(not need.fields for need in lineage.needs if _decides_kind(need)):
            continue
        size = _units(lineage)
        num_bytes = sum(artefact.bytes for artefact in record.artefacts.values())
        seconds = record.provenance.seconds / size
        past_costs.append(_PastCost(_kind(lineage), seconds, num_bytes / size))
    return past_costs


def _decides_kind(need: Lineage) -> bool:
    return need.stage in ("sample", "init", "checkpoint", "task")


def _kind(one: Lineage) -> str:
    """Return what a step must share with another for their costs to be compared."""
    match one.stage:
        case "shard":
            return str(_field(one, "pool", "name"))
        case "sample":
            shard = one.need("shard")
            return str(_field(shard, "pool", "name") if shard else "")
        case "task":
            return str(_field(one, "task", "name"))
        case _:
            return str(_model(one))


def _model(one: Lineage) -> Json:
    if one.stage in ("init", "checkpoint"):
        return one.fields.get("model")
    inner = one.need("init") or one.need("pretrain") or one.need("checkpoint")
    return _model(inner) if inner else None


def _units(one: Lineage) -> float:
    """Return how much a step has to do, in a unit that its cost grows with."""
    match one.stage:
        case "shard":
            return _number(_field(one, "pool", "size"))
        case "sample":
            shard = one.need("shard")
            return _units(shard) if shard else 1.0
        case "pretrain":
            sample = one.need("sample")
            size = _number(_field(sample, "composition", "size")) if sample else 1.0
            return size * _number(_field(one, "training", "epochs"))
        case "tower":
            shard = one.need("shard")
            return _units(shard) if shard else 1.0
        case "task":
            return _number(_field(one, "task", "per_continent"))
        case "encode":
            task = one.need("task")
            return _units(task) if task else 1.0
        case _:
            return 1.0


def _field(one: Lineage, *names: str) -> Json:
    value: Json = one.fields
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _number(value: Json) -> float:
    return float(value) if isinstance(value, int | float) and value else 1.0
