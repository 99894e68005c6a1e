"""Where a pool's files lie, and the errors if they do not."""

from pathlib import Path

from terrasweep.infra.errors import PoolError
from terrasweep.samplers.formats import user_files
from terrasweep.samplers.spec.pools import FilesSpec


def place(spec: FilesSpec) -> Path:
    """Return the pool's file or folder; a relative path starts at TERRASWEEP_POOLS."""
    return user_files.resolve(spec.path)


def folder(spec: FilesSpec, *, holds: str, get: str) -> Path:
    """Return the pool's folder.

    Raises:
        PoolError: If it is not there or empty; `holds` says what it should hold, `get` where that
            is to be had.
    """
    root = place(spec)
    if not root.is_dir():
        got = "a file" if root.is_file() else "no such folder"
        fix = f"check `path` of the pool, or set TERRASWEEP_POOLS to the folder it starts at; {get}"
        raise PoolError(f"{holds} in the folder {root}", got=got, fix=fix)
    if not any(root.iterdir()):
        raise missing(root, holds=holds, get=get, got="an empty folder")
    return root


def missing(root: Path, *, holds: str, get: str, got: str = "") -> PoolError:
    """Return the error that says what was looked for, what is there, and where to get it."""
    there = sorted(item.name for item in root.iterdir()) if root.is_dir() else []
    some = ", ".join(there[:8]) + (f" and {len(there) - 8:,} more" if len(there) > 8 else "")
    return PoolError(
        f"{holds} in the folder {root}",
        got=got or f"only {some}",
        fix=f"check `path` of the pool; {get}",
    )


def check_content(spec: FilesSpec, content: str) -> None:
    """Refuse files with another content than the spec says.

    Raises:
        PoolError: With the content that the files have.
    """
    if spec.content not in (None, content):
        raise PoolError(
            f"the pool {place(spec)} with content {spec.content}",
            got=f"content {content}",
            fix=f"restore the files, or write `content: {content}` if this pool is meant",
        )
