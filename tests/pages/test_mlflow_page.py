"""MLflow in a browser, as somebody meets it who types `terrasweep ui` after a first sweep."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from mlflow import MlflowClient
from playwright.sync_api import Page, expect

from terrasweep.infra.tracking.notes import AVERAGE, run_address
from terrasweep.infra.tracking.views import (
    CELLS,
    CHARTS,
    PRETRAININGS,
    report_address,
    view_address,
)
from tests.conftest import at_home
from tests.pages.browser import Reader, reader
from tests.support.heads import free_port

OWN = ("users/current", "AG Grid:")
"""What MLflow's pages complain of by themselves."""
PATIENCE_MS = 60_000
"""MLflow's pages are heavy, and other tests run beside this one."""
WIDE = 2400
"""Pixels that all columns of a table have room in."""


@dataclass(frozen=True)
class Shown:
    """The pages of a finished sweep, and somebody who looks at them."""

    client: MlflowClient
    place: str
    root: str
    table: str
    """The address that `terrasweep ui` printed."""
    visitor: Reader

    @property
    def page(self) -> Page:
        return self.visitor.page

    def runs(self, kind: str, **order):
        return list(self.client.search_runs([self.place], f"tags.kind = '{kind}'", **order))

    def follow(self, link: str) -> None:
        """Go where a link of the note leads; MLflow would open another tab."""
        found = self.page.get_by_role("link", name=link, exact=True)
        self.page.goto(self.root + found.get_attribute("href"))

    def ours(self) -> list[str]:
        return [said for said in self.visitor.wrong if not any(own in said for own in OWN)]


@contextmanager
def started(uri: str, log: Path):
    """Type `terrasweep ui` and yield the root of the pages once they answer."""
    port = free_port()
    line = ("ui", "--tracking", uri, "--port", str(port))
    with log.open("w") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "terrasweep", *line],
            stdout=said, stderr=said, env=at_home(), start_new_session=True,
        )  # fmt: skip
    try:
        for _ in range(600):
            with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health"):
                break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="module")
def shown(browser, first_sweep, tmp_path_factory):
    home = tmp_path_factory.mktemp("mlflow")
    shutil.copy(first_sweep / "terrasweep-store" / "mlflow.db", home)
    uri, log = f"sqlite:///{home / 'mlflow.db'}", home / "log"
    client = MlflowClient(tracking_uri=uri)
    place = client.get_experiment_by_name("smoke").experiment_id
    with started(uri, log) as root, reader(browser, width=WIDE) as visitor:
        (table,) = re.findall(r"^smoke: (http\S+)$", log.read_text(), re.MULTILINE)
        visitor.page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        yield Shown(client, place, root, table, visitor)


def test_the_address_that_is_printed_opens_the_study_s_table(shown):
    shown.page.goto(shown.table)

    best_first = shown.runs("summary", order_by=[f"metrics.`{AVERAGE}` DESC"])
    names = shown.page.locator(".ag-row a", has_text=" · ")
    expect(names).to_have_count(len(best_first))
    assert names.all_inner_texts() == [run.info.run_name for run in best_first]
    heads = " ".join(shown.page.locator(".ag-header-cell").all_inner_texts())
    for column in ("composition", "model", AVERAGE, "mean/africa", "mean/europe"):
        assert column in heads
    assert shown.ours() == []


@pytest.mark.parametrize(
    ("view", "kind", "order"), [(CELLS, "cell", "f1 DESC"), (PRETRAININGS, "pretrain", "loss ASC")]
)
def test_a_view_lists_its_runs_in_order_and_folds_none_away(shown, view, kind, order):
    shown.page.goto(shown.root + view_address(shown.place, view))

    wanted = shown.runs(kind, order_by=[f"metrics.{order}"])
    expect(shown.page.get_by_text(f"{len(wanted)} matching runs")).to_be_visible()
    names = shown.page.locator(".ag-row a", has_text=" · ")
    expect(names.nth(2)).to_be_visible()
    values = [run.data.metrics[order.split()[0]] for run in wanted]
    told = {run.info.run_name: run.data.metrics[order.split()[0]] for run in wanted}
    seen = [told[name] for name in names.all_inner_texts()]
    assert len(seen) > 2
    assert seen == values[: len(seen)]
    assert shown.ours() == []


def test_charts_compare_the_compositions(shown):
    shown.page.goto(shown.root + view_address(shown.place, CHARTS))

    num_runs = len(shown.runs("summary"))
    for name in (AVERAGE, "mean/africa", "mean/europe"):
        expect(shown.page.get_by_text(name, exact=True).first).to_be_visible()
    bars = shown.page.locator(".barlayer .point")
    expect(bars).to_have_count(3 * num_runs)
    assert shown.ours() == []


def test_the_sweep_tells_its_question_and_holds_its_report(shown):
    (top,) = shown.runs("sweep")
    shown.page.goto(shown.root + report_address(shown.place, top.info.run_id))

    report = shown.page.frame_locator("iframe")
    expect(report.locator("h1")).to_contain_text("Does every stage of a sweep still work")
    shown.page.get_by_role("tab", name="Overview").click()
    question = shown.page.locator("strong", has_text="Does every stage of a sweep still work")
    expect(question.first).to_be_visible()
    assert shown.ours() == []


def test_a_leaf_leads_to_its_pretraining_and_that_to_a_manifest(shown):
    cells = shown.runs("cell")
    leaf = next(run for run in cells if run.data.params["composition"] == "uniform")
    shown.page.goto(shown.root + run_address(shown.place, leaf.info.run_id))

    shown.follow("pretraining")
    expect(shown.page.get_by_role("heading", name="pretrain · tiny · uniform")).to_be_visible()
    said = shown.page.locator("code", has_text="manifest.parquet").inner_text()
    assert Path(said.removeprefix("file://")).is_file()
    shown.follow("sweep")
    expect(shown.page.get_by_role("heading", name="smoke")).to_be_visible()
    assert shown.ours() == []
