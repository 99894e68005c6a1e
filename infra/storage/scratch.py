"""Folders for what is half made: held while their maker lives, removed once it is dead."""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

STALE_S = 3600  # younger scratch is left alone: its maker may not have locked it yet


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder for as long as this process lives; the kernel lets go of a dead one's."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def tidy(home: Path) -> None:
    """Remove what killed makers left behind."""
    for left in home.iterdir():
        with suppress(OSError):  # held by a living maker, or just removed by another
            if time.time() - left.stat().st_mtime < STALE_S:
                continue
            handle = os.open(left, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left) if left.is_dir() else left.unlink()
            finally:
                os.close(handle)
