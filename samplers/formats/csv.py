"""CSV tables that list a pool's samples: every line is a row, or is told to be none."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv

from terrasweep.infra.errors import PoolError

EMPTY = "an empty file"
BROKEN = "the line of the index has too few or too many values"


def read(path: Path, *, expected: Sequence[str]) -> tuple[pa.Table, list[str]]:
    """Return a CSV table with all values as text, and the names of lines that are none.

    Raises:
        PoolError: If the file cannot be read as CSV or lacks a column.
    """
    broken: list[str] = []

    def skip(row: csv.InvalidRow) -> str:
        broken.append(f"{path.name} line {row.number}")
        return "skip"

    text = {name: pa.string() for name in _header(path, expected=expected)}
    try:
        table = csv.read_csv(
            path,
            read_options=csv.ReadOptions(use_threads=False),
            parse_options=csv.ParseOptions(invalid_row_handler=skip),
            convert_options=csv.ConvertOptions(column_types=text),
        )
    except pa.ArrowInvalid as error:
        raise not_csv(path, expected=expected, got=" ".join(str(error).split())) from None
    return table, broken


def numbers(column: pa.ChunkedArray) -> np.ndarray:
    """Return text as numbers, NaN where it is none."""
    return np.asarray(pd.to_numeric(column.to_pandas(), errors="coerce"), dtype=np.float64)


def not_csv(path: Path, *, expected: Sequence[str], got: str) -> PoolError:
    """Return the error that says what a table should be."""
    what = f"a CSV table with the columns {', '.join(expected)} at {path}"
    return PoolError(what, got=got, fix="restore the file from where the pool came from")


def _header(path: Path, *, expected: Sequence[str]) -> list[str]:
    with path.open(encoding="utf-8", errors="replace") as file:
        names = [name.strip('"') for name in file.readline().rstrip("\r\n").split(",")]
    lacking = [name for name in expected if name not in names]
    if lacking:
        line = ", ".join(names)[:200]
        got = f"no {', '.join(lacking)} in the first line, which is {line}" if line else EMPTY
        raise not_csv(path, expected=expected, got=got)
    return names
