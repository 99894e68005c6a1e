"""Where a report's numbers come from: code, versions, assumptions, keys and what it cost."""

from collections.abc import Iterable, Sequence

from terrasweep.dashboards.html import wording
from terrasweep.dashboards.html.page import (
    Content,
    Html,
    element,
    facts,
    folded,
    html,
    items,
    table,
)
from terrasweep.dashboards.report.results import Findings
from terrasweep.infra.storage.record import Record


def provenance(findings: Findings) -> Html:
    """Return what one needs to check the report, or to make it again."""
    records = list(findings.made.records.values())
    return html(
        _costs(findings),
        element("h3", "Code and machines"),
        facts(_code(findings, records)),
        *_assumed(findings, records),
        folded("Every step with its key", _keys(records)),
        *_files(findings),
    )


def _costs(findings: Findings) -> Html:
    seconds = [took for took in findings.cells["seconds"].to_pylist() if took is not None]
    costs = findings.made.costs(seconds)
    total = sum(cost.seconds for cost in costs)
    rows: list[Sequence[Content]] = [
        [
            cost.stage,
            f"{cost.num_steps:,}",
            wording.duration(cost.seconds),
            wording.duration(cost.seconds / cost.num_steps),
        ]
        for cost in costs
    ]
    rows.append(["all", f"{sum(cost.num_steps for cost in costs):,}", wording.duration(total), ""])
    return table(["stage", "steps", "time in all", "time each"], rows, caption="What it cost")


def _code(findings: Findings, records: Sequence[Record]) -> list[tuple[str, Content]]:
    made = [record.provenance for record in records]
    commits = {f"{one.commit[:12]}{' (with changes)' if one.dirty else ''}" for one in made}
    commits |= {commit[:12] for commit in findings.cells["commit"].to_pylist() if commit}
    versions = {f"{name} {version}" for one in made for name, version in one.versions.items()}
    return [
        ("sweep", findings.name),
        ("commit", element("code", ", ".join(sorted(commits)) or "unknown")),
        ("versions", ", ".join(sorted(versions))),
        ("platform", ", ".join(sorted({one.platform for one in made}))),
        ("accelerator", ", ".join(sorted({one.gpu or "none" for one in made}))),
    ]


def _assumed(findings: Findings, records: Sequence[Record]) -> list[Html]:
    said = set(findings.meta.get("assumed", ())) | {
        f"{record.stage}: {field}" for record in records for field in record.assumed
    }
    if not said:
        return []
    lead = (
        "The studies this project follows do not say these settings; their values are our "
        "assumption, and a result may hang on them."
    )
    fields = (element("code", field) for field in sorted(said))
    return [element("h3", "Assumed settings"), element("p", lead), items(fields)]


def _keys(records: Sequence[Record]) -> Html:
    rows: Iterable[Sequence[Content]] = (
        [
            element("code", record.key),
            record.label,
            f"{record.recipe}",
            wording.duration(record.provenance.seconds),
        ]
        for record in records
    )
    heads = ["key", "label", "recipe", "time"]
    return table(
        heads, rows, caption="Steps, by key; `terrasweep explain KEY` says more", num_words=2
    )


def _files(findings: Findings) -> list[Html]:
    links = (element("a", f"{name}.csv", href=f"{name}.csv") for name in findings.tables)
    lead = "Beside this file lie every figure as SVG and these tables:"
    return [element("h3", "Files"), element("p", lead), items(links)]
