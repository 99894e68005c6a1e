"""The answer in sentences, generated from the table of differences alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

from terrasweep.dashboards.html import wording
from terrasweep.dashboards.statistics.differences import MEAN
from terrasweep.dashboards.tables.rows import CoverageRow, DifferenceRow, group_by

NUM_LISTED = 3
"""Continents that are listed one by one."""


class AcrossModels(TypedDict):
    """What is the same in all that one sentence compares."""

    composition: str
    task: str
    tested: str
    n: int
    protocol: str
    metric: str


@dataclass(frozen=True)
class Verdict:
    """The sentences about one composition against the baseline."""

    composition: str
    sentences: tuple[str, ...]


def headline(rows: Sequence[DifferenceRow], *, baseline: str) -> str:
    """Return which compositions beat the baseline on average, and which do not."""
    places = {row["continent"] for row in rows}
    where = MEAN if MEAN in places or len(places) != 1 else places.pop()
    average = [row for row in rows if row["continent"] == where]
    tested = [row for row in average if row["p"] is not None]
    if not tested:
        return f"There are too few results to compare any composition with {baseline}."
    ahead = [row for row in tested if row["distinguishable"] and row["difference"] > 0]
    behind = [row for row in tested if row["distinguishable"] and row["difference"] < 0]
    level = [row for row in tested if not row["distinguishable"]]
    clauses = [
        f"{_names(group)} {singular if len(group) == 1 else plural} {baseline}"
        for group, plural, singular in (
            (ahead, "beat", "beats"),
            (behind, "fall behind", "falls behind"),
            (level, "are not distinguishable from", "is not distinguishable from"),
        )
        if group
    ]
    over = "on average over the continents" if where == MEAN else f"in {wording.place(where)}"
    text = "; ".join(clauses)
    single = any(row["num_replicates"] == 1 for row in tested)
    basis = ", based on one pretraining run of each" if single else ""
    return f"{text[0].upper()}{text[1:]}, {over}{basis}."


def verdicts(rows: Sequence[DifferenceRow], *, baseline: str) -> list[Verdict]:
    """Compare each composition with the baseline, on average and by continent."""
    by_composition: dict[str, list[DifferenceRow]] = {}
    for row in rows:
        by_composition.setdefault(row["composition"], []).append(row)
    return [
        Verdict(composition, tuple(_compared(composition, own, baseline=baseline)))
        for composition, own in by_composition.items()
    ]


def across_models(rows: Sequence[DifferenceRow], *, baseline: str) -> list[str]:
    """Compare each composition with the baseline under every model, where it differs most.

    There are no sentences where there is only one model.
    """
    groups = group_by(rows, _without_model)
    several = [own for _, own in groups if len({row["model"] for row in own}) > 1]
    many = len({tuple(axes.values())[1:] for axes, _ in groups}) > 1
    return [_sentence(own, baseline=baseline, with_setting=many) for own in several]


def caveats(rows: Sequence[DifferenceRow], *, coverage: Sequence[CoverageRow]) -> list[str]:
    """Return what the intervals leave out, what is missing, and what could have been detected."""
    sentences = (_holes(coverage), _luck(rows), _correction(rows), _detectable(rows))
    return [sentence for sentence in sentences if sentence is not None]


def _names(rows: Sequence[DifferenceRow]) -> str:
    return wording.listed([row["composition"] for row in rows])


def _compared(composition: str, rows: Sequence[DifferenceRow], *, baseline: str) -> list[str]:
    average = [row for row in rows if row["continent"] == MEAN]
    places = [row for row in rows if row["continent"] != MEAN]
    sentences = [_on_average(row, places, baseline=baseline) for row in average]
    for leader, sign in ((baseline, -1), (composition, 1)):
        ahead = [row for row in places if row["distinguishable"] and sign * row["difference"] > 0]
        if ahead:
            sentences.append(f"{leader} is ahead {_where(ahead, len(places))}.")
    tested = [row for row in places if row["p"] is not None]
    level = [row["continent"] for row in tested if not row["distinguishable"]]
    if level:
        sentences.append(f"Not distinguishable in {wording.places(level)}.")
    unknown = [row["continent"] for row in places if row["p"] is None]
    if unknown:
        sentences.append(f"Too few pairs to compare in {wording.places(unknown)}.")
    return sentences


def _where(ahead: Sequence[DifferenceRow], num_places: int) -> str:
    """Return where and by how much; the smallest and the largest where there are many."""
    if len(ahead) <= NUM_LISTED:
        return "in " + wording.listed(
            [f"{wording.place(row['continent'])} {_by(row)}" for row in ahead]
        )
    ordered = sorted(ahead, key=lambda row: abs(row["difference"]))
    least, most = ordered[0], ordered[-1]
    many = f"all {num_places}" if len(ahead) == num_places else f"{len(ahead)} of {num_places}"
    return (
        f"on {many} continents, least in {wording.place(least['continent'])} {_by(least)}, "
        f"most in {wording.place(most['continent'])} {_by(most)}"
    )


def _on_average(row: DifferenceRow, places: Sequence[DifferenceRow], *, baseline: str) -> str:
    composition, unit = row["composition"], wording.metric(row["metric"])
    over = f"on average over {wording.counted(len(places), 'continent')}"
    number = _pairs(row)
    if row["p"] is None:
        return f"{composition} and {baseline} cannot be compared {over}: too few pairs."
    if not row["distinguishable"]:
        difference = (
            f"{wording.signed(row['difference'])} {wording.interval(row['low'], row['high'])}"
        )
        return (
            f"{composition} and {baseline} are not distinguishable {over}: "
            f"{difference} {unit}, {number}."
        )
    better = (composition, baseline) if row["difference"] > 0 else (baseline, composition)
    return f"{better[0]} beats {better[1]} {_by(row)} {unit} {over}, {number}."


def _by_at(row: DifferenceRow, unit: str, where: str) -> str:
    return f"by {_size(row)} {unit} {where} {_leading_interval(row)}"


def _by(row: DifferenceRow) -> str:
    """Return a difference as the leader's: positive, with its interval."""
    return f"by {_size(row)} {_leading_interval(row)}"


def _size(row: DifferenceRow) -> str:
    return wording.score(abs(row["difference"]))


def _leading_interval(row: DifferenceRow) -> str:
    low, high = row["low"], row["high"]
    if row["difference"] < 0 and low is not None and high is not None:
        low, high = -high, -low
    return wording.interval(low, high)


def _pairs(row: DifferenceRow) -> str:
    """Return how many pairs a difference is estimated from."""
    if row["num_replicates"] > 1:
        seeds = wording.counted(row["num_seeds"], "seed")
        return f"{wording.counted(row['num_replicates'], 'paired pretraining')} of {seeds} each"
    return wording.counted(row["num_pairs"], "paired seed")


def _holes(coverage: Sequence[CoverageRow]) -> str | None:
    planned = sum(row["planned"] for row in coverage)
    num_failed = sum(row["failed"] for row in coverage)
    num_open = sum(row["open"] for row in coverage)
    if not num_failed + num_open:
        return None
    return (
        f"{num_failed + num_open:,} of {planned:,} planned cells have no value yet "
        f"({num_failed:,} failed, {num_open:,} open): all numbers are computed from the others "
        "and may change."
    )


def _luck(rows: Sequence[DifferenceRow]) -> str | None:
    if not any(row["num_replicates"] == 1 for row in rows):
        return None
    return (
        "Each composition was drawn and pretrained once. The intervals cover the luck of the "
        "finetuning draws, not the luck of the pretraining run: another run of the same "
        "composition may differ by more. Three or more replicates would show by how much."
    )


def _correction(rows: Sequence[DifferenceRow]) -> str | None:
    tests = {row["num_tests"] for row in rows if row["continent"] != MEAN}
    if not tests or max(tests) < 2:
        return None
    return (
        f"“Distinguishable” means p < 0.05 in a paired t test after Holm's correction for "
        f"{max(tests)} comparisons. The intervals are 95 % each, without correction."
    )


def _detectable(rows: Sequence[DifferenceRow]) -> str | None:
    sizes = [row["detectable"] for row in rows if row["detectable"] and row["continent"] != MEAN]
    if not sizes:
        return None
    middle = sorted(sizes)[len(sizes) // 2]
    return (
        f"On one continent, a true difference of about {wording.score(middle)} is found in four "
        "sweeps of five before correction. Smaller differences are mostly missed."
    )


def _without_model(row: DifferenceRow) -> AcrossModels:
    return {
        "composition": row["composition"],
        "task": row["task"],
        "tested": row["tested"],
        "n": row["n"],
        "protocol": row["protocol"],
        "metric": row["metric"],
    }


def _sentence(rows: Sequence[DifferenceRow], *, baseline: str, with_setting: bool) -> str:
    place = _clearest_place(rows)
    here = [row for row in rows if row["continent"] == place]
    seen = sorted(here, key=lambda row: (not row["distinguishable"], row["p"] is None))
    clauses = "; ".join(
        _of_model(row, baseline=baseline, leads=at == 0) for at, row in enumerate(seen)
    )
    first = rows[0]
    setting = f"On {first['task']}, n = {wording.samples(first['n'])}, {first['protocol']}, "
    text = f"{setting if with_setting else ''}{clauses}."
    return f"{text[0].upper()}{text[1:]}"


def _clearest_place(rows: Sequence[DifferenceRow]) -> str:
    """Return where the largest distinguishable difference is; else the average."""
    seen = [row for row in rows if row["distinguishable"]]
    if seen:
        return max(seen, key=lambda row: abs(row["difference"]))["continent"]
    places = [row["continent"] for row in rows]
    return MEAN if MEAN in places else places[0]


def _of_model(row: DifferenceRow, *, baseline: str, leads: bool) -> str:
    model, composition = row["model"], row["composition"]
    where = "on average over the continents" if row["continent"] == MEAN else _in(row)
    if row["p"] is None:
        return f"for {model} there are too few pairs to compare {composition} with {baseline}"
    if row["distinguishable"]:
        better = (composition, baseline) if row["difference"] > 0 else (baseline, composition)
        unit = wording.metric(row["metric"])
        return (
            f"for {model}, {better[0]} beats {better[1]} {_by_at(row, unit, where)}, {_pairs(row)}"
        )
    between = f" between {composition} and {baseline} {where}" if leads else ""
    return f"for {model} the difference{between} is not distinguishable from zero"


def _in(row: DifferenceRow) -> str:
    return f"in {wording.place(row['continent'])}"
