"""The section of the report that says which results look like failures."""

from terrasweep.dashboards.html import wording
from terrasweep.dashboards.html.page import element, folded, html, table
from terrasweep.dashboards.html.section import Section
from terrasweep.dashboards.report.results import Findings
from terrasweep.dashboards.statistics.failure_signs import gathered, where
from terrasweep.dashboards.tables.cells import PLACE, Row, grouped

WORST = 3
"""Places that are named for each sign."""
SHOWN = 200
"""Lines of the table; the CSV beside the page holds them all."""


def doubts(findings: Findings) -> Section | None:
    """Show which places of the grid show which sign of a failure."""
    rows: list[Row] = findings.signatures.to_pylist()
    if not rows:
        return None
    signs = gathered(rows, worst=WORST)
    said = (f"{sign.name} ({sign.places:,})" for sign in signs)
    lead = (
        f"Some results look like failures rather than answers: {wording.listed(list(said))}. "
        "Read the scores at these places with care."
    )
    places = len(list(grouped(findings.cells, PLACE)))
    summed = (
        [sign.name, where(row), row["told"], f"{sign.places:,}", f"{sign.places / places:.0%}"]
        for sign in signs
        for row in sign.worst
    )
    heads = ["sign", "where it is worst", "why", "places", "of all"]
    worst = table(heads, summed, caption="Each sign, and where it is worst", num_words=3)
    lines = ([where(row), row["sign"], row["told"]] for row in rows[:SHOWN])
    listed = table(["place", "sign", "why"], lines, caption="Signs of failure", num_words=3)
    more = f" The first {SHOWN} are shown; signatures.csv holds all." if len(rows) > SHOWN else ""
    body = html(element("p", lead + more), worst, folded("All places and signs", listed))
    return Section("doubts", "Doubtful results", body)
