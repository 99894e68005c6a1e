"""How commands print: tables for people, JSON for programs; whole lines that can be pasted back."""

import json
import sys
from collections.abc import Mapping, Sequence

WIDE = 4000
"""Columns of a table that goes to a file: nothing is cut, nothing is wrapped."""


def say(text: str = "") -> None:
    """Print one line, never wrapped."""
    sys.stdout.write(f"{text}\n")


def say_now(text: str) -> None:
    """Print one line that is seen at once, into a pipe too."""
    say(text)
    sys.stdout.flush()


def complain(text: str) -> None:
    """Print to stderr, each line under the program's name."""
    for line in text.splitlines():
        sys.stderr.write(f"terrasweep: {line}\n")


def as_json(value: object) -> None:
    """Print a value as JSON and nothing else."""
    say(json.dumps(value, indent=1, default=str))


def table(rows: Sequence[Mapping[str, object]], *, title: str = "") -> None:
    """Print rows with their fields as columns; a terminal folds long values, a file never."""
    from rich import box  # local: keeps the front door light
    from rich.console import Console
    from rich.table import Table

    if not rows:
        return
    rich_table = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD)
    for name, value in rows[0].items():
        is_number = isinstance(value, int | float)
        rich_table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        rich_table.add_row(*(_cell(value) for value in row.values()))
    Console(width=None if sys.stdout.isatty() else WIDE, markup=False, highlight=False).print(
        rich_table
    )


def duration(seconds: float) -> str:
    """Return seconds in the unit that people would use."""
    for limit, size, unit in ((90, 1, "s"), (5400, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 86_400:.3g} d"


def size(num_bytes: float) -> str:
    """Return bytes in the unit that people would use."""
    for exponent, unit in enumerate(("B", "kB", "MB", "GB")):
        if num_bytes < 1000 ** (exponent + 1):
            return f"{num_bytes / 1000**exponent:.3g} {unit}"
    return f"{num_bytes / 1000**4:.3g} TB"


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
