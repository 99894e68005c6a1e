"""The budget axis: one entry of the composition axis with several sizes is one for each of them.

The draws of one rule are nested, so the sizes of one entry are one set that grows.
"""

from collections.abc import Sequence

from pydantic import TypeAdapter, ValidationError

from terrasweep.samplers.spec.rules import Rule

_RULE: TypeAdapter[object] = TypeAdapter(Rule)


def expanded(entries: Sequence[object]) -> list[object]:
    """Return entries of one size each; those beyond an entry's first size come last.

    So an entry keeps its place, and what is wrong with it is told where it stands. An entry whose
    sizes or rule make no sense stays as it is: its fields tell.
    """
    firsts, others = [], []
    for entry in entries:
        first, *more = _with_each_size(entry)
        firsts.append(first)
        others += more
    return firsts + others


def short_name(size: int) -> str:
    """Return a size as a name's ending: 1000 is `1k`, 2000000 is `2m`, 1500 is `1500`."""
    if size % 1_000_000 == 0:
        return f"{size // 1_000_000}m"
    return f"{size // 1000}k" if size % 1000 == 0 else str(size)


def with_size(entry: object, size: object) -> object:
    """Give a composition the sweep's size if it says none of its own and draws at all."""
    is_count = isinstance(size, int) and not isinstance(size, bool) and size > 0
    if not isinstance(entry, dict) or {"size", "sizes"} & entry.keys() or not is_count:
        return entry  # what is no count is reported once, where it stands
    rule = entry.get("rule")
    draws = isinstance(rule, dict) and rule.get("kind") != "zero"
    return {**entry, "size": size} if draws else entry


def _with_each_size(entry: object) -> list[object]:
    fields = entry if isinstance(entry, dict) else getattr(entry, "__dict__", {})
    sizes, name = fields.get("sizes"), fields.get("name")
    if not isinstance(sizes, list | tuple) or not sizes or not isinstance(name, str):
        return [entry]
    if not all(type(size) is int and size > 0 for size in sizes):
        return [entry]
    if fields.get("size") or not _is_valid_rule(fields.get("rule")):
        return [entry]
    rest = {key: value for key, value in fields.items() if key != "sizes"}
    return [{**rest, "name": f"{name}_{short_name(size)}", "size": size} for size in sizes]


def _is_valid_rule(rule: object) -> bool:
    try:
        _RULE.validate_python(rule)
    except ValidationError:
        return False
    return True
