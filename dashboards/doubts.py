"""The section of the report that says which results look like failures."""

from collections import Counter

from dashboards import words
from dashboards.findings import Findings
from dashboards.page import element, folded, html, table
from dashboards.parts import Section
from dashboards.signatures import where
from dashboards.tables import Row

SHOWN = 200
"""Lines of the table; the CSV beside the page holds them all."""


def doubts(findings: Findings) -> Section | None:
    """Show which places of the grid show which sign of a failure."""
    rows: list[Row] = findings.signatures.to_pylist()
    if not rows:
        return None
    counted = Counter(row["sign"] for row in rows)
    said = (f"{sign} ({number:,})" for sign, number in sorted(counted.items()))
    lead = (
        f"Some results look like failures rather than answers: {words.listed(list(said))}. "
        "Read the scores at these places with care."
    )
    lines = ([where(row), row["sign"], row["told"]] for row in rows[:SHOWN])
    listed = table(["place", "sign", "why"], lines, caption="Signs of failure", num_words=3)
    more = f" The first {SHOWN} are shown; signatures.csv holds all." if len(rows) > SHOWN else ""
    body = html(element("p", lead + more), folded("All places and signs", listed))
    return Section("doubts", "Doubtful results", body)
