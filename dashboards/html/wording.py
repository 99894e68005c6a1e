"""Names, numbers and intervals as they are printed."""

import re
from collections.abc import Mapping

METRICS = {
    "f1": "F1",
    "f1_macro": "macro F1",
    "f1_micro": "micro F1",
    "f1_weighted": "weighted F1",
    "miou": "mIoU",
    "r2": "R²",
    "rmse": "RMSE",
}
MAX_REASON = 300
MINUS = "\u2212"
NOTHING = "\u2013"
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_CAUSE = re.compile(r"[\w.]*(Error|Exception|Interrupt): ")


def slug(*parts: object) -> str:
    """Return some names as one part of a file name or an id."""
    joined = "-".join(str(part) for part in parts).lower()
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in joined)


def metric(name: str) -> str:
    """Return what people call a metric."""
    return METRICS.get(name, name.replace("_", " "))


def place(name: str) -> str:
    """Return what people call a continent."""
    special = {"global": "all continents at once", "mean of continents": name}
    return special.get(name, name.replace("_", " ").title())


def tested(name: str) -> str:
    """Return where a cell was tested, as the end of a sentence."""
    special = {"same": "on the same continent", "others": "on the others", "all": "everywhere"}
    return special.get(name, f"in {place(name)}")


def samples(n: int) -> str:
    """Return a number of training samples; 0 stands for all there are."""
    return f"{n:,}" if n else "all"


def value(name: str, *, over: str) -> str:
    """Return what people call a value of a stratum."""
    if over == "continent":
        return place(name)
    words = name.replace("_", " ")
    return f"{words[:1].upper()}{words[1:]}"


def plain(value: object) -> str:
    """Return a field's value as text; empty values are left out."""
    if isinstance(value, dict):
        fields = {name: plain(own) for name, own in value.items()}
        return "; ".join(f"{name} {own}" for name, own in fields.items() if own)
    return ", ".join(map(plain, value)) if isinstance(value, list | tuple) else str(value)


def places(names: list[str]) -> str:
    """Return several continents as one phrase."""
    return listed([place(name) for name in names])


def listed(items: list[str]) -> str:
    """Join some words with commas and a last "and"."""
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def counted(number: int, noun: str) -> str:
    """Return a number of things, in the singular where it is one."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def reason(kind: str, message: str) -> str:
    """Return why something failed in one line: from a traceback, the error that began it."""
    lines = [line.strip() for line in _ANSI.sub("", message).splitlines() if line.strip()]
    causes = [line for line in lines if _CAUSE.match(line)]
    line = causes[0] if causes else f"{kind}: {lines[0] if lines else 'no message'}"
    return line if len(line) <= MAX_REASON else f"{line[:MAX_REASON]}…"


def score(value: float | None) -> str:
    """Return a score with three decimals."""
    return NOTHING if value is None else _number(value, ".3f")


def signed(value: float | None) -> str:
    """Return a difference with its sign."""
    return NOTHING if value is None else _number(value, "+.3f")


def percent(share: float) -> str:
    """Return a share in per cent, small ones with a decimal."""
    if 0 < share < 0.0005:
        return "<\u00a00.1\u00a0%"
    digits = 1 if 0 < share < 0.0995 else 0
    return f"{100 * share:.{digits}f}\u00a0%"


def interval(low: float | None, high: float | None) -> str:
    """Return an interval in brackets."""
    return "[no interval]" if low is None or high is None else f"[{score(low)}, {score(high)}]"


def p_value(p: float | None) -> str:
    """Return a p value, or that it is smaller than one prints."""
    return NOTHING if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"


def duration(seconds: float) -> str:
    """Return a time in the unit that suits it."""
    if seconds < 90:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _number(value: float, form: str) -> str:
    """Print a number; one that prints as zero has no sign."""
    text = format(value, form)
    return text.lstrip("+-") if float(text) == 0 else text.replace("-", MINUS)


def unit(definition: Mapping[str, object] | None) -> str:
    """Return the unit of a spectral entropy that was measured so."""
    return str((definition or {}).get("unit", "nats"))
