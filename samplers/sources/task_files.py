"""What tasks in files share: where the files lie, the errors if they do not, and the columns."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from terrasweep.infra.errors import TaskError
from terrasweep.samplers.formats import user_files
from terrasweep.samplers.geography import continents
from terrasweep.samplers.geography.cells import cells_of
from terrasweep.samplers.sources.image_index import UNKNOWN_MONTH
from terrasweep.samplers.spec.tasks import FiledTaskSpec

CELL_RESOLUTION = 5
"""H3 resolution of a sample's cell in a task's table."""


def place(spec: FiledTaskSpec) -> Path:
    """Return the task's file or folder; a relative path starts at TERRASWEEP_POOLS."""
    return user_files.resolve(spec.path)


def folder(spec: FiledTaskSpec, *, holds: str, get: str, needs: Sequence[str] = ()) -> Path:
    """Return the task's folder.

    Args:
        spec: The task.
        holds: What should lie there, for the error.
        get: Where that is to be had.
        needs: Files or folders that must lie in it.

    Raises:
        TaskError: If it is not there or lacks one of them.
    """
    root = place(spec)
    if not root.is_dir():
        got = "a file" if root.is_file() else "no such folder"
        raise _error(root, holds=holds, get=get, got=got)
    lacking = [name for name in needs if not (root / name).exists()]
    if lacking:
        raise incomplete(root, holds=holds, get=get, got=f"no {', '.join(lacking)}")
    return root


def file(spec: FiledTaskSpec, *, holds: str, get: str) -> Path:
    """Return the task's file.

    Raises:
        TaskError: If it is not there.
    """
    path = place(spec)
    if not path.is_file():
        got = "a folder" if path.is_dir() else "no such file"
        raise _error(path, holds=holds, get=get, got=got)
    return path


def incomplete(root: Path, *, holds: str, get: str, got: str = "") -> TaskError:
    """Return the error that says what was looked for, what is there, and where to get it."""
    there = sorted(item.name for item in root.iterdir()) if root.is_dir() else []
    some = ", ".join(there[:8]) + (f" and {len(there) - 8:,} more" if len(there) > 8 else "")
    present = (
        f"{got} (the folder holds {some or 'nothing'})" if got else f"only {some or 'nothing'}"
    )
    return _error(root, holds=holds, get=get, got=present)


def columns(
    spec: FiledTaskSpec,
    *,
    ids: Sequence[object] | np.ndarray,
    lat: np.ndarray,
    lon: np.ndarray,
    label: np.ndarray,
    month: np.ndarray | None = None,
    **more: np.ndarray,
) -> dict[str, np.ndarray]:
    """Return a task's columns: cell and continent follow from the coordinates.

    Raises:
        TaskError: If a sample has no place on Earth.
    """
    lat, lon = (np.asarray(one, dtype=np.float64) for one in (lat, lon))
    placed = (np.abs(lat) <= 90) & (np.abs(lon) <= 180)  # a NaN is not
    if not placed.all():
        first = str(np.asarray(ids)[~placed][0])
        raise TaskError(
            f"latitude and longitude of each sample of task {spec.name}",
            got=f"{int((~placed).sum())} without, the first of them {first!r}",
            fix="correct the task's files",
        )
    unknown = np.full(len(lat), UNKNOWN_MONTH)
    return {
        "id": np.array([str(one) for one in ids]),
        "lat": lat,
        "lon": lon,
        "cell": cells_of(lat, lon, resolution=CELL_RESOLUTION),
        "continent": continents.names(lat, lon, russia=spec.russia),
        "label": label,
        "month": np.asarray(unknown if month is None else month, dtype=np.uint8),
        **more,
    }


def _error(root: Path, *, holds: str, get: str, got: str) -> TaskError:
    fix = f"check `path` of the task, or set TERRASWEEP_POOLS to the folder it starts at; {get}"
    return TaskError(f"{holds} in {root}", got=got, fix=fix)
