"""The scores as LaTeX tables: a row per composition, a column per continent."""

from collections.abc import Iterator

from terrasweep.dashboards.html import wording
from terrasweep.dashboards.report.results import SettingResults, SweepResults
from terrasweep.dashboards.tables.rows import SummaryRow

_SPECIAL = {letter: f"\\{letter}" for letter in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\N{MINUS SIGN}": "$-$",
    "\N{SUPERSCRIPT TWO}": "$^2$",
}


def latex(results: SweepResults, *, stamp: str) -> str:
    """Return one table for every setting; it wants the package booktabs.

    Args:
        results: The results of the sweep.
        stamp: The mark of made-up data; empty if it is real.
    """
    return "\n".join(line for group in results.by_setting for line in _table(group, stamp))


def _table(group: SettingResults, stamp: str) -> Iterator[str]:
    places = group.continents
    caption = f"Mean {group.unit} and standard deviation: {group.label}."
    yield r"\begin{table}"
    yield rf"  \caption{{{_text(f'{caption} {stamp}'.strip())}}}"
    yield rf"  \begin{{tabular}}{{l{'r' * len(places)}}}"
    yield r"    \toprule"
    yield f"    composition & {' & '.join(_text(wording.place(place)) for place in places)} \\\\"
    yield r"    \midrule"
    scores = {(row["composition"], row["continent"]): row for row in group.scores}
    for composition in group.compositions:
        cells = (_score(scores.get((composition, place))) for place in places)
        yield f"    {_text(composition)} & {' & '.join(cells)} \\\\"
    yield r"    \bottomrule"
    yield r"  \end{tabular}"
    yield r"\end{table}"
    yield ""


def _score(row: SummaryRow | None) -> str:
    if row is None:
        return "--"
    mean = _text(wording.score(row["mean"]))
    return mean if row["std"] is None else rf"{mean} $\pm$ {_text(wording.score(row['std']))}"


def _text(plain: str) -> str:
    return "".join(_SPECIAL.get(letter, letter) for letter in plain)
