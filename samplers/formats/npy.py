"""NumPy's own files in bytes: heads and arrays, of numbers only; nothing in them is unpickled."""

import io
import zipfile
import zlib

import numpy as np
from numpy.lib import format as npy

HEAD = 4096
"""How many bytes hold the head of any array of numbers."""

_HEADS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def shape_of(head: bytes) -> tuple[int, ...] | None:
    """Return the shape that the first bytes of a file tell, or none if they tell none."""
    stream = io.BytesIO(head)
    try:
        shape, _, dtype = _HEADS[npy.read_magic(stream)](stream)
    except (ValueError, KeyError):
        return None
    return shape if dtype.kind in "fiub" else None


def array_of(data: bytes) -> np.ndarray | None:
    """Return the array of a file, or none if it is cut short or holds something else."""
    try:
        values = npy.read_array(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, OSError):
        return None
    return np.asarray(values) if values.dtype.kind in "fiub" else None


def arrays_of(data: bytes) -> dict[str, np.ndarray]:
    """Return the arrays of an archive of them (.npz) that can be read, by name."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            arrays = {name: array_of(archive.read(name)) for name in sorted(archive.namelist())}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError):
        return {}
    return {name.removesuffix(".npy"): one for name, one in arrays.items() if one is not None}
