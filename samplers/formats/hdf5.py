"""HDF5 files: the only door to h5py, which is no part of the bare project."""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from terrasweep.infra.errors import TaskError
from terrasweep.samplers.formats import faults


def check_installed() -> None:
    """Refuse to go on without h5py.

    Raises:
        TaskError: If the extra `tasks` is not installed.
    """
    if importlib.util.find_spec("h5py") is None:
        raise TaskError(
            "the package h5py, to read HDF5 files",
            got="no such package",
            fix="run `pip install 'terrasweep[tasks]'`",
        )


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open a file to be read.

    Raises:
        TaskError: If it is missing, not whole, or lacks what is asked of it.
    """
    import h5py  # local: the extra `tasks` is needed only by tasks in HDF5 files

    try:
        with h5py.File(path) as file:
            yield file
    except (OSError, KeyError) as error:
        got = " ".join(str(error).strip("'\"").split())[:200]
        raise faults.malformed(path, expected="a whole HDF5 file", got=got) from None
