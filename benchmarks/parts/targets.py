"""The targets of a benchmark and its figures: a table for people, one JSON line for programs.

Every benchmark ends through `report`, so ``--json`` always prints the same last line:
``{"targets": [{"name", "value", "target", "holds"}]}``.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Target:
    """One promise."""

    name: str
    value: float
    target: str
    """What is promised, in words: ``at most 5``."""
    holds: bool


def at_most(name: str, value: float, limit: float) -> Target:
    """Promise that a value does not exceed a limit."""
    return Target(name, value, f"at most {limit:g}", value <= limit)


def at_least(name: str, value: float, limit: float) -> Target:
    """Promise that a value reaches a limit."""
    return Target(name, value, f"at least {limit:g}", value >= limit)


def report(targets: Sequence[Target], *, as_json: bool) -> int:
    """Print all targets and return the exit code: 0 if all of them hold."""
    wide = max((len(one.name) for one in targets), default=0)
    for one in targets:
        verdict = "holds" if one.holds else "FAILS"
        print(f"{one.name:<{wide}}  {one.value:>12,.3f}  {one.target:<16}  {verdict}")
    if as_json:
        print(json.dumps({"targets": [asdict(one) for one in targets]}))
    return 0 if all(one.holds for one in targets) else 1
