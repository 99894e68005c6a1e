"""One comparison under every model, in one sentence: where it shows, and where it does not."""

from collections import defaultdict
from collections.abc import Sequence

from terrasweep.dashboards.html import wording
from terrasweep.dashboards.report.sentences import by, pairs
from terrasweep.dashboards.statistics.differences import MEAN
from terrasweep.dashboards.tables.cells import Row

COMMON = ("composition", "task", "tested", "n", "protocol", "metric")
"""What is the same in all that one sentence compares."""


def across_models(rows: Sequence[Row], *, baseline: str) -> list[str]:
    """Say of each composition how it stands under every model, where the models differ most.

    Nothing is said where there is one model, or too few pairs to tell anything.
    """
    groups: dict[tuple[object, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[axis] for axis in COMMON)].append(row)
    several = [own for own in groups.values() if len({row["model"] for row in own}) > 1]
    many = len({group[1:] for group in groups}) > 1
    return [_sentence(own, baseline=baseline, with_setting=many) for own in several]


def _sentence(rows: Sequence[Row], *, baseline: str, with_setting: bool) -> str:
    place = _telling(rows)
    here = [row for row in rows if row["continent"] == place]
    seen = sorted(here, key=lambda row: (not row["distinguishable"], row["p"] is None))
    said = "; ".join(
        _of_model(row, baseline=baseline, leads=at == 0) for at, row in enumerate(seen)
    )
    first = rows[0]
    setting = f"On {first['task']}, n = {wording.samples(first['n'])}, {first['protocol']}, "
    told = f"{setting if with_setting else ''}{said}."
    return f"{told[0].upper()}{told[1:]}"


def _telling(rows: Sequence[Row]) -> str:
    """Return where the largest difference that can be told from zero is; else the average."""
    seen = [row for row in rows if row["distinguishable"]]
    if seen:
        return str(max(seen, key=lambda row: abs(row["difference"]))["continent"])
    places = [str(row["continent"]) for row in rows]
    return MEAN if MEAN in places else places[0]


def _of_model(row: Row, *, baseline: str, leads: bool) -> str:
    model, composition = row["model"], row["composition"]
    where = "on average over the continents" if row["continent"] == MEAN else _in(row)
    if row["p"] is None:
        return f"for {model} there are too few pairs to compare {composition} with {baseline}"
    if row["distinguishable"]:
        better = (composition, baseline) if row["difference"] > 0 else (baseline, composition)
        unit = wording.metric(row["metric"])
        return f"for {model}, {better[0]} beats {better[1]} {by(row, unit, where)}, {pairs(row)}"
    between = f" between {composition} and {baseline} {where}" if leads else ""
    return f"for {model} the difference{between} is not distinguishable from zero"


def _in(row: Row) -> str:
    return f"in {wording.place(row['continent'])}"
