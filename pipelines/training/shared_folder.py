"""A folder that processes of one machine share while they use it; the last of them removes it."""

import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

WHOLE: Final = "whole"
LOCK: Final = ".lock"


@contextmanager
def shared_folder(name: str, fill: Callable[[Path], None], *, home: Path) -> Iterator[Path]:
    """Lend the folder of a name; whoever comes first fills it, and others wait.

    The kernel lets go of a dead process's lock, so what it left is removed by the next one.
    """
    home.mkdir(parents=True, exist_ok=True)
    folder = home / name
    with (home / f"{name}{LOCK}").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_SH)
        while not (folder / WHOLE).exists():
            fcntl.flock(handle, fcntl.LOCK_EX)
            if not (folder / WHOLE).exists():
                _tidy(home, but=name)
                _fill(folder, fill)
            fcntl.flock(handle, fcntl.LOCK_SH)  # a moment without a lock: so look again
        try:
            yield folder
        finally:
            with suppress(BlockingIOError):
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)


def _fill(folder: Path, fill: Callable[[Path], None]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        fill(folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    (folder / WHOLE).touch()


def _tidy(home: Path, *, but: str) -> None:
    """Remove what killed processes left."""
    for lock in home.glob(f"*{LOCK}"):
        folder = lock.with_suffix("")
        if folder.name == but or not folder.exists():
            continue
        with lock.open("a") as handle, suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
