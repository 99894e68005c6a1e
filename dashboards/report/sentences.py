"""The answer in sentences, generated from the statistics and from nothing else."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from terrasweep.dashboards.html import wording
from terrasweep.dashboards.statistics.differences import MEAN
from terrasweep.dashboards.tables.cells import Row

COMMON = ("composition", "task", "tested", "n", "protocol", "metric")
"""What is the same in all that one sentence compares."""
NUM_LISTED = 3
"""Continents that are listed one by one."""


@dataclass(frozen=True)
class Verdict:
    """What is said of one composition against the baseline."""

    composition: str
    sentences: tuple[str, ...]


def headline(rows: Sequence[Row], *, baseline: str) -> str:
    """Say how many compositions are ahead of, behind or level with the baseline on average."""
    places = {row["continent"] for row in rows}
    where = MEAN if MEAN in places or len(places) != 1 else places.pop()
    average = [row for row in rows if row["continent"] == where]
    tested = [row for row in average if row["p"] is not None]
    if not tested:
        return f"There is not enough yet to compare any composition with {baseline}."
    ahead = [row for row in tested if row["distinguishable"] and row["difference"] > 0]
    behind = [row for row in tested if row["distinguishable"] and row["difference"] < 0]
    level = [row for row in tested if not row["distinguishable"]]
    said = [
        f"{_names(group)} {_verb(group, plural, single)}"
        for group, plural, single in (
            (ahead, f"beat {baseline}", f"beats {baseline}"),
            (behind, f"fall behind {baseline}", f"falls behind {baseline}"),
            (level, f"cannot be told apart from {baseline}", ""),
        )
        if group
    ]
    over = "on average over the continents" if where == MEAN else f"in {wording.place(where)}"
    text = "; ".join(said)
    single = any(row["num_replicates"] == 1 for row in tested)
    as_far = ", as far as one pretraining run of each can tell" if single else ""
    return f"{text[0].upper()}{text[1:]}, {over}{as_far}."


def verdicts(rows: Sequence[Row], *, baseline: str) -> list[Verdict]:
    """Say for each composition how it stands against the baseline, on average and by continent."""
    by_composition: dict[str, list[Row]] = {}
    for row in rows:
        by_composition.setdefault(row["composition"], []).append(row)
    return [
        Verdict(composition, tuple(_said(composition, of_one, baseline=baseline)))
        for composition, of_one in by_composition.items()
    ]


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


def caveats(rows: Sequence[Row], *, coverage: Sequence[Row]) -> list[str]:
    """Say what the intervals leave out, what is missing, and what could have been seen."""
    return [
        said
        for said in (_holes(coverage), _luck(rows), _correction(rows), _detectable(rows))
        if said is not None
    ]


def _names(rows: Sequence[Row]) -> str:
    return wording.listed([row["composition"] for row in rows])


def _verb(rows: Sequence[Row], plural: str, single: str) -> str:
    return single if len(rows) == 1 and single else plural


def _said(composition: str, rows: Sequence[Row], *, baseline: str) -> list[str]:
    average = [row for row in rows if row["continent"] == MEAN]
    places = [row for row in rows if row["continent"] != MEAN]
    said = [_on_average(row, places, baseline=baseline) for row in average]
    for leader, sign in ((baseline, -1), (composition, 1)):
        ahead = [row for row in places if row["distinguishable"] and sign * row["difference"] > 0]
        if ahead:
            said.append(f"{leader} is ahead {_where(ahead, len(places))}.")
    tested = [row for row in places if row["p"] is not None]
    level = [row["continent"] for row in tested if not row["distinguishable"]]
    if level:
        said.append(f"Not distinguishable in {wording.places(level)}.")
    unknown = [row["continent"] for row in places if row["p"] is None]
    if unknown:
        said.append(f"Too few pairs to compare in {wording.places(unknown)}.")
    return said


def _where(ahead: Sequence[Row], num_places: int) -> str:
    """Say where and by how much; the smallest and the largest where there are many."""
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


def _on_average(row: Row, places: Sequence[Row], *, baseline: str) -> str:
    composition, unit = row["composition"], wording.metric(row["metric"])
    over = f"on average over {wording.counted(len(places), 'continent')}"
    number = pairs(row)
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


def by(row: Row, unit: str, where: str) -> str:
    """Say a difference as the leader's: positive, with its unit, its place and its interval."""
    told, interval = _by(row).split(" [", 1)
    return f"{told} {unit} {where} [{interval}"


def _by(row: Row) -> str:
    """Say a difference as the leader's: positive, with its interval."""
    low, high = row["low"], row["high"]
    if row["difference"] < 0 and low is not None:
        low, high = -high, -low
    return f"by {wording.score(abs(row['difference']))} {wording.interval(low, high)}"


def pairs(row: Row) -> str:
    """Say of how many pairs a difference is."""
    if row["num_replicates"] > 1:
        seeds = wording.counted(row["num_seeds"], "seed")
        return f"{wording.counted(row['num_replicates'], 'paired pretraining')} of {seeds} each"
    return wording.counted(row["num_pairs"], "paired seed")


def _holes(coverage: Sequence[Row]) -> str | None:
    total: Mapping[str, int] = {
        fate: sum(row[fate] for row in coverage) for fate in ("planned", "failed", "open")
    }
    missing = total["failed"] + total["open"]
    if not missing:
        return None
    return (
        f"{missing:,} of {total['planned']:,} planned cells have no value yet "
        f"({total['failed']:,} failed, {total['open']:,} open): every number here is of the "
        "others alone and may change."
    )


def _luck(rows: Sequence[Row]) -> str | None:
    if not any(row["num_replicates"] == 1 for row in rows):
        return None
    return (
        "Each composition was drawn and pretrained once. The intervals contain the luck of the "
        "finetuning draws, not the luck of the pretraining run: another run of the same "
        "composition may differ by more than they say. Replicates, three or more, would show it."
    )


def _correction(rows: Sequence[Row]) -> str | None:
    tests = {row["num_tests"] for row in rows if row["continent"] != MEAN}
    if not tests or max(tests) < 2:
        return None
    return (
        f"“Distinguishable” means p < 0.05 in a paired t test after Holm's correction for "
        f"{max(tests)} comparisons; the intervals are 95 % each, without correction."
    )


def _detectable(rows: Sequence[Row]) -> str | None:
    sizes = [row["detectable"] for row in rows if row["detectable"] and row["continent"] != MEAN]
    if not sizes:
        return None
    middle = sorted(sizes)[len(sizes) // 2]
    return (
        f"On one continent a true difference of about {wording.score(middle)} would be found four "
        "times in five before correction; smaller ones will mostly be missed."
    )


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
