"""What a step leaves on disk, file by file: listed with checksums, and held against the list."""

import hashlib
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from terrasweep.infra.errors import TornError


class Artefact(BaseModel):
    """What one file must be for its record to hold."""

    model_config = ConfigDict(frozen=True)

    bytes: int
    """Its size."""
    sha256: str
    """Its checksum."""


def list_artefacts(folder: Path) -> dict[str, Artefact]:
    """Return all files under a folder, each with its checksum."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    with ThreadPoolExecutor() as pool:
        sums = list(pool.map(_sha256, files))
    return {
        path.relative_to(folder).as_posix(): Artefact(bytes=path.stat().st_size, sha256=checksum)
        for path, checksum in zip(files, sums, strict=True)
    }


_seen: dict[tuple[str, int, int], str] = {}


def check_artefacts(folder: Path, promised: Mapping[str, Artefact], *, what: str) -> None:
    """Compare a folder with what was promised of it.

    Raises:
        TornError: If a file is missing, too many or other than it was.
    """
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    expected = f"the files of {what} as they were recorded"
    fix = "run the same command again; the step is computed again"
    for name in sorted(there ^ set(promised)):
        got = f"an extra file {name}" if name in there else f"no file {name}"
        raise TornError(expected, got=got, fix=fix)
    for name, artefact in promised.items():
        path = folder / name
        if path.stat().st_size != artefact.bytes or _checksum(path) != artefact.sha256:
            raise TornError(expected, got=f"other content in {name}", fix=fix)


def _checksum(path: Path) -> str:
    """Hash a file once per process, unless it changes.

    A file that changed just now is hashed again next time: within one tick of the disk's clock
    a second change would not show.
    """
    stat = path.stat()
    mark = (str(path), stat.st_size, stat.st_mtime_ns)
    if mark not in _seen:
        checksum = _sha256(path)
        if time.time_ns() - stat.st_mtime_ns < 100_000_000:
            return checksum
        _seen[mark] = checksum
    return _seen[mark]


def _sha256(path: Path) -> str:
    """Return the checksum of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
