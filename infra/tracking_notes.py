"""What people read in MLflow beside the numbers: notes, and views of the runs made for them.

A view is a tag of the experiment in MLflow's own form, the one that its Share button writes; an
address that names it opens the table with its filter, order and columns. Nothing here knows MLflow.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from infra.summary import LESS_IS_BETTER
from infra.tracking_entry import Entry

Row: TypeAlias = dict[str, Any]

NOTE = "mlflow.note.content"
KIND = {"mlflow.experimentKind": "custom_model_development"}
"""What MLflow's list of experiments calls it; its pages still open for language models first."""
VIEW = "mlflow.sharedViewState."
TABLE, CELLS, PRETRAININGS = "table", "cells", "pretrainings"
AVERAGE = "mean of continents"
SUMMARY_AXES = ("composition", "model", "task", "n", "protocol")
AXES = ("composition", "model", "task", "continent", "seed", "n", "protocol", "replicate")
SYNTHETIC = "**SYNTHETIC DATA**: nothing here says anything of the Earth."


def experiment_tags(
    rows: Sequence[Row], meta: Mapping[str, Any], *, place: str, continents: Sequence[str]
) -> dict[str, str]:
    """Return what makes an experiment's page read like the study: its kind, note and views.

    Args:
        rows: The plan.
        meta: What the sweep asks.
        place: The id of the experiment.
        continents: What its summaries tell a mean of.
    """
    views = {
        TABLE: _table(rows, continents),
        CELLS: _view("cell", _columns("params", AXES) + _columns("metrics", _metrics(rows))),
        PRETRAININGS: _view(
            "pretrain", _columns("params", ("composition", "model", "replicate")) + LOSS
        ),
    }
    told = {f"{VIEW}{name}": json.dumps(view) for name, view in views.items()}
    return {**KIND, NOTE: _asked(meta, place=place), **told}


LOSS = ["metrics.`loss`", "metrics.`samples_per_s`", "metrics.`mfu`", "attributes.`Duration`"]


def view_address(place: str, view: str = TABLE) -> str:
    """Return where a view opens, from the root of the pages on."""
    return f"#/experiments/{place}/runs?viewStateShareKey={view}&workflowType=machine_learning"


def run_note(entry: Entry, runs: Mapping[str, str], *, place: str) -> str:
    """Return the note of a run: what it says of itself, and links to the runs it hangs on.

    Args:
        entry: The run.
        runs: The ids of other runs, by key.
        place: The id of the experiment.
    """
    links = [
        f"[{name}](#/experiments/{place}/runs/{runs[key]})"
        for name, key in entry.links.items()
        if key in runs
    ]
    return "\n\n".join(part for part in (entry.note, " · ".join(links)) if part)


def sweep_note(meta: Mapping[str, Any]) -> str:
    """Return what the run of a sweep says of itself."""
    return f"{_question(meta)}\n\nThe report and its figures are among the artefacts of this run."


def summary_note(told: Mapping[str, float | None]) -> str:
    """Return the study's row: the mean of each continent with its spread and interval."""
    lines = ["| continent | mean ± std | 95 % interval | values |", "| --- | --- | --- | --- |"]
    for name in told:
        kind, _, continent = name.partition("/")
        if kind == "mean" and continent:
            std, low, high = (told[f"{what}/{continent}"] for what in ("std", "low", "high"))
            number = f"{told[f'num_values/{continent}']:.0f}"
            mean = f"{_number(told[name])} ± {_number(std)}"
            cells = (continent, mean, f"[{_number(low)}, {_number(high)}]", number)
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def pretrain_note(*, key: str, weights: str, manifest: str | None) -> str:
    """Return where a pretraining's samples and weights lie."""
    drawn = [f"Samples: `{manifest}`"] if manifest else []
    told = [*drawn, f"Weights: `{weights}`", f"`terrasweep explain {key}` says more."]
    return "\n\n".join(told)


def _asked(meta: Mapping[str, Any], *, place: str) -> str:
    names = {TABLE: "The study's table", CELLS: "Every cell", PRETRAININGS: "Pretrainings"}
    links = [f"[{said}]({view_address(place, view)})" for view, said in names.items()]
    return f"{_question(meta)}\n\n{' · '.join(links)}"


def _question(meta: Mapping[str, Any]) -> str:
    told = [f"**{meta['question']}**"] if "question" in meta else []
    told += [f"Expected before the run: {meta['hypothesis']}"] if "hypothesis" in meta else []
    told += [SYNTHETIC] if meta.get("synthetic") else []
    return "\n\n".join(told)


def _table(rows: Sequence[Row], continents: Sequence[str]) -> dict[str, Any]:
    varied = [axis for axis in SUMMARY_AXES if len({row[axis] for row in rows}) > 1]
    axes = list(dict.fromkeys(["composition", "model", *varied]))
    means = [AVERAGE, *(f"mean/{continent}" for continent in continents)]
    ascending = all(metric in LESS_IS_BETTER for metric in _metrics(rows))
    order = {"orderByKey": f"metrics.`{AVERAGE}`", "orderByAsc": ascending}
    return {**_view("summary", _columns("params", axes) + _columns("metrics", means)), **order}


def _view(kind: str, columns: list[str]) -> dict[str, Any]:
    return {"searchFilter": f"tags.kind = '{kind}'", "selectedColumns": columns}


def _columns(of: str, names: Sequence[str]) -> list[str]:
    return [f"{of}.`{name}`" for name in names]


def _metrics(rows: Sequence[Row]) -> list[str]:
    return sorted({str(row["metric"]) for row in rows})


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
