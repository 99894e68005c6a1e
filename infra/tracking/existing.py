"""What MLflow holds of a sweep already, found by the tags of its runs.

Its client is handed in: the door to MLflow is `infra/tracking/mirror.py`.
"""

from collections.abc import Iterator
from typing import Any

from terrasweep.infra.tracking.run import ExistingRun

PARENT = "mlflow.parentRunId"
PAGE = 1000


def search(client: Any, place: str, name: str) -> tuple[dict[str, ExistingRun], list[str]]:
    """Return the runs of a sweep by key, and those that are there a second time."""
    known: dict[str, ExistingRun] = {}
    twice: list[str] = []
    for run in sorted(_runs(client, place, name), key=_seniority):
        key = run.data.tags["key"]
        if key in known:
            twice.append(run.info.run_id)
        else:
            parent = run.data.tags.get(PARENT)
            known[key] = ExistingRun(run.info.run_id, run.info.status, parent, run.data.metrics)
    return known, twice


def _runs(client: Any, place: str, name: str) -> Iterator[Any]:
    token = None
    while True:
        page = client.search_runs(
            [place], filter_string=f"tags.sweep = '{name}'", max_results=PAGE, page_token=token
        )
        yield from (run for run in page if "key" in run.data.tags)
        token = page.token
        if not token:
            return


def _seniority(run: Any) -> tuple[bool, str]:
    return run.info.status != "FINISHED", run.info.run_id
