"""The finetune cells: from features to rows of the ledger, many cells as one program.

A row follows from its cell's key alone: the draw from task, region and seed, the probe from its
own problem. Which cells are trained together changes how long it takes, and nothing else.
"""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from terrasweep.infra.context import Context
from terrasweep.infra.errors import BadDataError, SpecError
from terrasweep.infra.seeds import seed
from terrasweep.infra.spec import Spec, canonical, digest
from terrasweep.infra.step import Key, Step
from terrasweep.infra.storage.ledger import Row, fields_of
from terrasweep.infra.telemetry.provenance import commit
from terrasweep.models.checkpoints.encoding import origin
from terrasweep.models.limits import one_blas_thread, torch_threads
from terrasweep.models.members import METRICS, PROBES
from terrasweep.models.probing.problem import (
    NOTHING,
    FinetuneSource,
    Metric,
    Prediction,
    Problem,
    target,
)
from terrasweep.models.spec import ProbeSpec, Target
from terrasweep.pipelines.networks import model_of, network_of
from terrasweep.pipelines.spec import FinetuneSpec, TaskDataSpec
from terrasweep.pipelines.stages.encode import check_finite, read
from terrasweep.pipelines.stages.task import TABLE, classes_of
from terrasweep.samplers.draw.few_shot import (
    FewShotRequest,
    FewShotSplit,
    LabelledSamples,
    labelled_samples,
    split,
)
from terrasweep.samplers.formats.arrays import to_arrays
from terrasweep.samplers.spec.tasks import DrawSpec, TaskSpec

COLUMNS: Final = ("id", "continent", "label")
PERHAPS: Final = ("cell", "split")
SHARE: Final = 16
"""A core's share of the free memory is cut so often: one part for the test sets of cells that are
judged together, each a copy."""
MOST_TOGETHER: Final = 64
MISSING: Final = "not in the draw: "


@dataclass(frozen=True)
class _Bench:
    """What all cells of one bundle share."""

    task: Key
    samples: LabelledSamples
    features: np.ndarray
    classes: tuple[str, ...]
    metric: str
    """The primary metric."""
    metrics: Mapping[str, Metric]
    """Every metric that applies."""
    origin: FinetuneSource | None = None
    """The checkpoint itself, where a protocol moves its weights."""


@dataclass(frozen=True)
class _Outcome:
    """A cell that was judged, or excluded."""

    cell: Step[FinetuneSpec]
    split: FewShotSplit
    prediction: Prediction | None
    seconds: float


def finetune(cells: Sequence[Step[FinetuneSpec]], context: Context) -> list[Row]:
    """Return the rows of cells that share their features, which are read from the store."""
    encode = _shared(cells)
    table = context.store.folder(encode.need("task").key) / TABLE
    names = set(pq.read_schema(table).names)
    columns = [name for name in (*COLUMNS, *PERHAPS) if name in names]
    task, features = pq.read_table(table, columns=columns), read(encode, context=context)
    if all(cell.spec.protocol.trains == "features" for cell in cells):
        return rows(cells, context=context, features=features, task=task)
    checkpoint = encode.needs[0]
    network, arrays = network_of(checkpoint, context=context), to_arrays(pq.read_table(table))
    source = origin(model_of(checkpoint), network, arrays)
    return rows(cells, context=context, features=features, task=task, source=source)


def rows(
    cells: Sequence[Step[FinetuneSpec]],
    *,
    context: Context,
    features: np.ndarray,
    task: pa.Table,
    source: FinetuneSource | None = None,
) -> list[Row]:
    """Return one row per cell, in order; `features` has one vector per row of `task`.

    Protocols that train the network itself need its `source`.

    Raises:
        BadDataError: If the features are no numbers, or not those of the task.
        SpecError: If the task cannot be judged by its metric.
    """
    if not cells:
        return []
    bench = replace(_bench(_shared(cells), features=features, task=task), origin=source)
    rows: dict[Key, Row] = {}
    with one_blas_thread(), torch_threads(context.resources.cpus_per_trial):
        for part in _parts(cells, size=_room() // max(features.nbytes, 1)):
            rows |= {outcome.cell.key: _row(outcome, bench) for outcome in _judge(part, bench)}
            context.progress(len(rows), len(cells))
    return [rows[cell.key] for cell in cells]


def _shared(cells: Sequence[Step[FinetuneSpec]]) -> Step[Spec]:
    """Return the one encode step that all cells need."""
    (encode,) = {cell.need("encode").key: cell.need("encode") for cell in cells}.values()
    return encode


def _bench(encode: Step[Spec], *, features: np.ndarray, task: pa.Table) -> _Bench:
    columns = to_arrays(task)
    if len(features) != len(columns["id"]):
        raise BadDataError(
            f"one feature vector for each sample from {encode.key}",
            got=f"{len(features)} vectors for {len(columns['id'])} samples",
            fix="remove the features from the store; the next run computes them again",
        )
    check_finite(features, ids=columns["id"], step=str(encode.key))
    step = encode.need("task")
    spec = cast("TaskDataSpec", step.spec).task
    classes = classes_of(task, spec=spec) or ()
    metrics = _metrics(spec, num_classes=len(classes))
    return _Bench(step.key, _samples(columns), features, classes, spec.metric, metrics)


def _samples(columns: Mapping[str, np.ndarray]) -> LabelledSamples:
    return labelled_samples(
        ids=columns["id"],
        continents=columns["continent"],
        labels=columns["label"],
        cells=columns.get("cell"),
        official=columns.get("split"),
    )


def _metrics(spec: TaskSpec, *, num_classes: int) -> dict[str, Metric]:
    several, is_map = spec.target == "labels", spec.target == "map"
    asked: Target = "map" if is_map else target(num_classes, several=several)
    every = {name: METRICS[name] for name in METRICS.names}
    apply = {name: metric for name, metric in every.items() if asked in metric.JUDGES}
    if spec.metric not in apply:
        raise SpecError(
            f"a metric for {_target_name(asked, num_classes)}",
            got=repr(spec.metric),
            fix=f"use one of {', '.join(apply)}",
        )
    return apply


def _target_name(asked: Target, num_classes: int) -> str:
    names = {"number": "a number", "labels": f"{num_classes} labels", "map": "maps of classes"}
    return names.get(asked, f"{num_classes} classes")


def _room() -> int:
    """Return how many bytes the test sets of cells that are judged together may take."""
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return free // (SHARE * (os.cpu_count() or 1))


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
    probe = PROBES[protocol.name]
    answers = probe.fit_predict(problems, spec=protocol)
    predictions = dict(zip(asked, answers, strict=True))
    each = (time.perf_counter() - started) / len(cells)
    return [
        _Outcome(cell, one, predictions.get(i), each)
        for i, (cell, one) in enumerate(zip(cells, splits, strict=True))
    ]


def _split(cell: Step[FinetuneSpec], bench: _Bench) -> FewShotSplit:
    spec = cell.spec
    asked = FewShotRequest(
        task=str(bench.task),
        region=spec.continent,
        n=spec.n,
        seed=spec.seed,
        draw=spec.draw,
        test_on=spec.test_on,
    )
    return split(bench.samples, asked, classes=bench.classes)


def _problem(spec: FinetuneSpec, drawn: FewShotSplit, bench: _Bench) -> Problem:
    labels = bench.samples.labels[drawn.train]
    place = (str(bench.task), spec.continent, spec.n, spec.seed)
    whole = spec.protocol.trains == "network"
    return Problem(
        train_x=drawn.train if whole else bench.features[drawn.train],
        train_y=labels if bench.classes else labels.astype(np.float64),
        test_x=drawn.test if whole else bench.features[drawn.test],
        num_classes=len(bench.classes),
        # The same for every composition: what the probe draws is not what is compared.
        seed=seed("probe", *_draw_words(spec.draw), *place),
        origin=bench.origin if whole else None,
    )


def _draw_words(draw: DrawSpec) -> tuple[str, ...]:
    """Return what a draw adds to the words that seed a probe; nothing if it is the usual one."""
    return () if draw == DrawSpec() else (digest(canonical(draw)),)


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
        classes=_num_classes(outcome, bench),
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
    truth, prediction = bench.samples.labels[outcome.split.test], outcome.prediction
    if truth.ndim == 3:  # all pixels that have a class, as one list of samples
        known = truth != NOTHING
        truth, prediction = truth[known], Prediction(prediction.labels[known], prediction.scores)
    return {name: metric.score(truth, prediction) for name, metric in bench.metrics.items()}


def _num_classes(outcome: _Outcome, bench: _Bench) -> int:
    """Return how many classes, or labels, the draw holds; 0 where labels are numbers."""
    return len(_present(bench.samples.labels[outcome.split.train], bench))


def _notes(outcome: _Outcome, bench: _Bench) -> tuple[str, ...]:
    """Return what the probe noted, and which classes it was asked for but never shown."""
    if outcome.prediction is None:
        return ()
    asked, shown = (
        _present(bench.samples.labels[part], bench)
        for part in (outcome.split.test, outcome.split.train)
    )
    missing = ", ".join(bench.classes[label] for label in np.setdiff1d(asked, shown))
    seen = (f"{MISSING}{missing}",) if missing else ()
    return (*seen, *outcome.prediction.notes)


def _present(labels: np.ndarray, bench: _Bench) -> np.ndarray:
    """Return the classes, or the labels, that some samples have."""
    if not bench.classes:
        return np.empty(0, np.int64)
    if labels.ndim == 2:
        return np.flatnonzero(labels.any(axis=0))
    present = np.unique(labels)
    return np.asarray(present[present != NOTHING])
