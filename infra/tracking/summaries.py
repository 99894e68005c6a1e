"""The runs that sum up one composition x model x task, and what cells and they share."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from statistics import fmean
from typing import Any, TypeAlias

from terrasweep.infra.spec import digest
from terrasweep.infra.summary import spread
from terrasweep.infra.tracking.notes import AVERAGE, SUMMARY_AXES, summary_note
from terrasweep.infra.tracking.run import RunEntry, milliseconds, points, sweep_key

Row: TypeAlias = dict[str, Any]
"""One row of an Arrow table."""


def summaries(wanted: list[Row], *, name: str, results: Mapping[str, Row]) -> Iterator[RunEntry]:
    """Yield a run for each composition x model x task that has a value."""
    groups: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in wanted:
        groups[place_of(row)].append(row)
    for place, rows in groups.items():
        done = [row for row in rows if row["key"] in results]
        if not done:
            continue
        spans = [times(results[row["key"]]) for row in done]
        last = max(ended for _, ended in spans)
        spreads = _spreads(done, results)
        yield RunEntry(
            key=summary_key(place),
            kind="summary",
            name=" · ".join(place),
            parent=sweep_key(name),
            started_ms=min(started for started, _ in spans),
            ended_ms=last if len(done) == len(rows) else None,
            params=dict(zip(SUMMARY_AXES, place, strict=True)),
            points=points(spreads, when_ms=last, step=len(done)),
            tags={"metric": str(rows[0]["metric"])},
            note=summary_note(spreads),
            links={"sweep": sweep_key(name)} | _pretrainings_of(rows),
        )


def summary_key(place: tuple[str, ...]) -> str:
    """Return the key that the summary of one composition x model x task is over_runs again by."""
    return f"summary/{digest(list(place))}"


def _spreads(rows: list[Row], results: Mapping[str, Row]) -> dict[str, float | None]:
    """Mean, std and interval per continent; a continent without values is left out."""
    groups: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        value = results[row["key"]]["value"]
        if value is not None:
            groups[where(row)][row["replicate"]].append(value)
    values_by_name: dict[str, float | None] = {}
    for continent, values in sorted(groups.items()):
        over_runs = spread(values)
        values_by_name |= {
            f"mean/{continent}": over_runs.mean,
            f"std/{continent}": over_runs.std,
            f"low/{continent}": over_runs.low,
            f"high/{continent}": over_runs.high,
            f"num_values/{continent}": over_runs.num_values,
        }
    return _average(values_by_name) | values_by_name


def _average(values_by_name: Mapping[str, float | None]) -> dict[str, float | None]:
    """Return the mean of the continents, each once; all of them at once is no continent."""
    means = [
        values_by_name[f"mean/{place}"]
        for place in {name.partition("/")[2] for name in values_by_name}
        if place != "global" and "-on-" not in place
    ]
    values = [mean for mean in means if mean is not None]
    return {AVERAGE: fmean(values)} if values else {}


def _pretrainings_of(rows: Iterable[Row]) -> dict[str, str]:
    checkpoints = {row["replicate"]: row["checkpoint"] for row in rows}
    return {f"pretraining r{replicate}": key for replicate, key in sorted(checkpoints.items())}


def place_of(row: Row) -> tuple[str, ...]:
    """Return what a cell is summed up under."""
    return tuple(str(row[axis]) for axis in SUMMARY_AXES)


def where(row: Row) -> str:
    """Return where a cell was finetuned, and where it was judged if that was elsewhere."""
    usual = row["tested"] in (None, "same", row["continent"])
    return str(row["continent"]) if usual else f"{row['continent']}-on-{row['tested']}"


def times(result: Row) -> tuple[int, int]:
    """Return when a cell began and ended, as MLflow counts."""
    ended = milliseconds(result["finished"])
    return ended - round(1000 * result["seconds"]), ended
