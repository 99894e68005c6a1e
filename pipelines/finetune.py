"""The finetune cells: from features to rows of the ledger, many cells as one program.

A row follows from its cell's key alone: the draw from task, region and seed, the probe from its
own problem. Which cells are trained together changes how long it takes, and nothing else.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from infra.context import Context
from infra.errors import BadDataError, SpecError
from infra.ledger import Row, fields_of
from infra.provenance import commit
from infra.seeds import seed
from infra.spec import Spec
from infra.step import Key, Step
from models.contract import Metric, Prediction, Probe, Problem
from models.members import METRICS, PROBES
from models.spec import ProbeSpec
from models.threads import one_blas_thread
from pipelines.encode import check_finite, read
from pipelines.spec import FinetuneSpec, TaskDataSpec
from pipelines.taskdata import TABLE, Task
from samplers.members import TASKS
from samplers.split import Labelled, Split, labelled, split
from samplers.table import to_arrays

COLUMNS: Final = ["id", "continent", "label"]
MEMORY: Final = 2**28  # bytes for the test sets of cells that are judged together, each a copy
MOST_TOGETHER: Final = 64


@dataclass(frozen=True)
class _Bench:
    """What all cells of one bundle share."""

    task: Key
    samples: Labelled
    features: np.ndarray
    classes: tuple[str, ...]
    metric: str
    """The primary metric."""
    metrics: Mapping[str, Metric]
    """Every metric that applies."""


@dataclass(frozen=True)
class _Outcome:
    """A cell that was judged, or excluded."""

    cell: Step[FinetuneSpec]
    split: Split
    prediction: Prediction | None
    seconds: float


def finetune(cells: Sequence[Step[FinetuneSpec]], context: Context) -> list[Row]:
    """Return the rows of cells that share their features, which are read from the store."""
    encode = _shared(cells)
    table = context.store.folder(encode.need("task").key) / TABLE
    task = pq.read_table(table, columns=COLUMNS)
    return rows(cells, context=context, features=read(encode, context=context), task=task)


def rows(
    cells: Sequence[Step[FinetuneSpec]], *, context: Context, features: np.ndarray, task: pa.Table
) -> list[Row]:
    """Return one row per cell, in order; `features` has one vector per row of `task`.

    Raises:
        BadDataError: If the features are no numbers, or not those of the task.
        SpecError: If the task cannot be judged by its metric.
    """
    if not cells:
        return []
    bench = _bench(_shared(cells), features=features, task=task)
    made: dict[Key, Row] = {}
    for part in _parts(cells, size=MEMORY // max(features.nbytes, 1)):
        made |= {outcome.cell.key: _row(outcome, bench) for outcome in _judge(part, bench)}
        context.progress(len(made), len(cells))
    return [made[cell.key] for cell in cells]


def _shared(cells: Sequence[Step[FinetuneSpec]]) -> Step[Spec]:
    """Return the one encode step that all cells need."""
    (encode,) = {cell.need("encode").key: cell.need("encode") for cell in cells}.values()
    return encode


def _bench(encode: Step[Spec], *, features: np.ndarray, task: pa.Table) -> _Bench:
    columns = to_arrays(task.select(COLUMNS))
    if len(features) != len(columns["id"]):
        raise BadDataError(
            f"wanted a feature vector per sample from {encode.key}",
            found=f"{len(features)} vectors for {len(columns['id'])} samples",
            do="remove the features from the store; they are made again",
        )
    check_finite(features, ids=columns["id"], step=str(encode.key))
    step = encode.need("task")
    spec = cast("TaskDataSpec", step.spec).task
    classes = cast("Task", TASKS[spec.name]).CLASSES
    if classes is None:
        raise SpecError(
            f"wanted classes to tell apart in task {spec.name}",
            found="a regression",
            do="judge it by a protocol for regression",
        )
    samples = labelled(ids=columns["id"], continents=columns["continent"], labels=columns["label"])
    metrics = _metrics(spec.metric, num_classes=len(classes))
    return _Bench(step.key, samples, features, classes, spec.metric, metrics)


def _metrics(primary: str, *, num_classes: int) -> dict[str, Metric]:
    every = {name: cast("Metric", METRICS[name]) for name in METRICS.names}
    apply = {name: metric for name, metric in every.items() if metric.applies(num_classes)}
    if primary not in apply:
        raise SpecError(
            f"wanted a metric for {num_classes} classes",
            found=repr(primary),
            do=f"there are {', '.join(apply)}",
        )
    return apply


def _parts(cells: Sequence[Step[FinetuneSpec]], *, size: int) -> Iterator[list[Step[FinetuneSpec]]]:
    """Yield up to `size` cells of one protocol that train on equally many samples."""
    size = min(max(size, 1), MOST_TOGETHER)
    alike: dict[tuple[ProbeSpec, int], dict[Key, Step[FinetuneSpec]]] = {}
    for cell in cells:
        alike.setdefault((cell.spec.protocol, cell.spec.n), {})[cell.key] = cell
    for group in alike.values():
        members = list(group.values())
        yield from (members[at : at + size] for at in range(0, len(members), size))


def _judge(cells: Sequence[Step[FinetuneSpec]], bench: _Bench) -> list[_Outcome]:
    """Draw, train and predict the cells of one protocol."""
    started = time.perf_counter()
    splits = [_split(cell, bench) for cell in cells]
    asked = [i for i, one in enumerate(splits) if one.excluded is None]
    protocol = cells[0].spec.protocol
    problems = [_problem(cells[i].spec, splits[i], bench) for i in asked]
    probe = cast("Probe", PROBES[protocol.name])
    with one_blas_thread():
        answers = probe.fit_predict(problems, spec=protocol)
    predictions = dict(zip(asked, answers, strict=True))
    each = (time.perf_counter() - started) / len(cells)
    return [
        _Outcome(cell, one, predictions.get(i), each)
        for i, (cell, one) in enumerate(zip(cells, splits, strict=True))
    ]


def _split(cell: Step[FinetuneSpec], bench: _Bench) -> Split:
    spec = cell.spec
    return split(
        bench.samples,
        task=str(bench.task),
        region=spec.continent,
        n=spec.n,
        seed=spec.seed,
        classes=bench.classes,
    )


def _problem(spec: FinetuneSpec, drawn: Split, bench: _Bench) -> Problem:
    labels = bench.samples.labels
    return Problem(
        train_x=bench.features[drawn.train],
        train_y=labels[drawn.train],
        test_x=bench.features[drawn.test],
        num_classes=len(bench.classes),
        # The same for every composition: what the probe draws is not what is compared.
        seed=seed("probe", str(bench.task), spec.continent, spec.n, spec.seed),
    )


def _row(outcome: _Outcome, bench: _Bench) -> Row:
    cell, drawn = outcome.cell, outcome.split
    scores = _scores(outcome, bench)
    return Row(
        key=str(cell.key),
        continent=cell.spec.continent.value,
        n=cell.spec.n,
        protocol=cell.spec.protocol.name,
        seed=cell.spec.seed,
        metric=bench.metric,
        value=scores.get(bench.metric),
        n_train=len(drawn.train),
        n_test=len(drawn.test),
        classes=len(np.unique(bench.samples.labels[drawn.train])),
        features=str(cell.need("encode").key),
        seconds=outcome.seconds,
        finished=datetime.now(UTC),
        commit=commit(),
        metrics=scores,
        notes=_notes(outcome, bench),
        excluded=drawn.excluded,
        fields=fields_of(cell.spec),
    )


def _scores(outcome: _Outcome, bench: _Bench) -> dict[str, float]:
    if outcome.prediction is None:
        return {}
    truth = bench.samples.labels[outcome.split.test]
    return {name: metric.score(truth, outcome.prediction) for name, metric in bench.metrics.items()}


def _notes(outcome: _Outcome, bench: _Bench) -> tuple[str, ...]:
    """Return what the probe noted, and which classes it was asked for but never shown."""
    labels = bench.samples.labels
    never = np.setdiff1d(labels[outcome.split.test], labels[outcome.split.train])
    missing = ", ".join(bench.classes[label] for label in never)
    seen = (f"not in the draw: {missing}",) if missing and outcome.prediction else ()
    return (*seen, *(outcome.prediction.notes if outcome.prediction else ()))
