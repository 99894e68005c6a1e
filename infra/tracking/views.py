"""Views of a sweep's runs, made for people, in MLflow's own form.

A view is a tag of the experiment, the one that MLflow's Share button writes; an address that names
it opens the runs with its filter, order, columns and charts. Nothing here knows MLflow.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from terrasweep.infra.summary import LESS_IS_BETTER
from terrasweep.infra.tracking.notes import (
    AVERAGE,
    AXES,
    NOTE,
    SUMMARY_AXES,
    TRAINING,
    question_note,
    run_address,
)

Row: TypeAlias = dict[str, Any]
View: TypeAlias = dict[str, Any]

KIND = {"mlflow.experimentKind": "custom_model_development"}
"""What MLflow's list of experiments calls it; its pages still open for language models first."""
EXPERIMENTS = f"#/experiments?{TRAINING}"
"""The list of all experiments."""
VIEW = "mlflow.sharedViewState."
TABLE, CHARTS, CELLS, PRETRAININGS = "table", "charts", "cells", "pretrainings"
NAMES = {
    TABLE: "The study's table",
    CHARTS: "Charts",
    CELLS: "Every cell",
    PRETRAININGS: "Pretrainings",
}
LOSS = ["metrics.`loss`", "metrics.`samples_per_s`", "metrics.`mfu`", "attributes.`Duration`"]
MAX_CHARTS = 30
"""As many as older versions of MLflow let a tag hold."""


def experiment_tags(
    rows: Sequence[Row],
    meta: Mapping[str, Any],
    *,
    place: str,
    continents: Sequence[str],
    top: str | None,
) -> dict[str, str]:
    """Return what makes an experiment's page read like the study: its kind, note and views.

    Args:
        rows: The plan.
        meta: What the sweep asks.
        place: The id of the experiment.
        continents: What its summaries tell a mean of.
        top: The id of the sweep's own run, if it is there.
    """
    table = _table(rows, continents)
    views = {
        TABLE: table,
        CHARTS: table | _charts(continents),
        CELLS: _cells(rows),
        PRETRAININGS: _pretrainings(),
    }
    tags = {f"{VIEW}{name}": json.dumps(view) for name, view in views.items()}
    return {**KIND, NOTE: _asked(meta, place=place, top=top), **tags}


def view_address(place: str, view: str = TABLE) -> str:
    """Return where a view opens, from the root of the pages on."""
    drawn = "&compareRunsMode=CHART" if view == CHARTS else ""
    return f"#/experiments/{place}/runs?viewStateShareKey={view}&{TRAINING}{drawn}"


def report_address(place: str, top: str) -> str:
    """Return where the report opens among the artefacts of the sweep's own run."""
    return run_address(place, top, under="/artifacts/report/report.html")


def _asked(meta: Mapping[str, Any], *, place: str, top: str | None) -> str:
    links = [f"[{title}]({view_address(place, view)})" for view, title in NAMES.items()]
    links += [] if top is None else [f"[The report]({report_address(place, top)})"]
    return f"{question_note(meta)}\n\n{' · '.join(links)}"


def _table(rows: Sequence[Row], continents: Sequence[str]) -> View:
    varied = [axis for axis in SUMMARY_AXES if len({row[axis] for row in rows}) > 1]
    axes = list(dict.fromkeys(["composition", "model", *varied]))
    columns = _columns("params", axes) + _columns("metrics", _means(continents))
    return _view("summary", columns, by=AVERAGE, ascending=_is_less_better(rows))


def _cells(rows: Sequence[Row]) -> View:
    metrics = _metrics(rows)
    columns = _columns("params", AXES) + _columns("metrics", metrics)
    return _view("cell", columns, by=metrics[0], ascending=_is_less_better(rows))


def _pretrainings() -> View:
    columns = _columns("params", ("composition", "model", "replicate")) + LOSS
    return _view("pretrain", columns, by="loss", ascending=True)


def _charts(continents: Sequence[str]) -> View:
    """Return a bar for each summary: first of the mean, then of each continent."""
    section = {"uuid": "means", "name": "Means", "display": True, "isReordered": True}
    return {
        "compareRunCharts": [_bar(metric) for metric in _means(continents)[:MAX_CHARTS]],
        "compareRunSections": [section],
        "chartsSearchFilter": "mean",
        "runsHiddenMode": "SHOW_ALL",
    }


def _bar(metric: str) -> View:
    names = dict.fromkeys(("uuid", "metricKey", "displayName"), metric)
    return {**names, "type": "BAR", "metricSectionId": "means"}


def _means(continents: Sequence[str]) -> list[str]:
    return [AVERAGE, *(f"mean/{continent}" for continent in continents)]


def _view(kind: str, columns: list[str], *, by: str, ascending: bool) -> View:
    """Return a flat list of runs: ordered by their start, MLflow would fold them under others."""
    order = {"orderByKey": f"metrics.`{by}`", "orderByAsc": ascending}
    return {"searchFilter": f"tags.kind = '{kind}'", "selectedColumns": columns, **order}


def _columns(of: str, names: Sequence[str]) -> list[str]:
    return [f"{of}.`{name}`" for name in names]


def _metrics(rows: Sequence[Row]) -> list[str]:
    return sorted({str(row["metric"]) for row in rows})


def _is_less_better(rows: Sequence[Row]) -> bool:
    return all(metric in LESS_IS_BETTER for metric in _metrics(rows))
