"""The transfer matrix: finetuned on one continent, judged on each."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from terrasweep.dashboards.html import wording
from terrasweep.dashboards.html.page import Html, element, html, table
from terrasweep.dashboards.html.section import Section
from terrasweep.dashboards.report.results import Findings
from terrasweep.dashboards.tables.cells import Row

SETTING: Final = ("model", "task", "n", "protocol", "composition")
WORDS: Final = ("same", "others", "all")
"""What the column `tested` says where no single continent is judged on."""

Matrix = Mapping[tuple[str, str], float]
"""Mean scores by where a cell was finetuned and where it was judged."""


def transfer(findings: Findings) -> Section | None:
    """Show every matrix of a sweep that judges on each continent, composition by composition."""
    found = matrices(findings.tables["summary"].to_pylist())
    if not found:
        return None
    lead = (
        "Rows are where a probe was finetuned, columns where it was judged; the training samples "
        "of a row are the same in every column. On the diagonal both are one continent."
    )
    tables = (_table(place, values) for place, values in found.items())
    return Section("transfer", "Transfer between continents", html(element("p", lead), *tables))


def matrices(summary: Iterable[Row]) -> dict[tuple[Any, ...], Matrix]:
    """Return the means by setting, then by where a cell was finetuned and judged."""
    found: dict[tuple[Any, ...], dict[tuple[str, str], float]] = {}
    for row in summary:
        if row["tested"] not in WORDS:
            place = tuple(row[axis] for axis in SETTING)
            found.setdefault(place, {})[row["continent"], row["tested"]] = row["mean"]
    return found  # type: ignore[return-value]


def _table(place: tuple[Any, ...], values: Matrix) -> Html:
    model, task, n, protocol, composition = place
    trained = sorted({one for one, _ in values})
    judged = sorted({other for _, other in values})
    lines = (
        [wording.place(one), *(wording.score(values.get((one, other))) for other in judged)]
        for one in trained
    )
    told = f"{composition}: {model} on {task}, n = {wording.samples(n)}, {protocol}"
    return table(["finetuned in", *map(wording.place, judged)], lines, caption=told)
