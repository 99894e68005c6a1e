"""One self-contained page per sweep: the question, the answer in sentences, and what backs it.

The page fetches nothing, and gives each of its figures as SVG or PNG. Beside it lie every table as
CSV and Parquet, the scores as LaTeX, and every figure as SVG.
"""

from pathlib import Path

import pyarrow as pa

from terrasweep.dashboards.html.live import scripts
from terrasweep.dashboards.html.maps import Atlas
from terrasweep.dashboards.html.page import (
    STAMP,
    Html,
    Section,
    contents,
    document,
    element,
    html,
    section,
)
from terrasweep.dashboards.report import origins, questions, sections
from terrasweep.dashboards.report.explore import explore
from terrasweep.dashboards.report.latex import latex
from terrasweep.dashboards.report.origins import provenance
from terrasweep.dashboards.report.results import Findings
from terrasweep.dashboards.report.sections import doubts, transfer
from terrasweep.dashboards.tables.cells import to_csv
from terrasweep.infra.storage.append_table import to_bytes
from terrasweep.infra.storage.ledger import Ledger
from terrasweep.infra.storage.store import Store

PAGE = "report.html"


def build(store: Store, ledger: Ledger, name: str, *, atlas: Atlas, out: Path) -> Path:
    """Write the report of a sweep into a folder and return the path of its page.

    Args:
        store: Where the sweep's steps are.
        ledger: Its results.
        name: The sweep.
        atlas: What its maps are drawn with.
        out: The folder.
    """
    findings = Findings.of(store, ledger, name)
    parts = _parts(findings, atlas=atlas)
    out.mkdir(parents=True, exist_ok=True)
    stamp = STAMP if findings.is_synthetic else ""
    for table, rows in findings.tables.items():
        told = _stamped(rows, findings)
        (out / f"{table}.csv").write_bytes(to_csv(told))
        (out / f"{table}.parquet").write_bytes(to_bytes(told))
    (out / "summary.tex").write_text(latex(findings, stamp=stamp), encoding="utf-8")
    for part in parts:
        for drawing in part.drawings:
            svg = drawing.file(stamp=stamp)
            (out / f"{drawing.name}.svg").write_text(svg, encoding="utf-8")
    page = out / PAGE
    page.write_text(_page(findings, parts), encoding="utf-8")
    return page


def _parts(findings: Findings, *, atlas: Atlas) -> list[Section]:
    """Return every section that has something to tell, the answer first."""
    told = (
        sections.answer(findings),
        sections.coverage(findings),
        sections.scores(findings),
        sections.differences(findings),
        explore(findings),
        transfer(findings),
        doubts(findings),
        questions.ranks(findings),
        questions.architecture(findings),
        questions.home(findings),
        questions.labels(findings),
        questions.diversity(findings),
        origins.pretraining(findings),
        origins.compositions(findings, atlas=atlas),
        origins.checkpoints(findings),
        Section("provenance", "Provenance and cost", provenance(findings)),
    )
    return [part for part in told if part is not None]


def _stamped(rows: pa.Table, findings: Findings) -> pa.Table:
    """Say in every row whether the data is made up: rows travel without their page."""
    return rows.append_column("synthetic", pa.array([findings.is_synthetic] * rows.num_rows))


def _page(findings: Findings, parts: list[Section]) -> str:
    return document(
        f"{findings.name}: terrasweep report",
        first=parts[0].name,
        header=_header(findings),
        nav=contents((part.name, part.title) for part in parts),
        sections=(section(part.title, part.body, name=part.name) for part in parts),
        footer=element("p", "Made by terrasweep from the ledger of the sweep, and from it alone."),
        scripts=scripts(),
    )


def _header(findings: Findings) -> Html:
    meta = findings.meta
    return html(
        element("p", f"terrasweep · {findings.name}", class_="kicker"),
        element("h1", str(meta["question"])),
        element("p", f"Expected before the run: {meta['hypothesis']}", class_="hypothesis"),
        *_banner(findings),
    )


def _banner(findings: Findings) -> list[Html]:
    if not findings.is_synthetic:
        return []
    said = "Samples and labels were made up by a program. Nothing here says anything of the Earth."
    return [element("div", element("strong", STAMP), said, class_="banner", role="note")]
