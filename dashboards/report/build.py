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
from terrasweep.dashboards.report.results import SweepResults
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
    results = SweepResults.of(store, ledger, name)
    shown = _sections(results, atlas=atlas)
    out.mkdir(parents=True, exist_ok=True)
    stamp = STAMP if results.is_synthetic else ""
    for table, rows in results.tables.items():
        stamped = _stamped(rows, results)
        (out / f"{table}.csv").write_bytes(to_csv(stamped))
        (out / f"{table}.parquet").write_bytes(to_bytes(stamped))
    (out / "summary.tex").write_text(latex(results, stamp=stamp), encoding="utf-8")
    for drawing in (drawing for own in shown for drawing in own.drawings):
        svg = drawing.file(stamp=stamp)
        (out / f"{drawing.name}.svg").write_text(svg, encoding="utf-8")
    page = out / PAGE
    page.write_text(_page(results, shown), encoding="utf-8")
    return page


def _sections(results: SweepResults, *, atlas: Atlas) -> list[Section]:
    """Return every section that the sweep has results for, the answer first."""
    candidates = (
        sections.answer(results),
        sections.coverage(results),
        sections.scores(results),
        sections.differences(results),
        explore(results),
        sections.transfer(results),
        sections.doubts(results),
        questions.ranks(results),
        questions.architecture(results),
        questions.home(results),
        questions.labels(results),
        questions.diversity(results),
        origins.pretraining(results),
        origins.compositions(results, atlas=atlas),
        origins.checkpoints(results),
        Section("provenance", "Provenance and cost", origins.provenance(results)),
    )
    return [own for own in candidates if own is not None]


def _stamped(rows: pa.Table, results: SweepResults) -> pa.Table:
    """Mark in every row whether the data is made up: tables are copied without their page."""
    return rows.append_column("synthetic", pa.array([results.is_synthetic] * rows.num_rows))


def _page(results: SweepResults, shown: list[Section]) -> str:
    return document(
        f"{results.name}: terrasweep report",
        first=shown[0].name,
        header=_header(results),
        nav=contents((own.name, own.title) for own in shown),
        sections=(section(own.title, own.body, name=own.name) for own in shown),
        footer=element("p", "Made by terrasweep from the ledger of the sweep alone."),
        scripts=scripts(),
    )


def _header(results: SweepResults) -> Html:
    meta = results.meta
    return html(
        element("p", f"terrasweep · {results.name}", class_="kicker"),
        element("h1", meta["question"]),
        element("p", f"Expected before the run: {meta['hypothesis']}", class_="hypothesis"),
        *_banner(results),
    )


def _banner(results: SweepResults) -> list[Html]:
    if not results.is_synthetic:
        return []
    warning = "A program made up the samples and labels. The results say nothing about the Earth."
    return [element("div", element("strong", STAMP), warning, class_="banner", role="note")]
