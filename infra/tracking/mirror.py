"""The only door to MLflow: a mirror of the ledger that people browse and nothing depends on.

Runs are found again by their tags `key` and `sweep`; a run counts as mirrored once its status is
FINISHED, so whatever was cut off half-way is found by its key and completed. MLflow itself is
imported on first use: naming the tracking database costs the front door nothing.
"""

import json
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from terrasweep.infra.errors import TerrasweepError
from terrasweep.infra.storage.ledger import Ledger
from terrasweep.infra.storage.store import Store
from terrasweep.infra.tracking.notes import NOTE, run_note
from terrasweep.infra.tracking.run import Dataset, ExistingRun, MirrorReport, RunEntry, sweep_key
from terrasweep.infra.tracking.sqlite import TOGETHER, Tables
from terrasweep.infra.tracking.sweep_runs import CellRun, sweep_runs
from terrasweep.infra.tracking.uri import artefacts, is_server
from terrasweep.infra.tracking.views import experiment_tags

if TYPE_CHECKING:
    from mlflow import MlflowClient

REPORT = "report"
"""Where a report lies among the artefacts of a run."""
BATCH = 1000
"""Metrics that MLflow takes in one request."""
ABREAST = 8
"""Cells that a server is told of at the same time: nearly all of the time is its own."""
SERVED = 64
"""Cells that a server is told of before the next look whether to go on."""

SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    # A server that is down must not hold anyone up; whatever fails is tried again later. A retry
    # inside MLflow could also create a run twice.
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    # Otherwise every finished run costs two more requests, to print its address.
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


class MirrorAwayError(TerrasweepError):
    """MLflow did not answer, or refused; the ledger is whole and the mirror can catch up."""


@dataclass
class Mirror:
    """A mirror at a tracking URI; remembers what it has found there until something fails."""

    uri: str
    _client: "MlflowClient | None" = field(default=None, repr=False)
    _known: dict[str, dict[str, ExistingRun]] = field(default_factory=dict, repr=False)

    def bring_up_to_date(
        self, store: Store, ledger: Ledger, name: str, *, go_on: Callable[[], bool] = lambda: True
    ) -> MirrorReport:
        """Show in MLflow all that the ledger holds of a sweep; what is there stays as it is.

        Raises:
            MirrorAwayError: If MLflow cannot be reached or refuses.
        """
        started, busy_s = time.perf_counter(), -time.thread_time()
        wanted = sweep_runs(store, ledger, name)
        with self._reached(name):
            client = self._connected()
            place = _experiment(client, self.uri, name)
            known, removed = self._existing_runs(client, place, name)
            left = [cell for cell in wanted.cells if not _is_shown(cell, known)]
            counts = {"created": 0, "updated": 0, "unchanged": len(wanted.cells) - len(left)}
            behind = (cell.entry() for cell in left if cell.key in known)
            for entry in chain(wanted.above, behind):
                if not go_on():
                    break
                counts[_show(client, place, entry, sweep=name, known=known)] += 1
            _tell(
                client, place, _views(ledger, name, place=place, entries=wanted.above, known=known)
            )
            fresh = [cell for cell in left if cell.key not in known]
            size = SERVED if is_server(self.uri) else TOGETHER
            for part in (fresh[at : at + size] for at in range(0, len(fresh), size)):
                if not go_on():
                    break
                entries = [cell.entry() for cell in part]
                busy_s += _add(client, self.uri, place, entries, sweep=name, known=known)
                counts["created"] += len(part)
        busy_s += time.thread_time()
        lag = len(wanted) - sum(counts.values())
        seconds = time.perf_counter() - started
        return MirrorReport(**counts, removed=removed, lag=lag, seconds=seconds, busy_s=busy_s)

    def attach(self, name: str, folder: Path) -> None:
        """Keep a folder, such as the report, among the artefacts of a sweep's own run.

        Raises:
            MirrorAwayError: If MLflow cannot be reached or refuses.
        """
        with self._reached(name):
            client = self._connected()
            known, _ = self._existing_runs(client, _experiment(client, self.uri, name), name)
            client.log_artifacts(known[sweep_key(name)].run_id, str(folder), REPORT)

    @contextmanager
    def _reached(self, name: str) -> Iterator[None]:
        """Turn whatever comes out of MLflow, its database or its server into one error."""
        try:
            yield
        except Exception as error:
            self._client = None
            self._known.clear()  # a request that failed may still have taken effect
            lines = str(error).strip().splitlines() or [type(error).__name__]
            secret = urlsplit(self.uri).password
            expected = f"to mirror sweep {name!r} to {_without(self.uri, secret)}"
            fix = f"nothing is lost: `terrasweep mirror {name}` brings MLflow up to the ledger"
            raise MirrorAwayError(expected, got=_without(lines[0], secret)[:300], fix=fix) from (
                None if secret else error
            )

    def _connected(self) -> "MlflowClient":
        if self._client is None:
            for setting, value in SETTINGS.items():
                os.environ.setdefault(setting, value)
            from mlflow import MlflowClient  # local: seconds, and only the mirror needs it

            for noisy in ("alembic", "mlflow.store.db.utils"):
                logging.getLogger(noisy).setLevel(logging.WARNING)
            self._client = MlflowClient(tracking_uri=self.uri)
        return self._client

    def _existing_runs(
        self, client: "MlflowClient", place: str, name: str
    ) -> tuple[dict[str, ExistingRun], int]:
        removed = 0
        if name not in self._known:
            self._known[name], twice = search(client, place, name)
            for run_id in twice:
                client.delete_run(run_id)
            removed = len(twice)
        return self._known[name], removed


def _experiment(client: "MlflowClient", uri: str, name: str) -> str:
    experiment = client.get_experiment_by_name(name)
    if experiment is not None:
        return str(experiment.experiment_id)
    return str(client.create_experiment(name, artifact_location=artefacts(uri)))


def _views(
    ledger: Ledger,
    name: str,
    *,
    place: str,
    entries: Sequence[RunEntry],
    known: Mapping[str, ExistingRun],
) -> dict[str, str]:
    plan, meta = ledger.plan(name)
    metrics = {metric for entry in entries if entry.kind == "summary" for metric in entry.latest}
    continents = sorted(metric.removeprefix("mean/") for metric in metrics if "mean/" in metric)
    top = known[sweep_key(name)].run_id if sweep_key(name) in known else None
    return experiment_tags(plan.to_pylist(), meta, place=place, continents=continents, top=top)


def _tell(client: "MlflowClient", place: str, tags: Mapping[str, str]) -> None:
    """Say what an experiment is; what it says already stays untouched."""
    there = client.get_experiment(place).tags
    for name, value in tags.items():
        if there.get(name) != value:
            client.set_experiment_tag(place, name, value)


def _is_shown(cell: CellRun, known: Mapping[str, ExistingRun]) -> bool:
    """Say whether a finished cell's run is finished and hangs where it should."""
    run, above = known.get(cell.key), known.get(cell.parent)
    if run is None or above is None or not cell.is_done:
        return False
    return run.status == "FINISHED" and run.parent == above.run_id


def _add(
    client: "MlflowClient",
    uri: str,
    place: str,
    cells: Sequence[RunEntry],
    *,
    sweep: str,
    known: dict[str, ExistingRun],
) -> float:
    """Show cells that are not there yet: together where the tables allow it, else each by itself.

    Returns:
        The processor time of the threads that helped, in seconds.
    """
    artefacts = str(client.get_experiment(place).artifact_location)
    tables = Tables.open(uri, experiment=place, artefacts=artefacts)
    if tables is None:
        with ThreadPoolExecutor(ABREAST if is_server(uri) else 1) as pool:
            show = partial(_timed, client, place, sweep=sweep, known=known)
            return sum(pool.map(show, cells))
    parents = [None if one.parent is None else known[one.parent].run_id for one in cells]
    tags = [_tags(one, sweep=sweep, place=place, known=known) for one in cells]
    ids = tables.add(list(zip(cells, tags, strict=True)))
    for entry, run_id, parent in zip(cells, ids, parents, strict=True):
        known[entry.key] = ExistingRun(run_id, entry.shown, parent, {})  # a cell does not grow
    return 0.0


def _timed(
    client: "MlflowClient",
    place: str,
    entry: RunEntry,
    *,
    sweep: str,
    known: dict[str, ExistingRun],
) -> float:
    """Show one run and return the processor time that it took."""
    started = time.thread_time()
    _show(client, place, entry, sweep=sweep, known=known)
    return time.thread_time() - started


def _tags(
    entry: RunEntry, *, sweep: str, place: str, known: Mapping[str, ExistingRun]
) -> dict[str, str]:
    above = {} if entry.parent is None else {PARENT: known[entry.parent].run_id}
    linked = {key: known[key].run_id for key in entry.links.values() if key in known}
    note = run_note(entry, linked, place=place)
    own = {**entry.tags, "key": entry.key, "kind": entry.kind, "sweep": sweep}
    return {**own, **above, **({NOTE: note} if note else {})}


def _show(
    client: "MlflowClient",
    place: str,
    entry: RunEntry,
    *,
    sweep: str,
    known: dict[str, ExistingRun],
) -> str:
    """Bring one run up to its entry; say whether it was created, updated or left unchanged."""
    there = known.get(entry.key)
    parent = None if entry.parent is None else known[entry.parent].run_id
    if there is not None and there.is_as(entry, parent=parent):
        return "unchanged"
    tags = _tags(entry, sweep=sweep, place=place, known=known)
    if there is None:
        run = client.create_run(place, start_time=entry.started_ms, run_name=entry.name, tags=tags)
        run_id, tags = str(run.info.run_id), {}
    else:
        run_id = there.run_id
    known[entry.key] = ExistingRun(run_id, "RUNNING", parent, {})
    _log(client, run_id, entry, tags=tags)
    _close(client, run_id, entry)
    known[entry.key] = ExistingRun(run_id, entry.shown, parent, entry.latest)
    return "created" if there is None else "updated"


def _log(client: "MlflowClient", run_id: str, entry: RunEntry, *, tags: Mapping[str, str]) -> None:
    from mlflow.entities import Metric, Param, RunTag  # local: see above

    metrics = [Metric(p.metric, p.value, p.when_ms, p.step) for p in entry.points]
    params = [Param(name, value) for name, value in entry.params.items()]
    run_tags = [RunTag(name, value) for name, value in tags.items()]
    client.log_batch(run_id, metrics=metrics[:BATCH], params=params, tags=run_tags)
    for first in range(BATCH, len(metrics), BATCH):
        client.log_batch(run_id, metrics=metrics[first : first + BATCH])
    if entry.dataset is not None:
        client.log_inputs(run_id, datasets=[_dataset_input(entry.dataset)])


def _dataset_input(dataset: Dataset) -> Any:
    from mlflow.entities import Dataset as Listed  # local: see above
    from mlflow.entities import DatasetInput, InputTag

    listed = Listed(
        name=dataset.name,
        digest=dataset.digest,
        source_type="manifest",
        source=json.dumps({"uri": dataset.uri}),
    )
    return DatasetInput(listed, [InputTag("mlflow.data.context", "pretraining")])


def _close(client: "MlflowClient", run_id: str, entry: RunEntry) -> None:
    if entry.ended_ms is None:
        client.update_run(run_id, status="RUNNING")
    else:
        client.set_terminated(run_id, status=entry.status, end_time=entry.ended_ms)


def _without(text: str, secret: str | None) -> str:
    return text.replace(secret, "***") if secret else text


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
