"""The rows of a pool that lies in many files: an index of places, and pixels read one by one.

A row whose pixels cannot be had keeps its line, with the reason in the column ``rejected``: the
shard step counts it and nothing is dropped in silence. Its pixels are zeros.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from terrasweep.samplers.formats.faults import RejectedRow

UNKNOWN_MONTH: Final = 255
"""The month of a sample whose source does not say when it was seen."""

CHUNK: Final = 4096
CHUNK_BYTES: Final = 16 << 20

INDEX: Final = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("lat", pa.float64(), nullable=False),
        pa.field("lon", pa.float64(), nullable=False),
        pa.field("month", pa.uint8(), nullable=False),
        pa.field("file", pa.string(), nullable=False),
        pa.field("rejected", pa.string(), nullable=False),
    ]
)
"""One line per row of a pool: where it lies on Earth and which file holds its pixels."""


@dataclass(frozen=True)
class LoadedImage:
    """What a row's file holds, and where that lies if the file says so."""

    image: np.ndarray
    lat: float | None = None
    lon: float | None = None


@dataclass(frozen=True)
class Patch:
    """The shape and the type that the images of a pool share."""

    num_bands: int
    size_px: int
    dtype: str

    @property
    def shape(self) -> tuple[int, int, int]:
        """Bands, height, width."""
        return (self.num_bands, self.size_px, self.size_px)

    @property
    def per_chunk(self) -> int:
        """How many images a chunk holds: it has to fit a worker's memory a few times over."""
        each = int(np.prod(self.shape)) * np.dtype(self.dtype).itemsize
        return max(1, min(CHUNK, CHUNK_BYTES // each))


def index(columns: Mapping[str, Sequence[object] | np.ndarray | pa.ChunkedArray]) -> pa.Table:
    """Return an index; a row without a reason against it has the empty text."""
    size = len(columns["id"])
    given: dict[str, Any] = {
        "month": np.full(size, UNKNOWN_MONTH, dtype=np.uint8),
        "file": np.full(size, ""),
        "rejected": np.full(size, ""),
        **columns,
    }
    arrays = [_column(given[field.name], field.type) for field in INDEX]
    return pa.Table.from_arrays(arrays, schema=INDEX)


def num_sound(whole: pa.Table) -> int:
    """Return how many rows of an index have no reason against them yet."""
    sound: int = pc.sum(pc.equal(whole.column("rejected"), "")).as_py()
    return sound


def rejected(faults: Mapping[str, str]) -> pa.Table:
    """Return an index of rows that are none, by name and with the reason against each."""
    nowhere = np.full(len(faults), np.nan)
    reasons = list(faults.values())
    return index({"id": list(faults), "lat": nowhere, "lon": nowhere, "rejected": reasons})


def slice_of(whole: pa.Table, chunk: int, *, size: int) -> pa.Table:
    """Return the rows of one chunk.

    Raises:
        IndexError: If there is no such chunk.
    """
    if not 0 <= chunk * size < whole.num_rows:
        raise IndexError(f"no chunk {chunk}")
    return whole.slice(chunk * size, size)


def months(dates: Sequence[str | None] | pa.ChunkedArray) -> np.ndarray:
    """Return the months, 0 to 11, of dates that begin with YYYY-MM or YYYYMM."""
    column = (
        dates
        if isinstance(dates, pa.ChunkedArray)
        else pa.chunked_array([pa.array(dates, pa.string())])
    )
    words = column.combine_chunks().dictionary_encode()  # few months, many samples
    known = np.array([_month(date or "") for date in words.dictionary.to_pylist()], dtype=np.uint8)
    known = np.append(known, np.uint8(UNKNOWN_MONTH))
    return np.asarray(known[words.indices.fill_null(len(known) - 1).to_numpy()])


def gather(
    part: pa.Table, *, patch: Patch, load: Callable[[str], LoadedImage]
) -> dict[str, np.ndarray]:
    """Return the columns of an index's rows with the images that `load` finds in their files."""
    rows = part.to_pylist()
    images = np.zeros((len(rows), *patch.shape), dtype=patch.dtype)
    for row, image in zip(rows, images, strict=True):
        if row["rejected"]:
            continue
        try:
            seen = load(row["file"])
            image[:] = fit(seen.image, size_px=patch.size_px)
            row["lat"] = row["lat"] if seen.lat is None else seen.lat
            row["lon"] = row["lon"] if seen.lon is None else seen.lon
        except RejectedRow as fault:
            row["rejected"] = str(fault)
    return {
        **columns(index({name: [row[name] for row in rows] for name in INDEX.names})),
        "image": images,
    }


def columns(part: pa.Table) -> dict[str, np.ndarray]:
    """Return what a pool's rows are but for their arrays."""
    texts = {
        name: np.array(part.column(name).to_pylist(), dtype=str) for name in ("id", "rejected")
    }
    numbers = {name: part.column(name).to_numpy() for name in ("lat", "lon", "month")}
    return {**texts, **numbers}


def fit(image: np.ndarray, *, size_px: int) -> np.ndarray:
    """Return a square image: the middle of a larger one, zeros around a smaller one.

    Where a margin cannot be halved, the odd row or column is cut or added at the bottom or right.
    """
    for axis in (1, 2):
        over = image.shape[axis] - size_px
        if over > 0:
            image = image.take(range(over // 2, over // 2 + size_px), axis=axis)
        elif over < 0:
            margins = [(0, 0)] * 3
            margins[axis] = (-over // 2, -over - -over // 2)
            image = np.pad(image, margins)
    return image


def _column(values: Any, kind: pa.DataType) -> pa.Array | pa.ChunkedArray:
    return values.cast(kind) if isinstance(values, pa.ChunkedArray) else pa.array(values, kind)


def _month(date: str) -> int:
    digits = "".join(letter for letter in date[:7] if letter.isdigit())[:6]
    month = int(digits[4:]) if len(digits) == 6 else 0
    return month - 1 if 1 <= month <= 12 else UNKNOWN_MONTH
