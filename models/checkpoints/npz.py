"""Arrays in .npz files, a few samples at a time: what is held does not grow with the file.

A member is read as a stream, so compressed files stream as well; a pickled one is refused. Only an
array that was saved in Fortran order is read whole, for its samples do not lie one after another.
"""

import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Final

import numpy as np
from numpy.lib import format as npy

from terrasweep.infra.errors import UserError

BROKEN: Final = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError, NotImplementedError)
SUFFIX: Final = ".npy"


@dataclass(frozen=True)
class Header:
    """What a member says of its array."""

    shape: tuple[int, ...]
    dtype: np.dtype
    is_fortran: bool

    @property
    def row_bytes(self) -> int:
        """How much one sample takes."""
        return self.dtype.itemsize * prod(self.shape[1:])


def headers(path: Path) -> dict[str, Header]:
    """Return what a file holds, by name; no array is read.

    Raises:
        UserError: If it is no .npz file of plain arrays.
    """
    with _read_errors(path), zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(SUFFIX)]
        headers = {}
        for name in names:
            with archive.open(name) as stream:
                headers[name.removesuffix(SUFFIX)] = _header(stream)
    return headers


def chunks(path: Path, names: Sequence[str], *, size: int) -> Iterator[dict[str, np.ndarray]]:
    """Yield arrays by name, `size` samples at a time; an array without axes is in every chunk.

    Raises:
        UserError: If the file ends before its arrays do.
    """
    with _read_errors(path), zipfile.ZipFile(path) as archive, ExitStack() as stack:
        open_ = {name: stack.enter_context(archive.open(f"{name}{SUFFIX}")) for name in names}
        members = {name: _Member(stream) for name, stream in open_.items()}
        still = {name: one.whole() for name, one in members.items() if not one.header.shape}
        rows = {name: one for name, one in members.items() if one.header.shape}
        total = min(one.header.shape[0] for one in rows.values())
        for at in range(0, total, size):
            number = min(size, total - at)
            yield {**still, **{name: one.take(number) for name, one in rows.items()}}


@contextmanager
def writing(path: Path, *, name: str, samples: int) -> Iterator["Rows"]:
    """Write one float32 array row by row; the file is there whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    try:
        with (
            zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive,
            archive.open(f"{name}{SUFFIX}", "w", force_zip64=True) as stream,
        ):
            yield Rows(stream, samples)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


class Rows:
    """The rows of an array on their way into a file."""

    def __init__(self, stream: IO[bytes], samples: int) -> None:
        """Take the stream; the header follows with the first rows, which tell the width."""
        self.stream, self.samples, self.width = stream, samples, 0

    def add(self, rows: np.ndarray) -> None:
        """Write some more rows."""
        if not self.width:
            self.width = rows.shape[1]
            shape = (self.samples, self.width)
            header = {"descr": "<f4", "fortran_order": False, "shape": shape}
            npy.write_array_header_1_0(self.stream, header)
        self.stream.write(np.ascontiguousarray(rows, dtype="<f4").tobytes())


class _Member:
    """One array of a file, from its first sample on."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream, self.at = stream, 0
        self.header = _header(stream)
        self.all = self.whole() if self.header.is_fortran else None

    def whole(self) -> np.ndarray:
        header = self.header
        data = _read(self.stream, header.dtype.itemsize * prod(header.shape))
        flat = np.frombuffer(data, dtype=header.dtype)
        if header.is_fortran:
            return flat.reshape(header.shape, order="F")
        return flat.reshape(header.shape)

    def take(self, number: int) -> np.ndarray:
        header = self.header
        self.at += number
        if self.all is not None:
            return self.all[self.at - number : self.at]
        data = _read(self.stream, number * header.row_bytes)
        return np.frombuffer(data, dtype=header.dtype).reshape(number, *header.shape[1:])


def _header(stream: IO[bytes]) -> Header:
    version = npy.read_magic(stream)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, is_fortran, dtype = read(stream)
    if dtype.hasobject:
        raise ValueError("an array of Python objects, which only unpickling could read")
    return Header(shape, dtype, is_fortran)


def _read(stream: IO[bytes], num_bytes: int) -> bytes:
    data = stream.read(num_bytes)
    if len(data) < num_bytes:
        raise EOFError("an array that is cut off")
    return data


@contextmanager
def _read_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except BROKEN as error:
        got = "no such file" if not path.exists() else str(error).splitlines()[0]
        raise UserError(
            f"arrays as numpy's savez writes them in {path}",
            got=got,
            fix="write them again with numpy.savez or numpy.savez_compressed",
        ) from error


def refuse_unequal(headers: Mapping[str, Header], *, path: Path) -> int:
    """Return how many samples there are.

    Raises:
        UserError: If arrays disagree, or there is none.
    """
    counts = {name: one.shape[0] for name, one in headers.items() if one.shape}
    if len(set(counts.values())) == 1 and min(counts.values()) > 0:
        return next(iter(counts.values()))
    summary = ", ".join(f"{number:,} of {name}" for name, number in counts.items())
    expected = f"the same number of samples, at least one, in every array of {path}"
    raise UserError(expected, got=summary or "no array with samples", fix="write the file again")
