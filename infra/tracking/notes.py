"""What people read in MLflow beside the numbers: notes, in Markdown, with links to other runs.

Nothing here knows MLflow.
"""

from collections.abc import Mapping
from typing import Any

from terrasweep.infra.tracking.run import RunEntry

NOTE = "mlflow.note.content"
TRAINING = "workflowType=machine_learning"
"""What an address must say: without it MLflow shows its pages for language models."""
AVERAGE = "mean of continents"
SUMMARY_AXES = ("composition", "model", "task", "n", "protocol")
AXES = ("composition", "model", "task", "continent", "seed", "n", "protocol", "replicate")
SYNTHETIC = "**SYNTHETIC DATA**: nothing here says anything of the Earth."


def run_address(place: str, run: str, *, under: str = "") -> str:
    """Return where a run opens, or what lies under it, from the root of the pages on."""
    return f"#/experiments/{place}/runs/{run}{under}?{TRAINING}"


def run_note(entry: RunEntry, runs: Mapping[str, str], *, place: str) -> str:
    """Return the note of a run: what it says of itself, and links to the runs it hangs on.

    Args:
        entry: The run.
        runs: The ids of other runs, by key.
        place: The id of the experiment.
    """
    links = [
        f"[{name}]({run_address(place, runs[key])})"
        for name, key in entry.links.items()
        if key in runs
    ]
    return "\n\n".join(part for part in (entry.note, " · ".join(links)) if part)


def sweep_note(meta: Mapping[str, Any]) -> str:
    """Return what the run of a sweep says of itself."""
    return (
        f"{question_note(meta)}\n\nThe report and its figures are among the artefacts of this run."
    )


def summary_note(values: Mapping[str, float | None]) -> str:
    """Return the study's row: the mean of each continent with its spread and interval."""
    lines = ["| continent | mean ± std | 95 % interval | values |", "| --- | --- | --- | --- |"]
    for name in values:
        kind, _, continent = name.partition("/")
        if kind == "mean" and continent:
            std, low, high = (values[f"{what}/{continent}"] for what in ("std", "low", "high"))
            number = f"{values[f'num_values/{continent}']:.0f}"
            mean = f"{_number(values[name])} ± {_number(std)}"
            cells = (continent, mean, f"[{_number(low)}, {_number(high)}]", number)
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def pretrain_note(*, key: str, weights: str, manifest: str | None) -> str:
    """Return where a pretraining's samples and weights lie."""
    drawn = [f"Samples: `{manifest}`"] if manifest else []
    paragraphs = [*drawn, f"Weights: `{weights}`", f"`terrasweep explain {key}` says more."]
    return "\n\n".join(paragraphs)


def question_note(meta: Mapping[str, Any]) -> str:
    """Return what is asked, and what was expected."""
    paragraphs = [f"**{meta['question']}**"] if "question" in meta else []
    paragraphs += [f"Expected before the run: {meta['hypothesis']}"] if "hypothesis" in meta else []
    paragraphs += [SYNTHETIC] if meta.get("synthetic") else []
    return "\n\n".join(paragraphs)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
