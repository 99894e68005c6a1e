"""New cells straight into the tables of MLflow's SQLite file, hundreds in one transaction.

Through MLflow's client a run costs three requests and some twenty milliseconds, and a grid has ten
thousand cells. The rows are those that the client writes, which a test holds; where the tables are
not as they are known here, or lie in a server, the client does it all.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

from terrasweep.infra.tracking.run import RunEntry

SCHEME: Final = "sqlite:///"
TOGETHER: Final = 500
"""Runs of one transaction."""
PATIENCE_S: Final = 30.0
"""How long to wait for whoever else writes."""
TABLES: Final = {
    "runs": (
        *("run_uuid", "name", "source_type", "source_name", "entry_point_name", "user_id"),
        *("status", "start_time", "end_time", "source_version", "lifecycle_stage"),
        *("artifact_uri", "experiment_id", "deleted_time"),
    ),
    "tags": ("key", "value", "run_uuid"),
    "params": ("key", "value", "run_uuid"),
    "metrics": ("key", "value", "timestamp", "run_uuid", "step", "is_nan"),
    "latest_metrics": ("key", "value", "timestamp", "step", "is_nan", "run_uuid"),
}
"""The columns that are known, in their order."""


@dataclass(frozen=True)
class Tables:
    """The tables of one file, as far as runs of one experiment go."""

    path: Path
    experiment: str
    artefacts: str
    """Where the experiment keeps what belongs to its runs."""

    @classmethod
    def open(cls, uri: str, *, experiment: str, artefacts: str) -> "Tables | None":
        """Return the tables behind a tracking URI; none if they are elsewhere, or others."""
        if not uri.startswith(SCHEME) or "?" in uri:
            return None
        path = Path(uri.removeprefix(SCHEME))
        with closing(sqlite3.connect(path, timeout=PATIENCE_S)) as file:
            columns = {name: _columns(file, name) for name in TABLES}
        return cls(path, experiment, artefacts) if columns == TABLES else None

    def add(self, runs: Sequence[tuple[RunEntry, Mapping[str, str]]]) -> list[str]:
        """Write finished runs, each with its tags, all or none of them; return their ids."""
        ids = [uuid4().hex for _ in runs]
        with closing(sqlite3.connect(self.path, timeout=PATIENCE_S)) as file, file:
            for table, rows in self._rows(dict(zip(ids, runs, strict=True))).items():
                marks = ", ".join("?" * len(TABLES[table]))
                names = ", ".join(TABLES[table])
                file.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)
        return ids

    def _rows(
        self, runs: Mapping[str, tuple[RunEntry, Mapping[str, str]]]
    ) -> dict[str, list[tuple[object, ...]]]:
        rows: dict[str, list[tuple[object, ...]]] = {name: [] for name in TABLES}
        for run_id, (entry, tags) in runs.items():
            rows["runs"].append(self._run(run_id, entry))
            named = {**tags, "mlflow.runName": entry.name}
            rows["tags"] += [(name, value, run_id) for name, value in named.items()]
            rows["params"] += [(name, value, run_id) for name, value in entry.params.items()]
            rows["metrics"] += [
                (one.metric, one.value, one.when_ms, run_id, one.step, False)
                for one in entry.points
            ]
            ordered = sorted(entry.points, key=lambda one: (one.step, one.when_ms))
            rows["latest_metrics"] += [
                (name, one.value, one.when_ms, one.step, False, run_id)
                for name, one in {one.metric: one for one in ordered}.items()
            ]
        return rows

    def _run(self, run_id: str, entry: RunEntry) -> tuple[object, ...]:
        place = f"{self.artefacts}/{run_id}/artifacts"
        when = (entry.started_ms, entry.ended_ms)
        values = (run_id, entry.name, "UNKNOWN", "", "", "unknown", entry.status, *when)
        return (*values, "", "active", place, int(self.experiment), None)


def experiments(uri: str) -> dict[str, str]:
    """Return the ids of the experiments of a SQLite file by name, latest first; else none."""
    path = Path(uri.removeprefix(SCHEME))
    if not uri.startswith(SCHEME) or not path.is_file():
        return {}
    asked = (
        "SELECT name, experiment_id FROM experiments "
        "WHERE lifecycle_stage = 'active' AND name != 'Default' ORDER BY last_update_time DESC"
    )
    with closing(sqlite3.connect(path, timeout=PATIENCE_S)) as file:
        if not _columns(file, "experiments"):
            return {}
        return {str(name): str(place) for name, place in file.execute(asked)}


def _columns(file: sqlite3.Connection, table: str) -> tuple[str, ...]:
    return tuple(str(row[1]) for row in file.execute(f"PRAGMA table_info({table})"))
